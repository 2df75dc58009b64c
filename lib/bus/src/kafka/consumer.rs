//! A member of a Kafka consumer group.
//!
//! One thread polls librdkafka and hands what happens over a bounded channel, in order. In the callback of a rebalance
//! that thread waits for the stage: for its first `next` after an assignment, so that a seek is in time, and for the
//! guard of a revocation. Heartbeats come from another thread of librdkafka and go on meanwhile.

mod poll;

use std::collections::{HashMap, HashSet};
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};
use tokio::sync::{mpsc, oneshot};
use weir_schemas::{Offset, TopicName};

use self::poll::Members;
use super::config::Settings;
use super::failure;
use crate::consumer::{Next, RevokeGuard};
use crate::{Delivery, Error, TopicPartition};

/// Batches that wait for the stage.
const CHANNEL_BATCHES: usize = 4;
/// How long a stage may hold up the others.
const REVOKE_WAIT: Duration = Duration::from_secs(10);

type Owned = Arc<Mutex<HashSet<TopicPartition>>>;

/// From the thread to the stage.
enum Event {
    Assigned(Vec<TopicPartition>),
    /// The sender is dropped with the guard.
    Revoked(Vec<TopicPartition>, std_mpsc::Sender<()>),
    Records(Vec<Delivery>),
    /// The seek of this number is done: what follows is from there.
    Sought(TopicPartition, u64),
    Failed(Error),
}

/// From the stage to the thread.
enum Order {
    /// Begin to read what was assigned, from these places where given.
    Start(HashMap<TopicPartition, Offset>),
    Seek(TopicPartition, Offset, u64),
}

pub(crate) struct KafkaConsumer {
    events: mpsc::Receiver<Event>,
    orders: std_mpsc::Sender<Order>,
    client: Weak<BaseConsumer<Members>>,
    owned: Owned,
    /// An assignment was returned and waits for the next `next`; with the seeks since.
    starting: Option<HashMap<TopicPartition, Offset>>,
    /// Seeks under way: records of these partitions are from before.
    seeking: HashMap<TopicPartition, u64>,
    seeks: u64,
    ended: oneshot::Receiver<()>,
}

/// Lets the rebalance go on when it is dropped.
pub(crate) struct KafkaGuard {
    partitions: Vec<TopicPartition>,
    owned: Owned,
    _held: std_mpsc::Sender<()>,
}

impl Drop for KafkaGuard {
    fn drop(&mut self) {
        let mut owned = self.owned.lock().unwrap_or_else(PoisonError::into_inner);
        owned.retain(|at| !self.partitions.contains(at));
    }
}

impl KafkaConsumer {
    pub(super) fn open(settings: &Settings, group: &str, topics: &[TopicName]) -> Result<Self, Error> {
        let (event_sender, events) = mpsc::channel(CHANNEL_BATCHES);
        let (orders, order_receiver) = std_mpsc::channel();
        let owned = Owned::default();
        let members = Members::new(event_sender, order_receiver, owned.clone());
        let client: BaseConsumer<Members> =
            settings.consumer(group).create_with_context(members).map_err(failure::config)?;
        let names: Vec<&str> = topics.iter().map(TopicName::as_str).collect();
        client.subscribe(&names).map_err(failure::config)?;
        let client = Arc::new(client);
        let weak = Arc::downgrade(&client);
        let ended = poll::spawn(client)?;
        Ok(Self { events, orders, client: weak, owned, starting: None, seeking: HashMap::new(), seeks: 0, ended })
    }

    pub(crate) async fn next(&mut self) -> Result<Next, Error> {
        if let Some(places) = self.starting.take() {
            // Fails only if the thread is gone, which the channel of events tells below.
            let _ = self.orders.send(Order::Start(places));
        }
        loop {
            match self.events.recv().await {
                Some(Event::Assigned(partitions)) => {
                    self.lock_owned().extend(partitions.iter().cloned());
                    self.starting = Some(HashMap::new());
                    return Ok(Next::Assigned(partitions));
                }
                Some(Event::Revoked(partitions, held)) => {
                    self.seeking.retain(|at, _| !partitions.contains(at));
                    let owned = self.owned.clone();
                    let guard = KafkaGuard { partitions: partitions.clone(), owned, _held: held };
                    return Ok(Next::Revoked(partitions, RevokeGuard::kafka(guard)));
                }
                Some(Event::Records(mut records)) => {
                    if !self.seeking.is_empty() {
                        records.retain(|record| !self.seeking.contains_key(&record.topic_partition()));
                    }
                    if !records.is_empty() {
                        return Ok(Next::Records(records));
                    }
                }
                Some(Event::Sought(at, number)) => {
                    if self.seeking.get(&at) == Some(&number) {
                        self.seeking.remove(&at);
                    }
                }
                Some(Event::Failed(error)) => return Err(error),
                None => return Err(Error::Fatal("the consumer has ended".to_owned())),
            }
        }
    }

    pub(crate) fn seek(&mut self, at: &TopicPartition, offset: Offset) -> Result<(), Error> {
        if !self.lock_owned().contains(at) {
            return Err(Error::NotAssigned(at.clone()));
        }
        if let Some(places) = &mut self.starting {
            places.insert(at.clone(), offset);
            return Ok(());
        }
        self.seeks += 1;
        self.seeking.insert(at.clone(), self.seeks);
        let sent = self.orders.send(Order::Seek(at.clone(), offset, self.seeks));
        sent.map_err(|_| Error::Fatal("the consumer has ended".to_owned()))
    }

    pub(crate) async fn commit(&mut self, next: &[(TopicPartition, Offset)]) -> Result<(), Error> {
        let mut list = TopicPartitionList::with_capacity(next.len());
        {
            // The broker checks the member, not the partition: it would take the offset of another's.
            let owned = self.lock_owned();
            for (at, offset) in next {
                if !owned.contains(at) {
                    return Err(Error::NotAssigned(at.clone()));
                }
                let added = list.add_partition_offset(at.topic.as_str(), at.partition.0, KafkaOffset::Offset(offset.0));
                added.map_err(failure::config)?;
            }
        }
        let Some(client) = self.client.upgrade() else {
            return Err(Error::Fatal("the consumer has ended".to_owned()));
        };
        let commit = tokio::task::spawn_blocking(move || client.commit(&list, CommitMode::Sync));
        match commit.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(not_committed(error, &next[0].0)),
            Err(_) => Err(Error::Unavailable("the runtime is shutting down".to_owned())),
        }
    }

    /// Returns when the group has been left.
    pub(crate) async fn close(self) {
        let Self { events, orders, ended, .. } = self;
        drop((events, orders));
        // Answered or dropped, the thread has ended.
        let _ = ended.await;
    }

    fn lock_owned(&self) -> std::sync::MutexGuard<'_, HashSet<TopicPartition>> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_committed(error: KafkaError, first: &TopicPartition) -> Error {
    match error.rdkafka_error_code() {
        Some(
            Code::UnknownMemberId
            | Code::IllegalGeneration
            | Code::RebalanceInProgress
            | Code::FencedInstanceId
            | Code::AssignmentLost,
        ) => Error::NotAssigned(first.clone()),
        _ => failure::of_topic(error, &first.topic),
    }
}

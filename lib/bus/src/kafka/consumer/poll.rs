//! The thread of a consumer, and the callbacks that run on it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self as std_mpsc, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset as KafkaOffset, TopicPartitionList};
use tokio::sync::{mpsc, oneshot};
use weir_schemas::{Offset, TopicName};

use super::super::{context, message, place};
use super::{Event, Order, Owned, REVOKE_WAIT};
use crate::record::{BATCH_BYTES, BATCH_RECORDS};
use crate::{Delivery, Error, TopicPartition};

/// How long the thread waits for librdkafka before it looks for orders.
const POLL_WAIT: Duration = Duration::from_millis(20);
const SEEK_TIMEOUT: Duration = Duration::from_secs(5);
const SEEK_TRIES: usize = 100;

/// The thread's side, shared with the callbacks.
pub(super) struct Members {
    events: mpsc::Sender<Event>,
    orders: Mutex<std_mpsc::Receiver<Order>>,
    owned: Owned,
    /// Read, and not handed over yet: a rebalance in between must not overtake it.
    batch: Mutex<Batch>,
    down: AtomicBool,
    missing: Mutex<HashSet<TopicName>>,
}

#[derive(Default)]
struct Batch {
    records: Vec<Delivery>,
    bytes: usize,
}

pub(super) fn spawn(client: Arc<BaseConsumer<Members>>) -> Result<oneshot::Receiver<()>, Error> {
    let (end, ended) = oneshot::channel();
    let run = move || {
        client.context().clone().run(&client);
        // Leaves the group. A commit under way may hold the client a moment longer.
        drop(client);
        let _ = end.send(());
    };
    let spawned = std::thread::Builder::new().name("kafka-consumer".to_owned()).spawn(run);
    spawned.map_err(|error| Error::Config(format!("no thread for the consumer: {error}")))?;
    Ok(ended)
}

impl Members {
    pub(super) fn new(events: mpsc::Sender<Event>, orders: std_mpsc::Receiver<Order>, owned: Owned) -> Self {
        Self {
            events,
            orders: Mutex::new(orders),
            owned,
            batch: Mutex::default(),
            down: AtomicBool::new(false),
            missing: Mutex::default(),
        }
    }

    /// Until the stage has dropped its side.
    fn run(&self, client: &BaseConsumer<Self>) {
        let mut topic = TopicName::from("");
        while !self.events.is_closed() {
            self.obey(client);
            let mut wait = POLL_WAIT;
            // What is there already makes up one batch; then it is handed over, and that waits for the stage.
            while let Some(polled) = client.poll(wait) {
                match polled {
                    Ok(message) => {
                        self.came_up();
                        let delivery = message::delivery(&message, &mut topic);
                        let mut batch = self.batch();
                        batch.bytes += delivery.bytes();
                        batch.records.push(delivery);
                        if batch.records.len() >= BATCH_RECORDS || batch.bytes >= BATCH_BYTES {
                            break;
                        }
                    }
                    Err(error) => self.failed(client, &error),
                }
                wait = Duration::ZERO;
            }
            self.hand_over();
        }
    }

    fn batch(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks while the channel is full. `false`: nobody is there any more.
    fn tell(&self, event: Event) -> bool {
        self.events.blocking_send(event).is_ok()
    }

    fn hand_over(&self) {
        let batch = std::mem::take(&mut *self.batch());
        if !batch.records.is_empty() {
            self.tell(Event::Records(batch.records));
        }
    }

    fn came_up(&self) {
        self.down.store(false, Ordering::Relaxed);
    }

    fn failed(&self, client: &BaseConsumer<Self>, error: &KafkaError) {
        if let Some((code, text)) = client.client().fatal_error() {
            self.tell(Event::Failed(Error::Fatal(format!("{code}: {text}"))));
            return;
        }
        match error.rdkafka_error_code() {
            Some(Code::AllBrokersDown) => {
                // Told once for each time; librdkafka goes on trying.
                if !self.down.swap(true, Ordering::Relaxed) {
                    let _ = self.events.try_send(Event::Failed(Error::Unavailable(error.to_string())));
                }
            }
            Some(Code::UnknownTopic | Code::UnknownTopicOrPartition) => {
                // The error does not name the topic; what we subscribed to does.
                for topic in self.missing_topics(client) {
                    let _ = self.events.try_send(Event::Failed(Error::UnknownTopic(topic)));
                }
            }
            _ => tracing::warn!(target: "kafka", %error, "consumer; it goes on by itself"),
        }
    }

    /// Topics that we subscribed to and that are missing, each once.
    fn missing_topics(&self, client: &BaseConsumer<Self>) -> Vec<TopicName> {
        let Ok(subscribed) = client.subscription() else { return Vec::new() };
        let mut told = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_missing = |topic: &str| {
            let metadata = client.fetch_metadata(Some(topic), super::super::ASK_TIMEOUT);
            metadata.is_ok_and(|metadata| metadata.topics().iter().all(|t| t.partitions().is_empty()))
        };
        let elements = subscribed.elements();
        let names = elements.iter().map(|element| element.topic()).filter(|topic| is_missing(topic));
        names.map(TopicName::from).filter(|topic| told.insert(topic.clone())).collect()
    }

    fn obey(&self, client: &BaseConsumer<Self>) {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match orders.try_recv() {
                Ok(Order::Seek(at, offset, number)) => {
                    if let Err(error) = seek(client, &at, offset) {
                        tracing::warn!(target: "kafka", ?at, %offset, %error, "seek");
                        self.tell(Event::Failed(Error::Unavailable(format!("seek: {error}"))));
                    }
                    self.tell(Event::Sought(at, number));
                }
                // An assignment that was lost before the stage began to read it.
                Ok(Order::Start(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    fn assigned(&self, client: &BaseConsumer<Self>, list: &mut TopicPartitionList) -> Result<(), KafkaError> {
        self.came_up();
        let partitions = places(list);
        if !partitions.is_empty() && self.tell(Event::Assigned(partitions)) {
            for (at, offset) in self.wait_for_start() {
                // A place that is not in the list was never given: seek checked it.
                let _ = list.set_partition_offset(at.topic.as_str(), at.partition.0, KafkaOffset::Offset(offset.0));
            }
        }
        match client.rebalance_protocol() {
            RebalanceProtocol::Cooperative => client.incremental_assign(list),
            _ => client.assign(list),
        }
    }

    /// Until the stage calls `next` again, or is gone.
    fn wait_for_start(&self) -> HashMap<TopicPartition, Offset> {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match orders.recv() {
                Ok(Order::Start(places)) => return places,
                // Of partitions that were revoked since.
                Ok(Order::Seek(at, _, number)) => drop(self.tell(Event::Sought(at, number))),
                Err(_) => return HashMap::new(),
            }
        }
    }

    fn revoked(&self, client: &BaseConsumer<Self>, list: &TopicPartitionList) -> Result<(), KafkaError> {
        let partitions = places(list);
        let (held, guard) = std_mpsc::channel();
        if !partitions.is_empty() && self.tell(Event::Revoked(partitions.clone(), held)) {
            if guard.recv_timeout(REVOKE_WAIT) == Err(RecvTimeoutError::Timeout) {
                tracing::warn!(target: "kafka", ?partitions, "the stage did not let go in time: going on without it");
            }
            let mut owned = self.owned.lock().unwrap_or_else(PoisonError::into_inner);
            owned.retain(|at| !partitions.contains(at));
        }
        match client.rebalance_protocol() {
            RebalanceProtocol::Cooperative => client.incremental_unassign(list),
            _ => client.unassign(),
        }
    }
}

impl ClientContext for Members {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        context::log(level, facility, message);
    }
    fn error(&self, found: KafkaError, reason: &str) {
        context::error(&found, reason);
    }
}

impl ConsumerContext for Members {
    fn rebalance(&self, client: &BaseConsumer<Self>, kind: RDKafkaRespErr, list: &mut TopicPartitionList) {
        self.hand_over();
        let done = match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(client, list),
            _ => self.revoked(client, list),
        };
        if let Err(error) = done {
            tracing::error!(target: "kafka", %error, "rebalance");
            self.tell(Event::Failed(Error::Unavailable(format!("rebalance: {error}"))));
        }
    }
}

fn places(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements().iter().map(|element| place(element.topic(), element.partition())).collect()
}

/// A partition that is not fetched yet refuses to seek for a moment.
fn seek(client: &BaseConsumer<Members>, at: &TopicPartition, offset: Offset) -> Result<(), KafkaError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match client.seek(at.topic.as_str(), at.partition.0, KafkaOffset::Offset(offset.0), SEEK_TIMEOUT) {
            Err(KafkaError::Seek(_)) if tries < SEEK_TRIES => std::thread::sleep(POLL_WAIT),
            done => return done,
        }
    }
}

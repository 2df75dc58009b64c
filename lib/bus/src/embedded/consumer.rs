//! A member of an embedded group.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use weir_schemas::{Offset, TopicName};

use super::Embedded;
use super::cursor::Cursor;
use super::groups::{Change, MemberId};
use super::partition::{PartitionLog, Watching};
use crate::consumer::{Next, RevokeGuard};
use crate::{Delivery, Error, TopicPartition};

/// How often a member looks whether a partition that it waits for is to be taken from its owner.
const WAITING_RECHECK: Duration = Duration::from_millis(500);

pub(crate) struct EmbeddedConsumer {
    log: Embedded,
    group: Arc<str>,
    id: MemberId,
    wake: Arc<Notify>,
    /// In the order of their turn.
    places: VecDeque<Place>,
}

struct Place {
    at: TopicPartition,
    log: Arc<PartitionLog>,
    next: Offset,
    /// Opened when first read.
    cursor: Option<Cursor>,
    _watching: Watching,
}

/// Lets go when it is dropped.
pub(crate) struct EmbeddedGuard {
    log: Embedded,
    group: Arc<str>,
    id: MemberId,
    partitions: Vec<TopicPartition>,
}

impl Drop for EmbeddedGuard {
    fn drop(&mut self) {
        self.log.core().groups.release(&self.group, self.id, &self.partitions);
    }
}

impl EmbeddedConsumer {
    pub(super) fn join(log: Embedded, group: &str, topics: &[TopicName]) -> Result<Self, Error> {
        let mut counts = BTreeMap::new();
        for topic in topics {
            counts.insert(topic.clone(), log.partitions(topic)?);
        }
        let wake = Arc::new(Notify::new());
        let id = log.core().groups.join(group, counts, wake.clone(), Instant::now());
        Ok(Self { log, group: group.into(), id, wake, places: VecDeque::new() })
    }

    pub(crate) async fn next(&mut self) -> Result<Next, Error> {
        loop {
            let change = self.log.core().groups.poll(&self.group, self.id, Instant::now());
            let waiting = change == Change::Waiting;
            match change {
                Change::Assigned(gained) => {
                    for at in &gained {
                        self.place(at.clone())?;
                    }
                    return Ok(Next::Assigned(gained));
                }
                Change::Revoked(losing) => {
                    self.places.retain(|place| !losing.contains(&place.at));
                    let (log, group) = (self.log.clone(), self.group.clone());
                    let guard = EmbeddedGuard { log, group, id: self.id, partitions: losing.clone() };
                    return Ok(Next::Revoked(losing, RevokeGuard::embedded(guard)));
                }
                Change::Lost(lost) => {
                    tracing::warn!(group = %self.group, ?lost, "partitions were taken: this member was asked and did not let go");
                    self.places.retain(|place| !lost.contains(&place.at));
                    return Ok(Next::Revoked(lost, RevokeGuard::none()));
                }
                Change::Waiting | Change::None => {}
            }
            let batch = self.read()?;
            if !batch.is_empty() {
                return Ok(Next::Records(batch));
            }
            // An append or a change since the look above has left a permit.
            if waiting {
                let _ = tokio::time::timeout(WAITING_RECHECK, self.wake.notified()).await;
            } else {
                self.wake.notified().await;
            }
        }
    }

    fn place(&mut self, at: TopicPartition) -> Result<(), Error> {
        let log = self.log.core().partition(&at)?;
        let (first, end) = log.offsets();
        let committed = self.log.core().offsets.get(&self.group, &at);
        let next = committed.filter(|offset| (first..=end).contains(offset)).unwrap_or(first);
        let watching = log.watch(self.wake.clone());
        self.places.push_back(Place { at, log, next, cursor: None, _watching: watching });
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<Delivery>, Error> {
        let mut batch = Vec::new();
        for _ in 0..self.places.len() {
            self.places.rotate_left(1);
            let Some(place) = self.places.back_mut() else { break };
            match place.read_into(&mut batch) {
                Ok(()) => {}
                Err(Error::OffsetGone { .. }) => {
                    // As Kafka's auto.offset.reset=earliest.
                    let first = place.log.offsets().0;
                    tracing::warn!(at = ?place.at, from = %place.next, to = %first, "offset is gone: reading on from the first");
                    place.next = first;
                    place.cursor = None;
                    self.wake.notify_one();
                }
                // What was read before stays to be delivered; the error comes up again.
                Err(_) if !batch.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(batch)
    }

    pub(crate) fn seek(&mut self, at: &TopicPartition, offset: Offset) -> Result<(), Error> {
        let place = self.places.iter_mut().find(|place| place.at == *at);
        let place = place.ok_or_else(|| Error::NotAssigned(at.clone()))?;
        place.next = offset;
        place.cursor = None;
        self.wake.notify_one();
        Ok(())
    }

    pub(crate) fn commit(&mut self, next: &[(TopicPartition, Offset)]) -> Result<(), Error> {
        let core = self.log.core();
        for (at, _) in next {
            if !core.groups.owns(&self.group, self.id, at) {
                return Err(Error::NotAssigned(at.clone()));
            }
        }
        core.offsets.commit(&self.group, next)
    }
}

impl Place {
    fn read_into(&mut self, batch: &mut Vec<Delivery>) -> Result<(), Error> {
        let cursor = match &mut self.cursor {
            Some(cursor) => cursor,
            None => {
                let (first, end) = self.log.offsets();
                if !(first..=end).contains(&self.next) {
                    let TopicPartition { topic, partition } = self.at.clone();
                    return Err(Error::OffsetGone { topic, partition, offset: self.next });
                }
                self.cursor.insert(self.log.cursor(self.next)?)
            }
        };
        let result = cursor.read_into(batch);
        self.next = cursor.next_offset();
        result
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        self.log.core().groups.leave(&self.group, self.id, Instant::now());
    }
}

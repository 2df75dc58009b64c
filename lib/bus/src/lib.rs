//! Produce and consume over two backends: Kafka (the real thing) and the embedded log (`weir up` without a broker).
//! One conformance suite (`tests/conformance.rs`) holds both to the same behaviour.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use weir_schemas::{Offset, Partition, Timestamp, TopicName};
use weir_schemas::topic::Cleanup;

#[derive(Clone, Debug)]
pub enum BusConfig {
    /// A log in a folder of this process alone.
    Embedded { dir: PathBuf },
    /// librdkafka's `bootstrap.servers`, and any of its properties (security, compression …) on top.
    Kafka { bootstrap: String, properties: Vec<(String, String)> },
}

#[derive(Clone, Debug)]
pub struct TopicSpec {
    pub name: TopicName,
    pub partitions: i32,
    pub replication: i32,
    pub cleanup: Cleanup,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    pub topic: TopicName,
    pub partition: Partition,
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Record {
    pub topic: TopicName,
    /// `None`: by the key, as Java's default partitioner does (murmur2), on both backends alike.
    pub partition: Option<Partition>,
    pub key: Bytes,
    /// `None` deletes the key in a compacted topic.
    pub value: Option<Bytes>,
    pub headers: Vec<(String, Bytes)>,
}

/// What is received.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub topic: TopicName,
    pub partition: Partition,
    pub offset: Offset,
    /// When the log appended it (topics are created with `message.timestamp.type=LogAppendTime`).
    pub appended: Timestamp,
    pub key: Bytes,
    pub value: Option<Bytes>,
    pub headers: Vec<(String, Bytes)>,
}

impl Delivery {
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition { topic: self.topic.clone(), partition: self.partition }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Earliest,
    Latest,
    At(Offset),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The local queue of the producer is full: wait and send again.
    #[error("producer queue is full")]
    QueueFull,
    /// The record is over the log's limit and will never fit.
    #[error("record of {bytes} bytes is over the limit of {limit}")]
    TooLarge { bytes: usize, limit: usize },
    #[error("topic {0} does not exist")]
    UnknownTopic(TopicName),
    #[error("offset {offset} of {topic}/{partition} is gone")]
    OffsetGone { topic: TopicName, partition: Partition, offset: Offset },
    /// The log cannot be reached now; trying again may help.
    #[error("log is unavailable: {0}")]
    Unavailable(String),
    /// The producer lost its order and must be opened anew; resend from the last acknowledged record.
    #[error("producer must be reopened: {0}")]
    Fatal(String),
    #[error("embedded log")]
    Embedded(#[from] weir_journal::Error),
    #[error("bus is misconfigured: {0}")]
    Config(String),
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Bus;

impl Bus {
    pub async fn open(_config: BusConfig) -> Result<Self, Error> { unimplemented!() }
    /// Creates what is missing; an existing topic is left as it is.
    pub async fn create_topics(&self, _topics: &[TopicSpec]) -> Result<(), Error> { unimplemented!() }
    /// Names and partition counts of all topics.
    pub async fn topics(&self) -> Result<Vec<(TopicName, i32)>, Error> { unimplemented!() }
    pub async fn partitions(&self, _topic: &TopicName) -> Result<i32, Error> { unimplemented!() }
    /// (first offset still there, offset of the next record).
    pub async fn offsets(&self, _at: &TopicPartition) -> Result<(Offset, Offset), Error> { unimplemented!() }
    /// Idempotent, acks=all, in order per partition, never gives up on its own.
    pub fn producer(&self) -> Result<Producer, Error> { unimplemented!() }
    /// A member of a consumer group.
    pub fn consumer(&self, _group: &str, _topics: &[TopicName]) -> Result<Consumer, Error> { unimplemented!() }
    /// Reads given partitions from given places, without a group.
    pub fn reader(&self, _from: Vec<(TopicPartition, Start)>) -> Result<Reader, Error> { unimplemented!() }
}

#[derive(Clone)]
pub struct Producer;

impl Producer {
    /// Enqueues without blocking. The acknowledgement may be awaited or dropped; order per partition is the order of calls.
    pub fn send(&self, _record: Record) -> Result<Ack, Error> { unimplemented!() }
    /// Waits until everything sent so far is acknowledged.
    pub async fn flush(&self) -> Result<(), Error> { unimplemented!() }
    /// Hands `delivery` to the dead letters `to`: raw key and value, its place and `reason` in headers
    /// (`weir.source.topic|partition|offset`, `weir.error`). Returns when acknowledged.
    pub async fn dead_letter(&self, _to: &TopicName, _delivery: &Delivery, _reason: &str) -> Result<(), Error> { unimplemented!() }
}

/// Resolves when the record is durable in the log.
pub struct Ack;

impl Future for Ack {
    type Output = Result<(Partition, Offset), Error>;
    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> { unimplemented!() }
}

pub struct Consumer;

/// What a group member is told, in order.
pub enum Next {
    /// New partitions: reading starts at the group's committed offsets (or the earliest), unless `seek` is called before the next `next`.
    Assigned(Vec<TopicPartition>),
    /// These are no longer ours. Finish or drop their work and commit; ownership passes on when the guard is dropped.
    Revoked(Vec<TopicPartition>, RevokeGuard),
    /// At least one, at most a bounded batch; in offset order per partition.
    Records(Vec<Delivery>),
}

/// Dropping it lets the rebalance go on.
pub struct RevokeGuard;

impl Consumer {
    /// Waits for the next thing to happen. Cancel-safe.
    pub async fn next(&mut self) -> Result<Next, Error> { unimplemented!() }
    /// Reads on from `offset`.
    pub fn seek(&mut self, _at: &TopicPartition, _offset: Offset) -> Result<(), Error> { unimplemented!() }
    /// Commits: everything before each offset is done. Only of partitions that are ours.
    pub async fn commit(&mut self, _next: &[(TopicPartition, Offset)]) -> Result<(), Error> { unimplemented!() }
}

pub struct Reader;

impl Reader {
    /// At least one record. Waits for more at the end of the log. Cancel-safe.
    pub async fn next(&mut self) -> Result<Vec<Delivery>, Error> { unimplemented!() }
}

/// Ordered commit, pure: tells how far a partition may be committed while its records finish in any order.
#[derive(Debug, Default)]
pub struct CommitTracker;

impl CommitTracker {
    /// `offset` was read and is under way. Offsets are tracked in rising order.
    pub fn begin(&mut self, _at: &TopicPartition, _offset: Offset) {}
    /// `offset` is durable.
    pub fn done(&mut self, _at: &TopicPartition, _offset: Offset) {}
    /// What may be committed and has not been returned before: (partition, next offset).
    pub fn committable(&mut self) -> Vec<(TopicPartition, Offset)> { Vec::new() }
    /// Forgets a partition that is no longer ours.
    pub fn forget(&mut self, _at: &TopicPartition) {}
}

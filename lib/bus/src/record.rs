//! What goes over the bus.

use bytes::Bytes;
use weir_schemas::topic::Cleanup;
use weir_schemas::{Offset, Partition, Timestamp, TopicName};

use crate::Error;

/// Largest record: key, value and headers together. A payload of 1 MiB passes with room for what wraps it.
pub const MAX_RECORD_BYTES: usize = 2 * 1024 * 1024;
/// Room for what a dead letter adds, so that any record that was ever accepted can become one.
pub(crate) const DEAD_LETTER_BYTES: usize = 16 * 1024;

/// How a topic is created.
#[derive(Clone, Debug)]
pub struct TopicSpec {
    pub name: TopicName,
    pub partitions: i32,
    /// Copies over brokers; the embedded log has one.
    pub replication: i32,
    pub cleanup: Cleanup,
}

impl TopicSpec {
    /// Kafka's rules for names, on both backends: a name is also a folder.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let name = self.name.as_str();
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > 249 || matches!(name, "." | "..") || !name.chars().all(legal) {
            return Err(Error::Config(format!("topic name {name:?}: 1 to 249 of a-z A-Z 0-9 . _ -")));
        }
        if !(1..=10_000).contains(&self.partitions) {
            return Err(Error::Config(format!("topic {name}: {} partitions", self.partitions)));
        }
        Ok(())
    }
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

impl Record {
    pub(crate) fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.len() + self.value.as_ref().map_or(0, Bytes::len) + headers
    }

    pub(crate) fn check_size(&self, limit: usize) -> Result<(), Error> {
        match self.bytes() {
            bytes if bytes > limit => Err(Error::TooLarge { bytes, limit }),
            _ => Ok(()),
        }
    }
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

    pub(crate) fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.len() + self.value.as_ref().map_or(0, Bytes::len) + headers
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Earliest,
    Latest,
    At(Offset),
}

/// Bounds of what one `next` returns.
pub(crate) const BATCH_RECORDS: usize = 512;
pub(crate) const BATCH_BYTES: usize = 1024 * 1024;

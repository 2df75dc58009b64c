use weir_schemas::{Offset, Partition, TopicName};

use crate::TopicPartition;

/// What can go wrong between a stage and the log. No variant holds payload text.
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
    /// The partition belongs to another member of the group: what was done for it is to be dropped.
    #[error("{topic}/{partition} is not assigned to this member", topic = .0.topic, partition = .0.partition)]
    NotAssigned(TopicPartition),
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

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::QueueFull | Self::Unavailable(_) | Self::Embedded(weir_journal::Error::Full { .. }))
    }
}

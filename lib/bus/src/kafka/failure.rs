//! librdkafka's errors in the words of the bus.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use weir_schemas::TopicName;

use super::config::MAX_MESSAGE_BYTES;
use crate::Error;

/// Of opening a client: its configuration.
pub(super) fn config(error: KafkaError) -> Error {
    Error::Config(error.to_string())
}

/// Of anything that a broker was asked.
pub(super) fn asked(error: KafkaError) -> Error {
    match error {
        KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) | KafkaError::AdminOpCreation(_) => config(error),
        error => Error::Unavailable(error.to_string()),
    }
}

pub(super) fn of_topic(error: KafkaError, topic: &TopicName) -> Error {
    match error.rdkafka_error_code() {
        Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => {
            Error::UnknownTopic(topic.clone())
        }
        _ => asked(error),
    }
}

/// Whether the partition has no known leader just now.
pub(super) fn leader_moves(error: &KafkaError) -> bool {
    matches!(error.rdkafka_error_code(), Some(Code::NotLeaderForPartition | Code::LeaderNotAvailable))
}

/// Of one record that could not be enqueued or delivered.
pub(super) fn of_record(error: KafkaError, topic: &TopicName, bytes: usize) -> Error {
    match error.rdkafka_error_code() {
        Some(Code::QueueFull) => Error::QueueFull,
        Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => {
            Error::TooLarge { bytes, limit: MAX_MESSAGE_BYTES }
        }
        Some(Code::Fatal | Code::GaplessGuarantee) => Error::Fatal(error.to_string()),
        Some(Code::PurgeQueue | Code::PurgeInflight) => Error::Unavailable("the producer was closed".to_owned()),
        _ => of_topic(error, topic),
    }
}

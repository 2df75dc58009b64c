//! A librdkafka message as a delivery.

use bytes::Bytes;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers};
use weir_schemas::{Offset, Partition, Timestamp, TopicName};

use crate::Delivery;

/// `last` is the topic of the message before: mostly the same, so its name is shared.
pub(super) fn delivery(message: &BorrowedMessage<'_>, last: &mut TopicName) -> Delivery {
    if last.as_str() != message.topic() {
        *last = TopicName::from(message.topic());
    }
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        let owned = |header: rdkafka::message::Header<'_, &[u8]>| {
            (header.key.to_owned(), Bytes::copy_from_slice(header.value.unwrap_or_default()))
        };
        headers.iter().map(owned).collect()
    });
    Delivery {
        topic: last.clone(),
        partition: Partition(message.partition()),
        offset: Offset(message.offset()),
        appended: Timestamp::from_millis(message.timestamp().to_millis().unwrap_or_default()),
        key: Bytes::copy_from_slice(message.key().unwrap_or_default()),
        value: message.payload().map(Bytes::copy_from_slice),
        headers,
    }
}

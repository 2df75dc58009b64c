//! Between events and records: the topic, the key and the value of each event are its own affair.

use bytes::Bytes;
use weir_schemas::{Codec, Error, Event};

use crate::{Delivery, Record};

/// The record of an event, in the installation's topic for it.
pub fn record<E: Event>(codec: &Codec, prefix: &str, event: &E) -> Result<Record, Error> {
    Ok(Record {
        topic: E::TOPIC.name(prefix),
        partition: None,
        key: Bytes::from(event.key()),
        value: Some(Bytes::from(codec.encode(event)?)),
        headers: Vec::new(),
    })
}

/// The event of a delivery. What does not decode belongs to the dead letters.
pub fn decode<E: Event>(codec: &Codec, delivery: &Delivery) -> Result<E, Error> {
    match &delivery.value {
        Some(value) => codec.decode(value),
        None => Err(Error::NotFramed("no value")),
    }
}

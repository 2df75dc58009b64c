//! Kafka through librdkafka.

use tokio::sync::oneshot;
use weir_schemas::{Offset, TopicName};

use crate::consumer::Next;
use crate::producer::AckResult;
use crate::{Delivery, Error, Record, Start, TopicPartition, TopicSpec};

fn soon() -> Error {
    Error::Config("the Kafka backend is not built in yet".to_owned())
}

#[derive(Clone)]
pub(crate) struct Kafka;
impl Kafka {
    pub(crate) fn open(_: &str, _: &[(String, String)]) -> Result<Self, Error> {
        Err(soon())
    }
    pub(crate) async fn create_topics(&self, _: &[TopicSpec]) -> Result<(), Error> {
        Err(soon())
    }
    pub(crate) fn topics(&self) -> Result<Vec<(TopicName, i32)>, Error> {
        Err(soon())
    }
    pub(crate) fn partitions(&self, _: &TopicName) -> Result<i32, Error> {
        Err(soon())
    }
    pub(crate) fn offsets(&self, _: &TopicPartition) -> Result<(Offset, Offset), Error> {
        Err(soon())
    }
    pub(crate) fn producer(&self) -> Result<KafkaProducer, Error> {
        Err(soon())
    }
    pub(crate) fn consumer(&self, _: &str, _: &[TopicName]) -> Result<KafkaConsumer, Error> {
        Err(soon())
    }
    pub(crate) fn reader(&self, _: Vec<(TopicPartition, Start)>) -> Result<KafkaReader, Error> {
        Err(soon())
    }
}

#[derive(Clone)]
pub(crate) struct KafkaProducer;
impl KafkaProducer {
    pub(crate) fn send(&self, _: &Record) -> Result<oneshot::Receiver<AckResult>, Error> {
        Err(soon())
    }
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        Err(soon())
    }
}
pub(crate) struct KafkaConsumer;
pub(crate) struct KafkaGuard;
impl KafkaConsumer {
    pub(crate) async fn next(&mut self) -> Result<Next, Error> {
        Err(soon())
    }
    pub(crate) fn seek(&mut self, _: &TopicPartition, _: Offset) -> Result<(), Error> {
        Err(soon())
    }
    pub(crate) async fn commit(&mut self, _: &[(TopicPartition, Offset)]) -> Result<(), Error> {
        Err(soon())
    }
    pub(crate) async fn close(self) {}
}
pub(crate) struct KafkaReader;
impl KafkaReader {
    pub(crate) async fn next(&mut self) -> Result<Vec<Delivery>, Error> {
        Err(soon())
    }
}

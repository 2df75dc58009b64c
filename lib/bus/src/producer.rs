//! Sending.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use weir_schemas::{Offset, Partition, TopicName};

use crate::embedded::Embedded;
use crate::kafka::KafkaProducer;
use crate::record::{DEAD_LETTER_BYTES, MAX_RECORD_BYTES};
use crate::{Delivery, Error, Record};

/// What a dead letter says of why it is one, at most.
const MAX_REASON_BYTES: usize = 1024;
/// Between tries while the producer's queue is full.
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(10);

/// Cheap to clone: clones share one order and one queue.
#[derive(Clone)]
pub struct Producer {
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Embedded(Embedded),
    Kafka(KafkaProducer),
}

impl Producer {
    pub(crate) fn embedded(log: Embedded) -> Self {
        Self { backend: Backend::Embedded(log) }
    }

    pub(crate) fn kafka(producer: KafkaProducer) -> Self {
        Self { backend: Backend::Kafka(producer) }
    }

    /// Enqueues without blocking. The acknowledgement may be awaited or dropped; order per partition is the order of calls.
    pub fn send(&self, record: Record) -> Result<Ack, Error> {
        record.check_size(MAX_RECORD_BYTES)?;
        self.send_checked(&record)
    }

    fn send_checked(&self, record: &Record) -> Result<Ack, Error> {
        match &self.backend {
            Backend::Embedded(log) => Ok(Ack(State::Ready(Some(log.append(record)?)))),
            Backend::Kafka(producer) => Ok(Ack(State::Waiting(producer.send(record)?))),
        }
    }

    /// Waits until everything sent so far is acknowledged.
    pub async fn flush(&self) -> Result<(), Error> {
        match &self.backend {
            // Each was acknowledged when it was sent.
            Backend::Embedded(_) => Ok(()),
            Backend::Kafka(producer) => producer.flush().await,
        }
    }

    /// Hands `delivery` to the dead letters `to`: raw key and value, its place and `reason` in headers
    /// (`weir.source.topic|partition|offset`, `weir.error`). Returns when acknowledged.
    pub async fn dead_letter(&self, to: &TopicName, delivery: &Delivery, reason: &str) -> Result<(), Error> {
        let mut headers = delivery.headers.clone();
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), Bytes::from(value)));
        add("weir.source.topic", delivery.topic.to_string());
        add("weir.source.partition", delivery.partition.to_string());
        add("weir.source.offset", delivery.offset.to_string());
        let end = reason.floor_char_boundary(MAX_REASON_BYTES);
        add("weir.error", reason[..end].to_owned());
        let (key, value) = (delivery.key.clone(), delivery.value.clone());
        let record = Record { topic: to.clone(), partition: None, key, value, headers };
        record.check_size(MAX_RECORD_BYTES + DEAD_LETTER_BYTES)?;
        loop {
            match self.send_checked(&record) {
                Ok(ack) => return ack.await.map(drop),
                Err(Error::QueueFull) => tokio::time::sleep(QUEUE_FULL_WAIT).await,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Resolves when the record is durable in the log.
#[must_use = "dropping it says that nobody needs to know whether the record arrived"]
pub struct Ack(State);

pub(crate) type AckResult = Result<(Partition, Offset), Error>;

enum State {
    Ready(Option<(Partition, Offset)>),
    Waiting(oneshot::Receiver<AckResult>),
}

impl Future for Ack {
    type Output = AckResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(place) => Poll::Ready(Ok(place.take().expect("a future is not polled after it was ready"))),
            State::Waiting(receiver) => Pin::new(receiver).poll(cx).map(|answered| {
                answered.unwrap_or_else(|_| Err(Error::Unavailable("the producer was closed".to_owned())))
            }),
        }
    }
}

//! Sending to Kafka: idempotent, acknowledged by all replicas, in order, never giving up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use tokio::sync::{oneshot, watch};
use weir_schemas::{Offset, Partition, TopicName};

use super::config::Settings;
use super::{context, failure};
use crate::producer::AckResult;
use crate::{Error, Record};

/// How long what is still queued has when the last clone is dropped.
const LINGER_ON_DROP: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(crate) struct KafkaProducer {
    inner: Arc<Inner>,
}

struct Inner {
    /// `None` only while it is dropped.
    client: Option<ThreadedProducer<Deliveries>>,
    epochs: Mutex<Epochs>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // librdkafka throws away what is queued when a producer ends, and ending it blocks: neither is for here.
        let Some(client) = self.client.take() else { return };
        let finish = move || {
            if client.in_flight_count() > 0
                && let Err(error) = client.flush(LINGER_ON_DROP)
            {
                tracing::error!(target: "kafka", %error, left = client.in_flight_count(), "records given up");
            }
        };
        if let Err(error) = std::thread::Builder::new().name("kafka-flush".to_owned()).spawn(finish) {
            tracing::error!(target: "kafka", %error, "no thread to finish a producer");
        }
    }
}

/// Everything sent between two flushes holds the same sender: when all have let go of it, all are acknowledged.
struct Epochs {
    current: Arc<watch::Sender<()>>,
    unfinished: Vec<watch::Receiver<()>>,
}

pub(super) struct Pending {
    ack: oneshot::Sender<AckResult>,
    topic: TopicName,
    bytes: usize,
    _epoch: Arc<watch::Sender<()>>,
}

pub(super) struct Deliveries;

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        context::log(level, facility, message);
    }
    fn error(&self, found: KafkaError, reason: &str) {
        context::error(&found, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Pending>;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Box<Pending>) {
        let answer = match result {
            Ok(message) => Ok((Partition(message.partition()), Offset(message.offset()))),
            Err((error, _)) => Err(failure::of_record(error.clone(), &pending.topic, pending.bytes)),
        };
        // Nobody may be waiting: an acknowledgement can be dropped.
        let _ = pending.ack.send(answer);
    }
}

impl KafkaProducer {
    pub(super) fn open(settings: &Settings) -> Result<Self, Error> {
        let client = settings.producer().create_with_context(Deliveries).map_err(failure::config)?;
        let current = Arc::new(watch::Sender::new(()));
        let epochs = Epochs { unfinished: vec![current.subscribe()], current };
        Ok(Self { inner: Arc::new(Inner { client: Some(client), epochs: Mutex::new(epochs) }) })
    }

    fn client(&self) -> &ThreadedProducer<Deliveries> {
        self.inner.client.as_ref().expect("taken only when the last clone is dropped")
    }

    pub(crate) fn send(&self, record: &Record) -> Result<oneshot::Receiver<AckResult>, Error> {
        let (ack, acknowledged) = oneshot::channel();
        let epoch = self.inner.epochs.lock().unwrap_or_else(PoisonError::into_inner).current.clone();
        let pending = Pending { ack, topic: record.topic.clone(), bytes: record.bytes(), _epoch: epoch };
        let mut message =
            BaseRecord::<[u8], [u8], _>::with_opaque_to(record.topic.as_str(), Box::new(pending)).key(&record.key);
        message.partition = record.partition.map(|partition| partition.0);
        message.payload = record.value.as_deref();
        if !record.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(record.headers.len());
            let insert = |headers: OwnedHeaders, (key, value): &(String, bytes::Bytes)| {
                headers.insert(Header { key, value: Some(value.as_ref()) })
            };
            message.headers = Some(record.headers.iter().fold(headers, insert));
        }
        match self.client().send(message) {
            Ok(()) => Ok(acknowledged),
            Err((error, _)) => Err(failure::of_record(error, &record.topic, record.bytes())),
        }
    }

    pub(crate) async fn flush(&self) -> Result<(), Error> {
        let unfinished = {
            let mut epochs = self.inner.epochs.lock().unwrap_or_else(PoisonError::into_inner);
            let Epochs { current, unfinished } = &mut *epochs;
            unfinished.retain(|epoch| epoch.has_changed().is_ok());
            let due = unfinished.clone();
            *current = Arc::new(watch::Sender::new(()));
            unfinished.push(current.subscribe());
            due
        };
        for mut epoch in unfinished {
            // Nothing is ever sent: it ends when the last sender is gone.
            while epoch.changed().await.is_ok() {}
        }
        match self.client().client().fatal_error() {
            Some((code, text)) => Err(fatal(code, &text)),
            None => Ok(()),
        }
    }
}

fn fatal(code: RDKafkaErrorCode, text: &str) -> Error {
    Error::Fatal(format!("{code}: {text}"))
}

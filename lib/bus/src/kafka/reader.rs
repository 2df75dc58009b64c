//! Reads given partitions of Kafka, without a group.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};
use tokio::sync::mpsc;
use weir_schemas::{Offset, TopicName};

use super::context::Quiet;
use super::{Kafka, failure, message};
use crate::record::{BATCH_BYTES, BATCH_RECORDS};
use crate::{Delivery, Error, TopicPartition};

/// Batches that wait for the stage.
const CHANNEL_BATCHES: usize = 4;
const POLL_WAIT: Duration = Duration::from_millis(100);

pub(crate) struct KafkaReader {
    batches: mpsc::Receiver<Result<Vec<Delivery>, Error>>,
    gone: Option<(TopicPartition, Offset)>,
}

impl KafkaReader {
    pub(super) fn open(kafka: Kafka, from: Vec<(TopicPartition, Offset)>) -> Result<Self, Error> {
        let client: BaseConsumer<Quiet> =
            kafka.settings.reader().create_with_context(Quiet).map_err(failure::config)?;
        let mut list = TopicPartitionList::with_capacity(from.len());
        for (at, offset) in &from {
            let added = list.add_partition_offset(at.topic.as_str(), at.partition.0, KafkaOffset::Offset(offset.0));
            added.map_err(failure::config)?;
        }
        client.assign(&list).map_err(failure::config)?;
        let (sender, batches) = mpsc::channel(CHANNEL_BATCHES);
        let thread = Thread { kafka, sender, next: from.into_iter().collect(), down: AtomicBool::new(false) };
        let spawned = std::thread::Builder::new().name("kafka-reader".to_owned()).spawn(move || thread.run(&client));
        spawned.map_err(|error| Error::Config(format!("no thread for the reader: {error}")))?;
        Ok(Self { batches, gone: None })
    }

    pub(crate) async fn next(&mut self) -> Result<Vec<Delivery>, Error> {
        let batch = self.batches.recv().await;
        match batch {
            Some(Err(Error::OffsetGone { topic, partition, offset })) => {
                self.gone = Some((TopicPartition { topic, partition }, offset));
            }
            Some(batch) => return batch,
            None => {}
        }
        match self.gone.clone() {
            Some((TopicPartition { topic, partition }, offset)) => Err(Error::OffsetGone { topic, partition, offset }),
            None => Err(Error::Fatal("the reader has ended".to_owned())),
        }
    }
}

struct Thread {
    kafka: Kafka,
    sender: mpsc::Sender<Result<Vec<Delivery>, Error>>,
    next: HashMap<TopicPartition, Offset>,
    down: AtomicBool,
}

impl Thread {
    /// Until the stage has dropped its side, or an offset is gone.
    fn run(mut self, client: &BaseConsumer<Quiet>) {
        let mut topic = TopicName::from("");
        while !self.sender.is_closed() {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            let mut failed = None;
            let mut wait = POLL_WAIT;
            while let Some(polled) = client.poll(wait) {
                match polled {
                    Ok(message) => {
                        let delivery = message::delivery(&message, &mut topic);
                        bytes += delivery.bytes();
                        batch.push(delivery);
                    }
                    Err(error) => failed = self.judge(client, &error),
                }
                if failed.is_some() || batch.len() >= BATCH_RECORDS || bytes >= BATCH_BYTES {
                    break;
                }
                wait = Duration::ZERO;
            }
            for delivery in &batch {
                self.next.insert(delivery.topic_partition(), delivery.offset.next());
            }
            if !batch.is_empty() {
                self.down.store(false, Ordering::Relaxed);
                // Fails if the stage is gone, which the loop sees.
                let _ = self.sender.blocking_send(Ok(batch));
            }
            if let Some(error) = failed {
                let last = matches!(error, Error::OffsetGone { .. } | Error::Fatal(_));
                let _ = self.sender.blocking_send(Err(error));
                if last {
                    return;
                }
            }
        }
    }

    /// What the stage has to know.
    fn judge(&self, client: &BaseConsumer<Quiet>, error: &KafkaError) -> Option<Error> {
        if let Some((code, text)) = client.client().fatal_error() {
            return Some(Error::Fatal(format!("{code}: {text}")));
        }
        match error.rdkafka_error_code() {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => self.gone(),
            Some(Code::AllBrokersDown) if !self.down.swap(true, Ordering::Relaxed) => {
                Some(Error::Unavailable(error.to_string()))
            }
            Some(Code::AllBrokersDown) => None,
            _ => {
                tracing::warn!(target: "kafka", %error, "reader; it goes on by itself");
                None
            }
        }
    }

    /// The error does not say which partition it is of.
    fn gone(&self) -> Option<Error> {
        self.next.iter().find_map(|(at, next)| {
            let (first, end) = self.kafka.offsets(at).ok()?;
            let TopicPartition { topic, partition } = at.clone();
            (!(first..=end).contains(next)).then_some(Error::OffsetGone { topic, partition, offset: *next })
        })
    }
}

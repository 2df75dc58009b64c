//! Kafka through librdkafka. No other crate names it.
//!
//! Each producer, consumer and reader is a client of its own with a thread that serves it; librdkafka retries and
//! reconnects by itself, so a broker that is down is news here and never an end.

mod admin;
mod config;
mod consumer;
mod context;
mod failure;
mod message;
mod producer;
mod reader;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::producer::{Producer as _, ThreadedProducer};
use weir_schemas::{Offset, Partition, TopicName};

use self::config::Settings;
use self::context::Quiet;
use crate::{Error, Start, TopicPartition, TopicSpec};

pub(crate) use self::consumer::{KafkaConsumer, KafkaGuard};
pub(crate) use self::producer::KafkaProducer;
pub(crate) use self::reader::KafkaReader;

/// How long a question to the broker may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two looks for a leader.
const LEADER_PAUSE: Duration = Duration::from_millis(100);

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Kafka {
    settings: Arc<Settings>,
    /// For questions. A producer because its thread serves what librdkafka has to say; it sends nothing.
    client: Arc<ThreadedProducer<Quiet>>,
}

impl Kafka {
    pub(crate) fn open(bootstrap: &str, properties: &[(String, String)]) -> Result<Self, Error> {
        let settings = Settings::new(bootstrap, properties)?;
        let client = settings.client().create_with_context(Quiet).map_err(failure::config)?;
        Ok(Self { settings: Arc::new(settings), client: Arc::new(client) })
    }

    pub(crate) async fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), Error> {
        admin::create_topics(self, topics).await
    }

    pub(crate) fn topics(&self) -> Result<Vec<(TopicName, i32)>, Error> {
        admin::topics(self)
    }

    pub(crate) fn partitions(&self, topic: &TopicName) -> Result<i32, Error> {
        admin::partitions(self, topic)
    }

    /// Blocks. In the first moments of a topic, and while leadership moves, a broker may say that it does not lead: that
    /// passes, and is asked again.
    pub(crate) fn offsets(&self, at: &TopicPartition) -> Result<(Offset, Offset), Error> {
        let deadline = Instant::now() + ASK_TIMEOUT;
        loop {
            match self.client.client().fetch_watermarks(at.topic.as_str(), at.partition.0, ASK_TIMEOUT) {
                Ok((first, next)) => return Ok((Offset(first), Offset(next))),
                Err(error) if failure::leader_moves(&error) && Instant::now() < deadline => {
                    std::thread::sleep(LEADER_PAUSE);
                }
                Err(error) => return Err(failure::of_topic(error, &at.topic)),
            }
        }
    }

    pub(crate) fn producer(&self) -> Result<KafkaProducer, Error> {
        KafkaProducer::open(&self.settings)
    }

    pub(crate) fn consumer(&self, group: &str, topics: &[TopicName]) -> Result<KafkaConsumer, Error> {
        KafkaConsumer::open(&self.settings, group, topics)
    }

    /// Blocks shortly: where the end is has to be known before anybody appends more.
    pub(crate) fn reader(&self, from: Vec<(TopicPartition, Start)>) -> Result<KafkaReader, Error> {
        let mut places = Vec::with_capacity(from.len());
        for (at, start) in from {
            let (first, next) = self.offsets(&at)?;
            let offset = match start {
                Start::Earliest => first,
                Start::Latest => next,
                Start::At(offset) if (first..=next).contains(&offset) => offset,
                Start::At(offset) => {
                    return Err(Error::OffsetGone { topic: at.topic, partition: at.partition, offset });
                }
            };
            places.push((at, offset));
        }
        KafkaReader::open(self.clone(), places)
    }
}

fn place(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition { topic: TopicName::from(topic), partition: Partition(partition) }
}

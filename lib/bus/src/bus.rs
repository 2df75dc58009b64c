//! The way in: one handle over both backends.

use std::path::PathBuf;

use weir_schemas::{Offset, TopicName};

use crate::embedded::Embedded;
use crate::kafka::Kafka;
use crate::{Consumer, Error, Producer, Reader, Start, TopicPartition, TopicSpec};

#[derive(Clone, Debug)]
pub enum BusConfig {
    /// A log in a folder of this process alone.
    Embedded { dir: PathBuf },
    /// librdkafka's `bootstrap.servers`, and any of its properties (security, compression …) on top.
    Kafka { bootstrap: String, properties: Vec<(String, String)> },
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Embedded(Embedded),
    Kafka(Kafka),
}

impl Bus {
    /// Opens the log. A Kafka that is down does not matter here: later calls say so.
    pub async fn open(config: BusConfig) -> Result<Self, Error> {
        let backend = match config {
            BusConfig::Embedded { dir } => Backend::Embedded(blocking(move || Embedded::open(&dir)).await?),
            BusConfig::Kafka { bootstrap, properties } => Backend::Kafka(Kafka::open(&bootstrap, &properties)?),
        };
        Ok(Self { backend })
    }

    /// Creates what is missing; an existing topic is left as it is.
    pub async fn create_topics(&self, topics: &[TopicSpec]) -> Result<(), Error> {
        topics.iter().try_for_each(TopicSpec::check)?;
        match &self.backend {
            Backend::Embedded(log) => {
                let (log, topics) = (log.clone(), topics.to_vec());
                blocking(move || log.create_topics(&topics)).await
            }
            Backend::Kafka(kafka) => kafka.create_topics(topics).await,
        }
    }

    /// Names and partition counts of all topics.
    pub async fn topics(&self) -> Result<Vec<(TopicName, i32)>, Error> {
        match &self.backend {
            Backend::Embedded(log) => Ok(log.topics()),
            Backend::Kafka(kafka) => {
                let kafka = kafka.clone();
                blocking(move || kafka.topics()).await
            }
        }
    }

    pub async fn partitions(&self, topic: &TopicName) -> Result<i32, Error> {
        match &self.backend {
            Backend::Embedded(log) => log.partitions(topic),
            Backend::Kafka(kafka) => {
                let (kafka, topic) = (kafka.clone(), topic.clone());
                blocking(move || kafka.partitions(&topic)).await
            }
        }
    }

    /// (first offset still there, offset of the next record).
    pub async fn offsets(&self, at: &TopicPartition) -> Result<(Offset, Offset), Error> {
        match &self.backend {
            Backend::Embedded(log) => log.offsets(at),
            Backend::Kafka(kafka) => {
                let (kafka, at) = (kafka.clone(), at.clone());
                blocking(move || kafka.offsets(&at)).await
            }
        }
    }

    /// Idempotent, acks=all, in order per partition, never gives up on its own.
    ///
    /// With Kafka, what is queued when the last clone is dropped goes out in the background: `flush` before the process
    /// ends.
    pub fn producer(&self) -> Result<Producer, Error> {
        match &self.backend {
            Backend::Embedded(log) => Ok(Producer::embedded(log.clone())),
            Backend::Kafka(kafka) => Ok(Producer::kafka(kafka.producer()?)),
        }
    }

    /// A member of a consumer group.
    pub fn consumer(&self, group: &str, topics: &[TopicName]) -> Result<Consumer, Error> {
        if group.is_empty() || topics.is_empty() {
            return Err(Error::Config("a consumer needs a group and topics".to_owned()));
        }
        match &self.backend {
            Backend::Embedded(log) => Ok(Consumer::embedded(log.consumer(group, topics)?)),
            Backend::Kafka(kafka) => Ok(Consumer::kafka(kafka.consumer(group, topics)?)),
        }
    }

    /// Reads given partitions from given places, without a group.
    ///
    /// Blocks shortly with Kafka: [`Start::Latest`] means the end of the log as it is now.
    pub fn reader(&self, from: Vec<(TopicPartition, Start)>) -> Result<Reader, Error> {
        match &self.backend {
            Backend::Embedded(log) => Ok(Reader::embedded(log.reader(from)?)),
            Backend::Kafka(kafka) => Ok(Reader::kafka(kafka.reader(from)?)),
        }
    }

    /// Applies retention and compaction now. The embedded log does it every minute by itself; Kafka when it likes,
    /// so there this does nothing.
    pub async fn maintain(&self) -> Result<(), Error> {
        match &self.backend {
            Backend::Embedded(log) => {
                let log = log.clone();
                blocking(move || log.maintain()).await
            }
            Backend::Kafka(_) => Ok(()),
        }
    }
}

async fn blocking<T: Send + 'static>(f: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(f).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Unavailable("the runtime is shutting down".to_owned())),
        },
    }
}

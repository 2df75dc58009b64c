//! A log to test against.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::time::timeout;
use weir_bus::{Bus, BusConfig, Consumer, Delivery, Next, Reader, Record, Start, TopicPartition, TopicSpec};
use weir_harness::kafka::Kafka;
use weir_schemas::topic::Cleanup;
use weir_schemas::{Partition, TopicName};

/// Long enough for a busy machine; no test waits for it unless it fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct World {
    pub bus: Bus,
    config: BusConfig,
    name: String,
    topics: AtomicU32,
    _dir: Option<TempDir>,
}

impl World {
    pub async fn embedded() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = BusConfig::Embedded { dir: dir.path().join("log") };
        Self::open(config, "test", Some(dir)).await
    }

    /// `None` where the broker cannot run.
    pub async fn kafka(name: &str) -> Option<Self> {
        let kafka = tokio::task::spawn_blocking(Kafka::shared).await.unwrap()?;
        let properties = vec![("session.timeout.ms".to_owned(), "6000".to_owned())];
        let config = BusConfig::Kafka { bootstrap: kafka.bootstrap().to_owned(), properties };
        Some(Self::open(config, name, None).await)
    }

    async fn open(config: BusConfig, name: &str, dir: Option<TempDir>) -> Self {
        let bus = Bus::open(config.clone()).await.unwrap();
        Self { bus, config, name: name.to_owned(), topics: AtomicU32::new(0), _dir: dir }
    }

    pub fn is_embedded(&self) -> bool {
        matches!(self.config, BusConfig::Embedded { .. })
    }

    /// Closes the log and opens it anew.
    pub async fn reopen(self) -> Self {
        let Self { bus, config, name, topics, _dir } = self;
        drop(bus);
        let bus = Bus::open(config.clone()).await.unwrap();
        Self { bus, config, name, topics, _dir }
    }

    /// A topic of this test alone.
    pub async fn topic(&self, partitions: i32) -> TopicName {
        self.topic_with(partitions, Cleanup::Keep).await
    }

    pub async fn topic_with(&self, partitions: i32, cleanup: Cleanup) -> TopicName {
        let number = self.topics.fetch_add(1, Ordering::Relaxed);
        let name = TopicName::from(format!("{}.{number}", self.name));
        let spec = TopicSpec { name: name.clone(), partitions, replication: 1, cleanup };
        self.bus.create_topics(&[spec]).await.unwrap();
        name
    }

    pub fn group(&self) -> String {
        format!("group-of-{}", self.name)
    }

    pub fn consumer(&self, topics: &[TopicName]) -> Consumer {
        self.bus.consumer(&self.group(), topics).unwrap()
    }

    /// Sends and waits until all are acknowledged.
    pub async fn send_all(&self, records: impl IntoIterator<Item = Record>) {
        let producer = self.bus.producer().unwrap();
        let acks: Vec<_> = records.into_iter().map(|record| producer.send(record).unwrap()).collect();
        for ack in acks {
            timeout(PATIENCE, ack).await.expect("acknowledged in time").unwrap();
        }
    }

    /// The first `count` records of a topic.
    pub async fn read(&self, topic: &TopicName, count: usize) -> Vec<Delivery> {
        let partitions = self.bus.partitions(topic).await.unwrap();
        let from = (0..partitions).map(|p| (place(topic, p), Start::Earliest)).collect();
        take(&mut self.bus.reader(from).unwrap(), count).await
    }
}

pub fn place(topic: &TopicName, partition: i32) -> TopicPartition {
    TopicPartition { topic: topic.clone(), partition: Partition(partition) }
}

pub fn record(topic: &TopicName, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Record {
    Record { topic: topic.clone(), partition: None, key: key.into(), value: Some(value.into()), headers: Vec::new() }
}

pub fn numbered(topic: &TopicName, partition: i32, number: u32) -> Record {
    Record { partition: Some(Partition(partition)), ..record(topic, "k", number.to_be_bytes().to_vec()) }
}

pub fn number(delivery: &Delivery) -> u32 {
    u32::from_be_bytes(delivery.value.as_ref().unwrap()[..4].try_into().unwrap())
}

pub async fn take(reader: &mut Reader, count: usize) -> Vec<Delivery> {
    let mut out = Vec::new();
    while out.len() < count {
        let batch = timeout(PATIENCE, reader.next()).await.expect("records in time").unwrap();
        assert!(!batch.is_empty());
        out.extend(batch);
    }
    assert_eq!(out.len(), count, "more than were sent");
    out
}

/// What happens next, whatever it is.
pub async fn next(consumer: &mut Consumer) -> Next {
    timeout(PATIENCE, consumer.next()).await.expect("something in time").unwrap()
}

/// Goes on until `count` records came; guards are dropped at once.
pub async fn consume(consumer: &mut Consumer, count: usize) -> Vec<Delivery> {
    let mut out = Vec::new();
    while out.len() < count {
        if let Next::Records(records) = next(consumer).await {
            out.extend(records);
        }
    }
    assert_eq!(out.len(), count, "more than were sent");
    out
}

//! The embedded log: topics in a folder of one process, on `weir-journal`.
//!
//! ```text
//! DIR/bus.lock
//! DIR/topics/NAME/topic.json           partitions and clean-up
//! DIR/topics/NAME/PARTITION/GEN/*.seg  one journal a partition; compaction writes the next generation
//! DIR/offsets/*.seg                    committed offsets of groups
//! ```
//! An append returns after `write(2)`, so an acknowledged record survives kill -9; power loss is bounded by
//! [`SYNC_EVERY`]. Groups live in the process; their offsets are durable.

mod compaction;
mod consumer;
mod cursor;
mod groups;
mod maintenance;
mod offsets;
mod partition;
mod reader;
mod record_format;
mod topic;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

pub(crate) use consumer::EmbeddedConsumer;
pub(crate) use consumer::EmbeddedGuard;
pub(crate) use reader::EmbeddedReader;
use weir_schemas::{Offset, Partition, Timestamp, TopicName};

use self::groups::Groups;
use self::maintenance::Maintenance;
use self::offsets::Offsets;
use self::partition::{PartitionLog, io};
use self::topic::TopicLog;
use crate::{Error, Record, Start, TopicPartition, TopicSpec, partitioner};

/// How much a power loss may take.
const SYNC_EVERY: Duration = Duration::from_millis(100);

/// Cheap to clone. The log is closed when the last clone, consumer and reader is gone.
#[derive(Clone)]
pub(crate) struct Embedded {
    handle: Arc<Handle>,
}

struct Handle {
    core: Arc<Core>,
    maintenance: Maintenance,
    lock: File,
}

pub(crate) struct Core {
    dir: std::path::PathBuf,
    topics: RwLock<HashMap<TopicName, Arc<TopicLog>>>,
    offsets: Offsets,
    groups: Groups,
}

impl Embedded {
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let topics_dir = dir.join("topics");
        fs::create_dir_all(&topics_dir).map_err(|e| io("create", &topics_dir, e))?;
        let lock = lock(dir)?;
        let core = Arc::new(Core {
            dir: dir.to_owned(),
            topics: RwLock::new(topic::open_all(&topics_dir)?),
            offsets: Offsets::open(&dir.join("offsets"))?,
            groups: Groups::default(),
        });
        let maintenance = Maintenance::start(core.clone()).map_err(|e| io("start thread for", dir, e))?;
        Ok(Self { handle: Arc::new(Handle { core, maintenance, lock }) })
    }

    pub(crate) fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), Error> {
        let core = &self.handle.core;
        let mut topics = core.topics.write().unwrap_or_else(PoisonError::into_inner);
        for spec in specs {
            if !topics.contains_key(&spec.name) {
                let topic = TopicLog::create(&core.dir.join("topics"), spec)?;
                topics.insert(spec.name.clone(), Arc::new(topic));
            }
        }
        Ok(())
    }

    pub(crate) fn topics(&self) -> Vec<(TopicName, i32)> {
        let mut all: Vec<_> =
            self.handle.core.all_topics().iter().map(|topic| (topic.name.clone(), topic.count())).collect();
        all.sort();
        all
    }

    pub(crate) fn partitions(&self, topic: &TopicName) -> Result<i32, Error> {
        Ok(self.handle.core.topic(topic)?.count())
    }

    pub(crate) fn offsets(&self, at: &TopicPartition) -> Result<(Offset, Offset), Error> {
        Ok(self.handle.core.partition(at)?.offsets())
    }

    pub(crate) fn append(&self, record: &Record) -> Result<(Partition, Offset), Error> {
        let topic = self.handle.core.topic(&record.topic)?;
        let partition = record.partition.unwrap_or_else(|| partitioner::partition_of(&record.key, topic.count()));
        let offset = topic.partition(partition)?.append(record, Timestamp::now())?;
        Ok((partition, offset))
    }

    pub(crate) fn consumer(&self, group: &str, topics: &[TopicName]) -> Result<EmbeddedConsumer, Error> {
        EmbeddedConsumer::join(self.clone(), group, topics)
    }

    pub(crate) fn reader(&self, from: Vec<(TopicPartition, Start)>) -> Result<EmbeddedReader, Error> {
        EmbeddedReader::open(self.clone(), from)
    }

    /// Retention and compaction at once.
    pub(crate) fn maintain(&self) -> Result<(), Error> {
        self.handle.core.clean(Timestamp::now(), true)
    }

    fn core(&self) -> &Core {
        &self.handle.core
    }
}

impl Core {
    fn all_topics(&self) -> Vec<Arc<TopicLog>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn topic(&self, name: &TopicName) -> Result<Arc<TopicLog>, Error> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(name).cloned().ok_or_else(|| Error::UnknownTopic(name.clone()))
    }

    fn partition(&self, at: &TopicPartition) -> Result<Arc<PartitionLog>, Error> {
        Ok(self.topic(&at.topic)?.partition(at.partition)?.clone())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.maintenance.stop();
        if let Err(error) = self.core.sync() {
            tracing::error!(%error, "embedded log closed without its last sync");
        }
        // Closing the file unlocks it too, but a child process may hold a copy of it for a moment.
        let _ = self.lock.unlock();
    }
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("bus.lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|e| io("open lock file", &path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Embedded(weir_journal::Error::InUse { path: dir.to_owned() })),
        Err(TryLockError::Error(source)) => Err(io("lock", &path, source)),
    }
}

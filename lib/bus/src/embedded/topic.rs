//! A topic: its settings in a file, and its partitions.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use weir_schemas::topic::Cleanup;
use weir_schemas::{Partition, TopicName};

use super::partition::{PartitionLog, io, remove_dir, unreadable};
use crate::{Error, TopicSpec};

const FILE: &str = "topic.json";

pub(super) struct TopicLog {
    pub(super) name: TopicName,
    pub(super) cleanup: Cleanup,
    partitions: Vec<Arc<PartitionLog>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    partitions: i32,
    cleanup: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retention_ms: Option<i64>,
}

impl TopicLog {
    pub(super) fn create(topics: &Path, spec: &TopicSpec) -> Result<Self, Error> {
        let dir = topics.join(spec.name.as_str());
        fs::create_dir_all(&dir).map_err(|e| io("create", &dir, e))?;
        let (cleanup, retention_ms) = match spec.cleanup {
            Cleanup::Delete { retention_ms } => ("delete", Some(retention_ms)),
            Cleanup::Keep => ("keep", None),
            Cleanup::Compact => ("compact", None),
        };
        let settings = Settings { partitions: spec.partitions, cleanup: cleanup.to_owned(), retention_ms };
        let text = serde_json::to_vec_pretty(&settings).map_err(|e| Error::Config(e.to_string()))?;
        let (path, fresh) = (dir.join(FILE), dir.join("topic.json.new"));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            File::open(&dir)?.sync_all()?;
            File::open(topics)?.sync_all()
        };
        write().map_err(|e| io("write", &path, e))?;
        Self::open(spec.name.clone(), &dir, &settings)
    }

    fn open(name: TopicName, dir: &Path, settings: &Settings) -> Result<Self, Error> {
        let cleanup = match (settings.cleanup.as_str(), settings.retention_ms) {
            ("delete", Some(retention_ms)) => Cleanup::Delete { retention_ms },
            ("keep", None) => Cleanup::Keep,
            ("compact", None) => Cleanup::Compact,
            _ => return Err(unreadable(&name, Partition(-1))),
        };
        let partitions = (0..settings.partitions)
            .map(|p| Ok(Arc::new(PartitionLog::open(name.clone(), Partition(p), dir.join(p.to_string()))?)))
            .collect::<Result<_, Error>>()?;
        Ok(Self { name, cleanup, partitions })
    }

    pub(super) fn count(&self) -> i32 {
        self.partitions.len() as i32
    }

    pub(super) fn partitions(&self) -> &[Arc<PartitionLog>] {
        &self.partitions
    }

    pub(super) fn partition(&self, partition: Partition) -> Result<&Arc<PartitionLog>, Error> {
        let found = usize::try_from(partition.0).ok().and_then(|i| self.partitions.get(i));
        found.ok_or_else(|| Error::Config(format!("topic {} has no partition {partition}", self.name)))
    }
}

pub(super) fn open_all(topics: &Path) -> Result<HashMap<TopicName, Arc<TopicLog>>, Error> {
    let mut found = HashMap::new();
    for entry in fs::read_dir(topics).map_err(|e| io("list", topics, e))? {
        let dir = entry.map_err(|e| io("list", topics, e))?.path();
        let Some(name) = dir.file_name().and_then(|name| name.to_str()).map(TopicName::from) else { continue };
        let path = dir.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Its creation was cut short; nobody was told that it exists.
                remove_dir(&dir)?;
                continue;
            }
            Err(error) => return Err(io("read", &path, error)),
        };
        let settings: Settings =
            serde_json::from_slice(&text).map_err(|error| Error::Config(format!("{}: {error}", path.display())))?;
        found.insert(name.clone(), Arc::new(TopicLog::open(name, &dir, &settings)?));
    }
    Ok(found)
}

//! Committed offsets of groups, in a journal: its fold is the state, and a snapshot now and then keeps it short.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use weir_journal::{Fsync, Journal, Options};
use weir_schemas::{Offset, Partition, TopicName};

use super::partition::unreadable;
use crate::{Error, TopicPartition};

const SNAPSHOT_EVERY: usize = 10_000;

pub(super) struct Offsets {
    state: Mutex<State>,
    unsynced: AtomicBool,
}

struct State {
    journal: Journal,
    committed: HashMap<String, HashMap<TopicPartition, Offset>>,
    since_snapshot: usize,
}

/// JSON: commits are few, and a person may want to look.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    group: &'a str,
    topic: &'a str,
    partition: i32,
    next: i64,
}

impl Offsets {
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        let options = Options {
            segment_bytes: 16 * 1024 * 1024,
            max_bytes: 1024 * 1024 * 1024,
            fsync: Fsync::Never,
            max_record_bytes: 64 * 1024,
        };
        let journal = Journal::open(dir, options)?;
        let mut committed: HashMap<String, HashMap<TopicPartition, Offset>> = HashMap::new();
        let mut since_snapshot = 0;
        let mut reader = journal.read_from(journal.start())?;
        while let Some((_, bytes)) = reader.next()? {
            let line: Line<'_> = serde_json::from_slice(&bytes)
                .map_err(|_| unreadable(&TopicName::from("committed offsets"), Partition(0)))?;
            let at = TopicPartition { topic: TopicName::from(line.topic), partition: Partition(line.partition) };
            committed.entry(line.group.to_owned()).or_default().insert(at, Offset(line.next));
            since_snapshot += 1;
        }
        // Counted over restarts, or many short lives would fill the journal.
        let state = Mutex::new(State { journal, committed, since_snapshot });
        Ok(Self { state, unsynced: AtomicBool::new(false) })
    }

    pub(super) fn get(&self, group: &str, at: &TopicPartition) -> Option<Offset> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).committed.get(group)?.get(at).copied()
    }

    pub(super) fn commit(&self, group: &str, next: &[(TopicPartition, Offset)]) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, offset) in next {
            append(&state.journal, group, at, *offset)?;
            let of_group = state.committed.entry(group.to_owned()).or_default();
            of_group.insert(at.clone(), *offset);
            state.since_snapshot += 1;
        }
        self.unsynced.store(true, Ordering::Release);
        if state.since_snapshot >= SNAPSHOT_EVERY {
            state.snapshot()?;
        }
        Ok(())
    }

    pub(super) fn sync(&self) -> Result<(), Error> {
        if self.unsynced.swap(false, Ordering::AcqRel) {
            let journal = self.state.lock().unwrap_or_else(PoisonError::into_inner).journal.clone();
            journal.sync()?;
        }
        Ok(())
    }
}

impl State {
    fn snapshot(&mut self) -> Result<(), Error> {
        self.journal.sync()?;
        self.journal.roll()?;
        let start = self.journal.end();
        for (group, places) in &self.committed {
            for (at, offset) in places {
                append(&self.journal, group, at, *offset)?;
            }
        }
        self.journal.sync()?;
        self.journal.trim(start)?;
        self.since_snapshot = 0;
        Ok(())
    }
}

fn append(journal: &Journal, group: &str, at: &TopicPartition, next: Offset) -> Result<(), Error> {
    let line = Line { group, topic: at.topic.as_str(), partition: at.partition.0, next: next.0 };
    let bytes = serde_json::to_vec(&line).map_err(|e| Error::Config(e.to_string()))?;
    journal.append(&[&bytes])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_stays_short_over_many_short_lives() {
        let dir = tempfile::tempdir().unwrap();
        let at = TopicPartition { topic: TopicName::from("t"), partition: Partition(0) };
        let each = SNAPSHOT_EVERY as i64 / 4;
        let mut longest = 0;
        for life in 0..12 {
            let offsets = Offsets::open(dir.path()).unwrap();
            assert_eq!(offsets.get("g", &at), (life > 0).then(|| Offset(life * each)));
            for next in life * each..(life + 1) * each {
                offsets.commit("g", &[(at.clone(), Offset(next + 1))]).unwrap();
            }
            longest = longest.max(offsets.state.lock().unwrap().journal.live_bytes());
        }
        assert!(longest < 150 * SNAPSHOT_EVERY as u64, "{longest}");
    }
}

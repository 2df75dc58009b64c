//! One partition: a journal whose records carry their offsets, and a sparse index from offsets to places in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::Notify;
use weir_journal::{Fsync, Journal, Options, Position};
use weir_schemas::{Offset, Partition, Timestamp, TopicName};

use super::cursor::Cursor;
use super::record_format::{self, Entry};
use crate::record::{DEAD_LETTER_BYTES, MAX_RECORD_BYTES};
use crate::{Error, Record, TopicPartition};

const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// Bound of one partition on disk. Past it sending fails, the outbox fills, and ingress fails closed.
const MAX_BYTES: u64 = 64 * 1024 * 1024 * 1024;
const INDEX_EVERY_BYTES: u64 = 64 * 1024;
const RECORD_OVERHEAD_BYTES: usize = 64 * 1024;

pub(super) struct PartitionLog {
    pub(super) topic: TopicName,
    pub(super) partition: Partition,
    /// Holds one folder per generation: compaction writes the next one.
    dir: PathBuf,
    tail: Mutex<Tail>,
    /// Rises when compaction replaced the journal: cursors find their place anew.
    generation: AtomicU64,
    first: AtomicI64,
    next: AtomicI64,
    unsynced: AtomicBool,
    wakers: RwLock<Vec<Arc<Notify>>>,
}

pub(super) struct Tail {
    pub(super) journal: Journal,
    pub(super) next: Offset,
    pub(super) appended: Timestamp,
    index: Vec<Place>,
    segment_start: Position,
    /// Journal end after the last compaction.
    pub(super) clean_through: Position,
}

/// Record `offset` stands at `position`.
#[derive(Clone, Copy)]
struct Place {
    offset: Offset,
    position: Position,
    appended: Timestamp,
}

/// Wakes a [`Notify`] on every append until it is dropped.
pub(super) struct Watching {
    log: Arc<PartitionLog>,
    notify: Arc<Notify>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut wakers = self.log.wakers.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(i) = wakers.iter().position(|waker| Arc::ptr_eq(waker, &self.notify)) {
            wakers.swap_remove(i);
        }
    }
}

impl PartitionLog {
    pub(super) fn open(topic: TopicName, partition: Partition, dir: PathBuf) -> Result<Self, Error> {
        let generation = newest_generation(&dir)?;
        let tail = scan(&topic, partition, open_journal(&dir.join(generation.to_string()))?)?;
        Ok(Self {
            topic,
            partition,
            dir,
            generation: AtomicU64::new(generation),
            first: AtomicI64::new(tail.1.0),
            next: AtomicI64::new(tail.0.next.0),
            tail: Mutex::new(tail.0),
            unsynced: AtomicBool::new(false),
            wakers: RwLock::default(),
        })
    }

    pub(super) fn place(&self) -> TopicPartition {
        TopicPartition { topic: self.topic.clone(), partition: self.partition }
    }

    /// (first offset still there, offset of the next record)
    pub(super) fn offsets(&self) -> (Offset, Offset) {
        (Offset(self.first.load(Ordering::Acquire)), Offset(self.next.load(Ordering::Acquire)))
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn watch(self: &Arc<Self>, notify: Arc<Notify>) -> Watching {
        self.wakers.write().unwrap_or_else(PoisonError::into_inner).push(notify.clone());
        Watching { log: self.clone(), notify }
    }

    pub(super) fn append(&self, record: &Record, now: Timestamp) -> Result<Offset, Error> {
        let mut tail = self.lock();
        let offset = tail.next;
        // Time does not run backwards within a partition, whatever the wall clock does.
        let appended = now.max(tail.appended);
        let (head, after) = record_format::around(record, offset, appended);
        let value = record.value.as_deref().unwrap_or_default();
        if tail.journal.end().0 - tail.segment_start.0 >= SEGMENT_BYTES {
            tail.roll()?;
        }
        let position = tail.journal.append(&[&head, &record.key, value, &after])?;
        tail.remember(Place { offset, position, appended });
        self.next.store(tail.next.0, Ordering::Release);
        drop(tail);
        self.unsynced.store(true, Ordering::Release);
        for waker in self.wakers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            waker.notify_one();
        }
        Ok(offset)
    }

    /// Forces what was appended to disk, if anything was since the last call.
    pub(super) fn sync(&self) -> Result<(), Error> {
        if self.unsynced.swap(false, Ordering::AcqRel) {
            let journal = self.lock().journal.clone();
            journal.sync()?;
        }
        Ok(())
    }

    /// A cursor that yields the records from `offset` on.
    pub(super) fn cursor(self: &Arc<Self>, offset: Offset) -> Result<Cursor, Error> {
        let tail = self.lock();
        let before = tail.index.partition_point(|place| place.offset <= offset);
        let from = match before.checked_sub(1) {
            Some(i) => tail.index[i].position,
            None => tail.journal.start(),
        };
        let reader = tail.journal.read_from(from)?;
        Ok(Cursor::new(self.clone(), self.generation(), reader, offset))
    }

    /// Drops records that were appended before `cutoff`, by whole segments.
    pub(super) fn expire(self: &Arc<Self>, cutoff: Timestamp) -> Result<(), Error> {
        let mut tail = self.lock();
        if tail.next == self.offsets().0 {
            return Ok(());
        }
        if tail.appended < cutoff {
            // All of it: what stays is a base that remembers the offsets.
            let next = tail.next;
            tail.roll()?;
            let base = tail.journal.append(&[&record_format::base(next, next)])?;
            tail.journal.sync()?;
            tail.journal.trim(base)?;
            tail.index.clear();
            self.first.store(next.0, Ordering::Release);
            return Ok(());
        }
        let starts = tail.journal.segment_starts();
        // The index is sparse: the first place at or after a segment's start is no older than what is before it.
        let expired = |start: &Position| {
            let i = tail.index.partition_point(|place| place.position < *start);
            tail.index.get(i).is_some_and(|place| place.appended < cutoff)
        };
        let Some(keep_from) = starts.iter().rev().find(|start| expired(start)).copied() else { return Ok(()) };
        if keep_from <= tail.journal.start() {
            return Ok(());
        }
        tail.journal.trim(keep_from)?;
        tail.index.retain(|place| place.position >= keep_from);
        let first = first_offset(&self.topic, self.partition, &tail.journal)?.unwrap_or(tail.next);
        self.first.store(first.0, Ordering::Release);
        Ok(())
    }

    /// Puts a compacted journal in the place of the present one, whose lock the caller holds.
    pub(super) fn replace(&self, tail: &mut Tail, generation: u64) -> Result<(), Error> {
        let old = self.dir.join(self.generation().to_string());
        let journal = open_journal(&self.dir.join(generation.to_string()))?;
        let (mut fresh, _) = scan(&self.topic, self.partition, journal)?;
        fresh.clean_through = fresh.journal.end();
        *tail = fresh;
        self.generation.store(generation, Ordering::Release);
        remove_dir(&old)
    }
}

impl Tail {
    fn remember(&mut self, place: Place) {
        let far = |last: &Place| place.position.0 - last.position.0 >= INDEX_EVERY_BYTES;
        if self.index.last().is_none_or(far) {
            self.index.push(place);
        }
        self.next = place.offset.next();
        self.appended = place.appended;
    }

    fn roll(&mut self) -> Result<(), Error> {
        // Synced first, so that after a power loss no segment but the last can be torn.
        self.journal.sync()?;
        self.journal.roll()?;
        self.segment_start = self.journal.end();
        Ok(())
    }
}

pub(super) fn open_journal(dir: &Path) -> Result<Journal, Error> {
    // The bus syncs all its journals from one thread and rolls them itself: see `Maintenance` and `Tail::roll`.
    let options = Options {
        segment_bytes: 2 * SEGMENT_BYTES,
        max_bytes: MAX_BYTES,
        fsync: Fsync::Never,
        max_record_bytes: MAX_RECORD_BYTES + DEAD_LETTER_BYTES + RECORD_OVERHEAD_BYTES,
    };
    Ok(Journal::open(dir, options)?)
}

/// Reads a journal through: the tail with its index, and the first offset.
fn scan(topic: &TopicName, partition: Partition, journal: Journal) -> Result<(Tail, Offset), Error> {
    let segment_start = journal.segment_starts().last().copied().unwrap_or_default();
    let mut reader = journal.read_from(journal.start())?;
    let mut tail = Tail {
        journal,
        next: Offset(0),
        appended: Timestamp(0),
        index: Vec::new(),
        segment_start,
        clean_through: Position(0),
    };
    let mut first = None;
    let mut position = reader.position();
    while let Some((after, bytes)) = reader.next()? {
        match record_format::read(topic, partition, bytes) {
            Some(Entry::Data(delivery)) => {
                first = first.or(Some(delivery.offset));
                tail.remember(Place { offset: delivery.offset, position, appended: delivery.appended });
            }
            Some(Entry::Base { first: from, next }) => {
                first = first.or(Some(from));
                tail.next = tail.next.max(next);
            }
            None => return Err(unreadable(topic, partition)),
        }
        position = after;
    }
    let first = first.unwrap_or(tail.next);
    Ok((tail, first))
}

fn first_offset(topic: &TopicName, partition: Partition, journal: &Journal) -> Result<Option<Offset>, Error> {
    let mut reader = journal.read_from(journal.start())?;
    match reader.next()?.map(|(_, bytes)| record_format::read(topic, partition, bytes)) {
        Some(Some(Entry::Data(delivery))) => Ok(Some(delivery.offset)),
        Some(Some(Entry::Base { first, .. })) => Ok(Some(first)),
        Some(None) => Err(unreadable(topic, partition)),
        None => Ok(None),
    }
}

pub(super) fn unreadable(topic: &TopicName, partition: Partition) -> Error {
    Error::Config(format!("{topic}/{partition}: the log was written by another version of Weir"))
}

/// The newest whole generation; others are what a crash left of a compaction, and go.
fn newest_generation(dir: &Path) -> Result<u64, Error> {
    fs::create_dir_all(dir).map_err(|e| io("create", dir, e))?;
    let mut generations = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| io("list", dir, e))? {
        let entry = entry.map_err(|e| io("list", dir, e))?;
        match entry.file_name().to_str().map(str::parse::<u64>) {
            Some(Ok(generation)) => generations.push(generation),
            _ => remove_dir(&entry.path())?,
        }
    }
    generations.sort_unstable();
    let newest = generations.pop().unwrap_or(0);
    for old in generations {
        remove_dir(&dir.join(old.to_string()))?;
    }
    Ok(newest)
}

pub(super) fn remove_dir(dir: &Path) -> Result<(), Error> {
    fs::remove_dir_all(dir).map_err(|e| io("remove", dir, e))
}

pub(super) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::Embedded(weir_journal::Error::Io { action, path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;

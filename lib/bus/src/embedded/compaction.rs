//! Compaction: the last value of each key stays, at its offset.
//!
//! The live records are copied to a journal of the next generation, which then takes the place of the present one:
//! the folder is renamed when it is whole, so a crash leaves the old journal or the new. Appends wait only for the
//! last part of the copy. The keys of a partition have to fit in memory.

use std::collections::HashMap;
use std::fs::{self, File};
use std::sync::Arc;

use bytes::Bytes;
use weir_journal::{Journal, Position};
use weir_schemas::{Offset, Timestamp};

use super::partition::{PartitionLog, io, open_journal, remove_dir, unreadable};
use super::record_format::{self, Entry};
use crate::{Delivery, Error, Record};

/// Below this a partition is not worth it.
const MIN_DIRTY_BYTES: u64 = 1024 * 1024;
/// How long a deletion is kept for readers who are behind, as in Kafka (`delete.retention.ms`).
const TOMBSTONE_MICROS: i64 = 24 * 3600 * 1_000_000;

/// Compacts if at least half of the partition is new since the last time, or if it is `forced`.
pub(super) fn compact(log: &Arc<PartitionLog>, now: Timestamp, forced: bool) -> Result<(), Error> {
    let (source, through, next, clean) = {
        let tail = log.lock();
        (tail.journal.clone(), tail.journal.end(), tail.next, tail.clean_through)
    };
    let dirty = through.0 - clean.0.max(source.start().0);
    let clean = clean.0.saturating_sub(source.start().0);
    if dirty == 0 || !forced && (dirty < MIN_DIRTY_BYTES || dirty < clean) {
        return Ok(());
    }
    let mut last: HashMap<Bytes, Offset> = HashMap::new();
    each(log, &source, Position(0), through, |delivery| {
        last.insert(delivery.key, delivery.offset);
        Ok(())
    })?;

    let generation = log.generation() + 1;
    let fresh_dir = log.dir().join(format!("{generation}.new"));
    if fresh_dir.exists() {
        remove_dir(&fresh_dir)?;
    }
    let target = open_journal(&fresh_dir)?;
    target.append(&[&record_format::base(log.offsets().0, next)])?;
    each(log, &source, Position(0), through, |delivery| {
        let deleted = delivery.value.is_none() && now.0 - delivery.appended.0 > TOMBSTONE_MICROS;
        if last.get(&delivery.key) == Some(&delivery.offset) && !deleted { copy(&target, delivery) } else { Ok(()) }
    })?;
    target.sync()?;

    let mut tail = log.lock();
    each(log, &source, through, tail.journal.end(), |delivery| copy(&target, delivery))?;
    target.sync()?;
    drop(target);
    let whole_dir = log.dir().join(generation.to_string());
    fs::rename(&fresh_dir, &whole_dir).map_err(|e| io("rename", &fresh_dir, e))?;
    File::open(log.dir()).and_then(|dir| dir.sync_all()).map_err(|e| io("sync", log.dir(), e))?;
    log.replace(&mut tail, generation)
}

fn each(
    log: &PartitionLog,
    journal: &Journal,
    from: Position,
    through: Position,
    mut f: impl FnMut(Delivery) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut reader = journal.read_from(from.max(journal.start()))?;
    while reader.position() < through
        && let Some((_, bytes)) = reader.next()?
    {
        match record_format::read(&log.topic, log.partition, bytes) {
            Some(Entry::Data(delivery)) => f(delivery)?,
            Some(Entry::Base { .. }) => {}
            None => return Err(unreadable(&log.topic, log.partition)),
        }
    }
    Ok(())
}

fn copy(target: &Journal, delivery: Delivery) -> Result<(), Error> {
    let (offset, appended) = (delivery.offset, delivery.appended);
    let Delivery { topic, partition, key, value, headers, .. } = delivery;
    let record = Record { topic, partition: Some(partition), key, value, headers };
    let (head, after) = record_format::around(&record, offset, appended);
    target.append(&[&head, &record.key, record.value.as_deref().unwrap_or_default(), &after])?;
    Ok(())
}

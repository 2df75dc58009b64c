//! Which events of a partition are new. Pure.
//!
//! An event has a place in the stream of its origin ([`weir_schemas::event::Origin`]). The log may hold it more than once: a shipper that
//! starts again resends from its cursor, a processor that replays derives the same again. The first copy in a
//! partition is the row; the others are repeats.
//!
//! For each stream a partition keeps a *floor* (at or below it everything counts as seen) and the places above it that
//! were seen, at most [`WINDOW`]; when there are more, the floor rises to the lowest of them. The *mark* is the highest place
//! seen. It is what a commit stores, and what the floor starts from after a restart.
//!
//! **Never twice**, whatever the order: an event is new only if it is above the floor and not among the seen, and
//! what was seen is either still among them or at or below the floor.
//!
//! **Never lost**, as long as producers keep their order: producers are idempotent and gapless per partition, and resend from
//! a cursor before which everything is acknowledged. So when a place is in a partition, every lower place that belongs to it is
//! there before it, and what is at or below the mark is a repeat. Gaps are normal (a stream is spread over partitions by key)
//! and say nothing. Where a producer breaks that order, a late first copy is still taken while it is among the last [`WINDOW`]
//! of its stream; later, or after a restart, it is taken for a repeat, and the gap in `seq` shows it.

use std::collections::{BTreeSet, HashMap};

/// Places of one stream that are remembered one by one.
pub const WINDOW: usize = 1_024;

/// The streams of one partition.
#[derive(Debug, Default)]
pub struct Dedupe {
    streams: HashMap<String, Stream>,
    /// Rises with every commit; tells which streams were idle longest.
    round: u64,
}

#[derive(Debug)]
struct Stream {
    floor: i64,
    mark: i64,
    seen: BTreeSet<i64>,
    /// The mark as the table has it.
    stored: i64,
    round: u64,
}

/// Below every place.
const NONE: i64 = -1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    New,
    Repeat,
}

impl Dedupe {
    /// False: ask the table for the stream's mark and [`restore`](Self::restore) it first.
    pub fn knows(&self, stream: &str) -> bool {
        self.streams.contains_key(stream)
    }

    /// Starts a stream from the mark that the table has; `None` where it has none.
    pub fn restore(&mut self, stream: &str, mark: Option<i64>) {
        let mark = mark.unwrap_or(NONE);
        let start = Stream { floor: mark, mark, seen: BTreeSet::new(), stored: mark, round: self.round };
        self.streams.insert(stream.to_owned(), start);
    }

    /// Judges the next event of the partition, and remembers it. A stream that was not restored starts empty.
    pub fn judge(&mut self, stream: &str, position: i64) -> Verdict {
        if !self.knows(stream) {
            self.restore(stream, None);
        }
        let round = self.round;
        let Some(known) = self.streams.get_mut(stream) else { return Verdict::New };
        known.round = round;
        if position <= known.floor || !known.seen.insert(position) {
            return Verdict::Repeat;
        }
        known.mark = known.mark.max(position);
        if known.seen.len() > WINDOW
            && let Some(lowest) = known.seen.pop_first()
        {
            known.floor = lowest;
        }
        Verdict::New
    }

    /// The marks that the table does not have yet, in the order of their names.
    pub fn marks(&self) -> Vec<(String, i64)> {
        let risen = self.streams.iter().filter(|(_, s)| s.mark > s.stored);
        let mut marks: Vec<_> = risen.map(|(name, s)| (name.clone(), s.mark)).collect();
        marks.sort();
        marks
    }

    /// The table has these marks now. Forgets the streams that were idle longest, down to `keep`: the table knows them.
    pub fn committed(&mut self, marks: &[(String, i64)], keep: usize) {
        for (stream, mark) in marks {
            if let Some(known) = self.streams.get_mut(stream) {
                known.stored = *mark;
            }
        }
        self.round += 1;
        let over = self.streams.len().saturating_sub(keep);
        if over > 0 {
            let stored = self.streams.iter().filter(|(_, s)| s.mark == s.stored);
            let mut idle: Vec<_> = stored.map(|(name, s)| (s.round, name.clone())).collect();
            idle.sort();
            for (_, name) in idle.into_iter().take(over) {
                self.streams.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests;

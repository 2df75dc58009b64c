//! What one table has read and not yet committed. Pure: deliveries in, a batch out.
//!
//! Per partition it knows where the table stands (`before`), what is buffered on top, and which offset comes next. A delivery is
//! taken only in its turn: what the table has is old, what leaves a hole is asked for again. A hole that stays is one of the
//! log's own (a broker may leave some), and is passed.

use std::collections::BTreeMap;

use arrow::error::ArrowError;
use weir_bus::Delivery;
use weir_schemas::event::Origin;
use weir_schemas::{Codec, Offset, Partition};
use weir_tables::Table;

use crate::dedupe::{Dedupe, Verdict};
use crate::guard::Span;
use crate::rows::{self, Buffer, Group, Place, Unusable};
use crate::settings::{Flush, STREAMS_IN_MEMORY};

pub(crate) struct Intake {
    rows: Box<dyn Buffer>,
    partitions: BTreeMap<Partition, Progress>,
    count: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Progress {
    before: Option<Offset>,
    /// First and last offset of what is buffered.
    buffered: Option<(Offset, Offset)>,
    next: Offset,
    /// An offset beyond `next` that was delivered although the ones between were not; they were asked for again.
    jumped_to: Option<Offset>,
    dedupe: Dedupe,
}

/// What to do with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Its turn.
    Now,
    /// Not ours, or done, or about to be read again.
    Pass,
    /// Offsets before it are missing: read again from here.
    Missing(Offset),
}

/// What goes into one commit.
pub(crate) struct Batch {
    pub(crate) groups: Vec<Group>,
    pub(crate) spans: BTreeMap<Partition, Span>,
    pub(crate) marks: BTreeMap<Partition, Vec<(String, i64)>>,
}

impl Intake {
    pub(crate) fn new(table: &'static Table) -> Self {
        Self { rows: rows::buffer(table), partitions: BTreeMap::new(), count: 0, bytes: 0 }
    }

    /// The partition is ours, the table has it up to `before`, and reading goes on at `next`.
    pub(crate) fn assign(&mut self, partition: Partition, before: Option<Offset>, next: Offset) {
        // Never before what the table has: a commit would move it back.
        let next = before.map_or(next, |before| next.max(before.next()));
        let start = Progress { before, buffered: None, next, jumped_to: None, dedupe: Dedupe::default() };
        self.partitions.insert(partition, start);
    }

    /// The partition is no longer ours. Nothing of it may be buffered: flush or [`clear`](Self::clear) first.
    pub(crate) fn revoke(&mut self, partition: Partition) {
        self.partitions.remove(&partition);
    }

    /// Drops what is buffered and forgets all partitions.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.partitions.clear();
        (self.count, self.bytes) = (0, 0);
    }

    pub(crate) fn partitions(&self) -> impl Iterator<Item = (Partition, Offset)> {
        self.partitions.iter().map(|(partition, at)| (*partition, at.next))
    }

    /// Nothing is to be committed.
    pub(crate) fn is_empty(&self) -> bool {
        self.partitions.values().all(|at| at.buffered.is_none())
    }

    pub(crate) fn is_full(&self, flush: &Flush) -> bool {
        self.count >= flush.rows || self.bytes >= flush.bytes
    }

    pub(crate) fn turn(&mut self, delivery: &Delivery) -> Turn {
        let Some(at) = self.partitions.get_mut(&delivery.partition) else { return Turn::Pass };
        if delivery.offset < at.next || at.jumped_to.is_some_and(|jumped| delivery.offset > jumped) {
            return Turn::Pass;
        }
        if delivery.offset > at.next && at.jumped_to != Some(delivery.offset) {
            at.jumped_to = Some(delivery.offset);
            return Turn::Missing(at.next);
        }
        Turn::Now
    }

    /// Decodes a delivery whose turn it is; [`accept`](Self::accept) or [`skip`](Self::skip) follows.
    pub(crate) fn decode(&mut self, codec: &Codec, delivery: &Delivery) -> Result<Origin, Unusable> {
        match &delivery.value {
            Some(value) => self.rows.decode(codec, value),
            None => Err(Unusable::Meaning("the record has no value")),
        }
    }

    pub(crate) fn knows(&self, partition: Partition, stream: &str) -> bool {
        self.partitions.get(&partition).is_none_or(|at| at.dedupe.knows(stream))
    }

    pub(crate) fn restore(&mut self, partition: Partition, stream: &str, mark: Option<i64>) {
        if let Some(at) = self.partitions.get_mut(&partition) {
            at.dedupe.restore(stream, mark);
        }
    }

    /// Keeps what was decoded last if it is new, and moves on.
    pub(crate) fn accept(&mut self, delivery: &Delivery, origin: &Origin) -> Verdict {
        let Some(at) = self.partitions.get_mut(&delivery.partition) else { return Verdict::Repeat };
        let verdict = at.dedupe.judge(&origin.stream, origin.position);
        if verdict == Verdict::New {
            let place = Place { partition: delivery.partition, offset: delivery.offset, appended: delivery.appended };
            self.rows.keep(place);
            self.count += 1;
            self.bytes += delivery.value.as_ref().map_or(0, |v| v.len());
        }
        at.advance(delivery.offset);
        verdict
    }

    /// Moves past a delivery that is done without a row.
    pub(crate) fn skip(&mut self, delivery: &Delivery) {
        if let Some(at) = self.partitions.get_mut(&delivery.partition) {
            at.advance(delivery.offset);
        }
    }

    /// Everything that is buffered. [`committed`](Self::committed) or [`clear`](Self::clear) follows, nothing else.
    pub(crate) fn take(&mut self) -> Result<Batch, ArrowError> {
        (self.count, self.bytes) = (0, 0);
        let groups = self.rows.take()?;
        let buffered = self.partitions.iter().filter_map(|(p, at)| at.buffered.map(|range| (*p, at, range)));
        let span = |at: &Progress, (first, last)| Span { before: at.before, first, last };
        let spans = buffered.clone().map(|(p, at, range)| (p, span(at, range))).collect();
        let marks = buffered.map(|(p, at, _)| (p, at.dedupe.marks())).collect();
        Ok(Batch { groups, spans, marks })
    }

    /// The table has these spans and marks.
    pub(crate) fn committed(
        &mut self,
        spans: &BTreeMap<Partition, Span>,
        marks: &BTreeMap<Partition, Vec<(String, i64)>>,
    ) {
        for (partition, span) in spans {
            let Some(at) = self.partitions.get_mut(partition) else { continue };
            at.before = Some(span.last);
            at.buffered = None;
            at.dedupe.committed(marks.get(partition).map_or(&[], Vec::as_slice), STREAMS_IN_MEMORY);
        }
    }
}

impl Progress {
    fn advance(&mut self, offset: Offset) {
        let first = self.buffered.map_or(offset, |(first, _)| first);
        self.buffered = Some((first, offset));
        self.next = offset.next();
        self.jumped_to = None;
    }
}

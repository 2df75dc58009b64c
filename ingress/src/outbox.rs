//! The outbox: every event, durable on this machine before the byte that it tells of leaves the process.
//!
//! Invariants
//! - `seq` is gapless per topic: it is given under the lock under which the event is appended, and taken back if that fails.
//! - Events that are written together are one record: after a crash all are there, or none.
//! - Bounded, and fail closed: new calls are refused while the journal is nearly full. The last part of it is kept for calls
//!   that are open, so that they can end in the log.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use weir_journal::{Fsync, Journal, Options, Position};
use weir_policy::{FsyncSetting, OutboxConfig};
use weir_schemas::{BootEpoch, Chunk, Codec, Event, Header, IngressId, Outcome, Request, RequestId, Seq, Topic, Usage};

use crate::error::Error;

mod open;
pub(crate) mod record;

use open::OpenRequests;

/// Large enough that rolling is rare, small enough that what is shipped is soon freed.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;
/// The largest batch: a few chunks and two cut texts.
pub(crate) const MAX_RECORD_BYTES: usize = 8 * 1024 * 1024;
/// One part in so many of the journal is for calls that are open, and half of that for their ends.
const HEADROOM_PART: u64 = 8;
/// Above this the scratch buffer is given back after use.
const KEPT_SCRATCH_BYTES: usize = 1024 * 1024;

const TOPICS: [Topic; 4] = [Topic::Requests, Topic::Chunks, Topic::Usage, Topic::Outcomes];

/// The audit has no room or no disk. Nothing of what was to be written is there.
#[derive(Debug, thiserror::Error)]
#[error("the outbox takes no more events")]
pub(crate) struct Unavailable;

/// An event that ingress writes.
pub(crate) trait Logged: Event {
    fn header_mut(&mut self) -> &mut Header;
}

macro_rules! logged {
    ($($event:ty),*) => { $(impl Logged for $event {
        fn header_mut(&mut self) -> &mut Header {
            &mut self.header
        }
    })* };
}
logged!(Request, Chunk, Usage, Outcome);

pub(crate) struct Outbox {
    journal: Journal,
    codec: Codec,
    ingress: IngressId,
    epoch: BootEpoch,
    /// Past so many live bytes no new call begins.
    admit_below: u64,
    /// Past so many live bytes open calls can only end.
    go_on_below: u64,
    blocks: bool,
    /// The last append failed: the disk is full or broken.
    failing: AtomicBool,
    writer: Mutex<Writer>,
}

struct Writer {
    streams: [Stream; 4],
    scratch: Vec<u8>,
    open: OpenRequests,
}

#[derive(Clone, Copy)]
struct Stream {
    id: u64,
    next: Seq,
}

/// Events that become durable together.
pub(crate) struct Batch<'a> {
    outbox: &'a Outbox,
    writer: &'a mut Writer,
    failed: Option<weir_schemas::Error>,
    began: Option<RequestId>,
    ended: Option<RequestId>,
}

/// Opens the journal of the outbox; it also locks the folder.
pub(crate) fn open_journal(dir: &Path, config: &OutboxConfig) -> Result<Journal, Error> {
    let fsync = match config.fsync {
        FsyncSetting::Always => Fsync::Always,
        FsyncSetting::Interval(every) => Fsync::Interval(every),
        FsyncSetting::Never => Fsync::Never,
    };
    let options = Options {
        segment_bytes: SEGMENT_BYTES,
        max_bytes: config.max_bytes,
        fsync,
        max_record_bytes: MAX_RECORD_BYTES,
    };
    Ok(Journal::open(&dir.join("journal"), options)?)
}

impl Outbox {
    pub(crate) fn new(
        journal: Journal,
        config: &OutboxConfig,
        codec: Codec,
        ingress: IngressId,
        epoch: BootEpoch,
    ) -> Self {
        let streams = TOPICS.map(|topic| Stream { id: Header::stream_id(&ingress, epoch, topic), next: Seq(0) });
        Self {
            journal,
            codec,
            ingress,
            epoch,
            admit_below: config.max_bytes - config.max_bytes / HEADROOM_PART,
            go_on_below: config.max_bytes - config.max_bytes / HEADROOM_PART / 2,
            blocks: config.fsync == FsyncSetting::Always,
            failing: AtomicBool::new(false),
            writer: Mutex::new(Writer { streams, scratch: Vec::new(), open: OpenRequests::default() }),
        }
    }

    /// Whether there is room for the events of one more call.
    pub(crate) fn admits(&self) -> bool {
        self.journal.live_bytes() < self.admit_below
    }

    /// Whether events can be written just now. After a failure it tries with an empty record: where nobody sends calls any
    /// more because of the failure, nothing else would show that it has passed.
    pub(crate) fn is_writable(&self) -> bool {
        if self.failing.load(Ordering::Relaxed) && self.journal.append(&[]).is_ok() {
            self.failing.store(false, Ordering::Relaxed);
        }
        !self.failing.load(Ordering::Relaxed)
    }

    /// What must stay when everything before `shipped` has arrived: the events of requests that have not ended, unless
    /// that would keep half of the journal.
    pub(crate) fn keep_from(&self, shipped: Position) -> Position {
        if self.journal.live_bytes() > self.admit_below / 2 {
            return shipped;
        }
        let oldest = self.writer.lock().unwrap_or_else(PoisonError::into_inner).open.oldest();
        oldest.map_or(shipped, |oldest| oldest.min(shipped))
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Appends the events that `fill` adds, all or none, unless what is left is kept for the ends of calls.
    pub(crate) fn write(&self, fill: impl FnOnce(&mut Batch<'_>)) -> Result<(), Unavailable> {
        if self.journal.live_bytes() >= self.go_on_below {
            return Err(Unavailable);
        }
        self.write_end(fill)
    }

    /// Appends the events that end a call, all or none, as long as there is any room.
    pub(crate) fn write_end(&self, fill: impl FnOnce(&mut Batch<'_>)) -> Result<(), Unavailable> {
        let many_threads = || {
            tokio::runtime::Handle::try_current()
                .is_ok_and(|runtime| runtime.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread)
        };
        // An append that waits for the disk must not hold up the other tasks of this thread.
        if self.blocks && many_threads() {
            tokio::task::block_in_place(|| self.append(fill))
        } else {
            self.append(fill)
        }
    }

    fn append(&self, fill: impl FnOnce(&mut Batch<'_>)) -> Result<(), Unavailable> {
        let mut guard = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let before = guard.streams;
        guard.scratch.clear();
        let mut batch = Batch { outbox: self, writer: &mut guard, failed: None, began: None, ended: None };
        fill(&mut batch);
        let Batch { failed, began, ended, .. } = batch;
        let result = match failed {
            None if guard.scratch.is_empty() => return Ok(()),
            None => self.journal.append(&[&guard.scratch]).map_err(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "the outbox takes no event");
            }),
            Some(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an event does not encode");
                Err(())
            }
        };
        if guard.scratch.capacity() > KEPT_SCRATCH_BYTES {
            guard.scratch = Vec::new();
        }
        self.failing.store(result.is_err(), Ordering::Relaxed);
        let Ok(at) = result else {
            guard.streams = before;
            return Err(Unavailable);
        };
        match (began, ended) {
            (Some(began), None) => guard.open.began(began, at),
            (_, Some(ended)) => guard.open.ended(ended),
            (None, None) => {}
        }
        Ok(())
    }
}

impl Batch<'_> {
    /// Gives the event its place and adds it.
    pub(crate) fn add<E: Logged>(&mut self, event: &mut E) {
        let Some(stream) = TOPICS.iter().position(|topic| *topic == E::TOPIC) else { return };
        let stream = &mut self.writer.streams[stream];
        let header = event.header_mut();
        header.ingress_id = self.outbox.ingress.clone();
        header.boot_epoch = self.outbox.epoch;
        header.seq = stream.next;
        header.event_id = Header::event_id(stream.id, stream.next);
        let id = header.request_id;
        stream.next = Seq(stream.next.0 + 1);
        match E::TOPIC {
            Topic::Requests => self.began = Some(id),
            Topic::Outcomes => self.ended = Some(id),
            _ => {}
        }
        let out = &mut self.writer.scratch;
        let at = record::begin(E::TOPIC, &event.key(), out);
        match self.outbox.codec.encode_into(event, out) {
            Ok(()) => record::finish(at, out),
            Err(error) => self.failed = Some(error),
        }
    }
}

#[cfg(test)]
mod tests;

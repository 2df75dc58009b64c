//! Reads a provider's answer on its way to the client: what is to be sent, and what it says of itself.
//!
//! A stream's events pass byte for byte, but for the usage-only chunk of a client that did not ask for it. The bytes of
//! one read leave as few pieces; no piece ends within an event, unless the event is longer than a piece may be.

use bytes::{Bytes, BytesMut};
use weir_schemas::event::TokenCounts;

use super::DONE;
use crate::error::Error;
use crate::sse::{Event, Splitter};

mod view;

use view::View;

/// Whole events are packed up to so many bytes.
pub const MAX_PIECE_BYTES: usize = 64 * 1024;

/// What an answer said of itself so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The model that answered.
    pub model: Option<String>,
    /// The tier that was billed.
    pub tier: Option<String>,
    /// Of the last choice that ended.
    pub finish_reason: Option<String>,
    pub usage: Option<TokenCounts>,
    /// The generated text, cut at the reader's limit, and its whole length.
    pub output: String,
    pub output_bytes: usize,
    /// The provider itself said that it failed, with status 200.
    pub provider_error: bool,
}

/// Bytes to be sent in one write, and the events that end in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub bytes: Bytes,
    pub events: i64,
}

/// How a stream stands after a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More is to come.
    Open,
    /// `[DONE]` was read; what follows is not for the client.
    Done,
    /// The provider sent an error event; it is the last that the client gets.
    Failed,
}

/// Reads a streamed answer.
#[derive(Debug)]
pub struct StreamReader {
    splitter: Splitter,
    strip_usage: bool,
    keep_bytes: usize,
    facts: Facts,
    progress: Progress,
    events: Vec<Event>,
}

impl StreamReader {
    /// `strip_usage`: the client did not ask for the usage chunk. Of the generated text `keep_bytes` are kept.
    pub fn new(strip_usage: bool, keep_bytes: usize) -> Self {
        Self {
            splitter: Splitter::default(),
            strip_usage,
            keep_bytes,
            facts: Facts::default(),
            progress: Progress::Open,
            events: Vec::new(),
        }
    }

    /// Takes what was read and appends what is to be sent to `out`. On an error, what was appended before it is good.
    pub fn push(&mut self, read: Bytes, out: &mut Vec<Piece>) -> Result<Progress, Error> {
        let mut events = std::mem::take(&mut self.events);
        let split = self.splitter.push(read, &mut events);
        let passed = self.pass(&mut events, out);
        events.clear();
        self.events = events;
        passed?;
        // An event over the limit behind the last one is none of the client's business.
        if self.progress == Progress::Open {
            split?;
        }
        Ok(self.progress)
    }

    /// The provider's bytes have ended. An error unless the stream is complete.
    pub fn finish(&mut self, out: &mut Vec<Piece>) -> Result<Progress, Error> {
        let mut events = Vec::new();
        let rest = std::mem::take(&mut self.splitter).finish(&mut events)?;
        // Some providers leave out the blank line after the last event; nothing else may lack it.
        if let Some(last) = rest.filter(|event| event.data.as_deref() == Some(DONE)) {
            let raw = [&last.raw, &b"\n\n"[..]].concat();
            events.push(Event { raw: raw.into(), ..last });
        }
        self.pass(&mut events, out)?;
        match self.progress {
            Progress::Open => Err(Error::Truncated),
            ended => Ok(ended),
        }
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    fn pass(&mut self, events: &mut Vec<Event>, out: &mut Vec<Piece>) -> Result<(), Error> {
        let mut packing = Packing { out, bytes: Vec::new(), length: 0, events: 0 };
        for event in events.drain(..) {
            if self.progress != Progress::Open {
                break;
            }
            if self.judge(event.data.as_deref())? {
                packing.add(event);
            }
        }
        Ok(())
    }

    /// Learns from an event; tells whether the client gets it.
    fn judge(&mut self, data: Option<&[u8]>) -> Result<bool, Error> {
        let Some(data) = data.filter(|data| !data.is_empty()) else { return Ok(true) };
        if data == DONE {
            self.progress = Progress::Done;
            return Ok(true);
        }
        let view = View::read(data).ok_or(Error::NotJson("an event"))?;
        if view.is_error() {
            self.facts.provider_error = true;
            self.progress = Progress::Failed;
        }
        let usage_only = view.is_usage_only();
        view.tell(&mut self.facts, self.keep_bytes);
        Ok(!(usage_only && self.strip_usage))
    }
}

/// What a plain answer says of itself. It passes as it is.
pub fn read_plain(body: &[u8], keep_bytes: usize) -> Result<Facts, Error> {
    let view = View::read(body).ok_or(Error::NotJson("an answer"))?;
    let mut facts = Facts { provider_error: view.is_error(), ..Facts::default() };
    view.tell(&mut facts, keep_bytes);
    Ok(facts)
}

/// Packs events into pieces. Dropping it sends off the last.
struct Packing<'a> {
    out: &'a mut Vec<Piece>,
    bytes: Vec<Bytes>,
    length: usize,
    events: i64,
}

impl Packing<'_> {
    fn add(&mut self, event: Event) {
        if self.length + event.raw.len() > MAX_PIECE_BYTES {
            self.flush();
        }
        let counts = i64::from(event.data.is_some());
        if event.raw.len() > MAX_PIECE_BYTES {
            let mut rest = event.raw;
            while !rest.is_empty() {
                let bytes = rest.split_to(rest.len().min(MAX_PIECE_BYTES));
                self.out.push(Piece { bytes, events: if rest.is_empty() { counts } else { 0 } });
            }
            return;
        }
        self.length += event.raw.len();
        self.events += counts;
        self.bytes.push(event.raw);
    }

    fn flush(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let bytes = if self.bytes.len() == 1 {
            self.bytes.pop().expect("its length is one")
        } else {
            let mut joined = BytesMut::with_capacity(self.length);
            self.bytes.drain(..).for_each(|raw| joined.extend_from_slice(&raw));
            joined.freeze()
        };
        self.out.push(Piece { bytes, events: self.events });
        (self.length, self.events) = (0, 0);
    }
}

impl Drop for Packing<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests;

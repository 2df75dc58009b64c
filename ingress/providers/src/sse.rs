//! Splits a stream of server-sent events (WHATWG HTML §9.2) into whole events, whatever the cuts of its bytes.
//!
//! Invariants
//! - The events do not depend on how the bytes were cut.
//! - The raw bytes of the events, in order, and the rest are the bytes that were pushed: nothing is lost or made up.
//! - At most `limit` bytes are held: an event that is longer is an error.
//!
//! An event that ends in a bare CR is held for one byte more: an LF may follow that belongs to it.

use bytes::Bytes;
use memchr::memchr2;

use crate::error::Error;

/// The largest event that is accepted, unless a caller says otherwise.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The bytes up to and with a blank line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// As they came, with comments, other fields and the blank line.
    pub raw: Bytes,
    /// The `data` lines joined by LF; `None` where there are none (comments, blank lines).
    pub data: Option<Bytes>,
}

/// Holds the bytes of an event that is not yet whole.
#[derive(Debug)]
pub struct Splitter {
    held: Vec<u8>,
    /// Where the line begins that is being read, and from where no line end has been looked for; in `held`.
    line: usize,
    scanned: usize,
    at_start: bool,
    limit: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new(MAX_EVENT_BYTES)
    }
}

impl Splitter {
    pub fn new(limit: usize) -> Self {
        Self { held: Vec::new(), line: 0, scanned: 0, at_start: true, limit }
    }

    /// Appends the events that `piece` completes to `out`. After an error nothing more may be pushed.
    pub fn push(&mut self, piece: Bytes, out: &mut Vec<Event>) -> Result<(), Error> {
        self.split(piece, false, out)
    }

    /// The end of the stream. What is left is an event whose blank line is missing: a consumer would not see it.
    pub fn finish(mut self, out: &mut Vec<Event>) -> Result<Option<Event>, Error> {
        self.split(Bytes::new(), true, out)?;
        if self.held.is_empty() {
            return Ok(None);
        }
        let raw = Bytes::from(self.held);
        let data = data_of(&raw, self.at_start);
        Ok(Some(Event { raw, data }))
    }

    /// Bytes of the event that is not yet whole.
    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }

    fn split(&mut self, piece: Bytes, at_end: bool, out: &mut Vec<Event>) -> Result<(), Error> {
        let input = if self.held.is_empty() {
            piece
        } else {
            self.held.extend_from_slice(&piece);
            Bytes::from(std::mem::take(&mut self.held))
        };
        let (mut begin, mut line, mut scanned) = (0, self.line, self.scanned);
        while let Some(found) = memchr2(b'\n', b'\r', &input[scanned..]) {
            let end = scanned + found;
            let next = match (input[end], input.get(end + 1)) {
                (b'\r', Some(b'\n')) => end + 2,
                (b'\r', None) if !at_end => {
                    scanned = end;
                    break;
                }
                _ => end + 1,
            };
            let blank = line == end || (self.at_start && line == begin && &input[line..end] == BOM);
            (line, scanned) = (next, next);
            if blank {
                self.check(next - begin)?;
                let raw = input.slice(begin..next);
                let data = data_of(&raw, self.at_start);
                out.push(Event { raw, data });
                self.at_start = false;
                begin = next;
            }
        }
        let rest = &input[begin..];
        self.check(rest.len())?;
        self.held = rest.to_vec();
        // Everything up to a CR that may be half a CRLF has been looked at.
        let looked_at = if input.last() == Some(&b'\r') && !at_end { input.len() - 1 } else { input.len() };
        self.line = line - begin;
        self.scanned = scanned.max(looked_at).max(begin) - begin;
        Ok(())
    }

    fn check(&self, bytes: usize) -> Result<(), Error> {
        if bytes > self.limit { Err(Error::EventTooLarge { limit: self.limit }) } else { Ok(()) }
    }
}

/// The `data` lines of one event, joined by LF.
fn data_of(raw: &Bytes, at_start: bool) -> Option<Bytes> {
    let mut begin = if at_start && raw.starts_with(BOM) { BOM.len() } else { 0 };
    let mut first: Option<Bytes> = None;
    let mut joined: Option<Vec<u8>> = None;
    while begin < raw.len() {
        let end = memchr2(b'\n', b'\r', &raw[begin..]).map_or(raw.len(), |found| begin + found);
        let line = &raw[begin..end];
        if let Some(value) = line.strip_prefix(b"data").and_then(value_of) {
            let value = raw.slice(end - value.len()..end);
            match (&first, &mut joined) {
                (None, _) => first = Some(value),
                (Some(one), None) => joined = Some([one, &b"\n"[..], &value].concat()),
                (Some(_), Some(all)) => {
                    all.push(b'\n');
                    all.extend_from_slice(&value);
                }
            }
        }
        begin = end + if raw[end..].starts_with(b"\r\n") { 2 } else { 1 };
    }
    joined.map(Bytes::from).or(first)
}

/// What stands after a field's name: the value without its colon and one space; `None` where the name goes on.
fn value_of(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [] => Some(rest),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

//! What happened: one [`Call`] for every request of a chat completion, from its arrival on, refused ones too.
//!
//! Invariants
//! - A call is in the journal before the first byte of its answer leaves, and its end before the last byte does: who has
//!   the whole answer finds the call ended.
//! - Numbers rise by one a call and are never reused; what the ring forgot is told by [`Journal::forgotten`].
//! - In memory at most `journal_calls` calls and `journal_bytes` bytes of bodies (the newest call is always kept).
//!
//! Not promised: that a file holds calls that were open when the process was killed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::HeaderName;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::answer::Tokens;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// The whole answer was handed to the socket.
    Complete,
    /// The simulator answered with an error.
    Refused,
    /// The simulator broke the connection, as the model says.
    Broken,
    /// The caller hung up, or the simulator was stopped.
    Cancelled,
}

impl How {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Refused => "refused",
            Self::Broken => "broken",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub how: How,
    /// Since the request arrived.
    pub after: Duration,
}

/// One request and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// 0, 1, 2 … in the order of arrival.
    pub number: u64,
    pub received: SystemTime,
    pub path: String,
    /// Names of the request's headers. Their values may be credentials.
    pub headers: Vec<HeaderName>,
    /// The bytes of the request's body.
    pub request: Bytes,
    /// As the request named it; empty where it could not be read.
    pub model: String,
    pub stream: bool,
    /// 0 until the answer began.
    pub status: u16,
    /// `x-request-id` of the answer.
    pub request_id: String,
    /// Bytes and events (1 for a plain body) handed to the socket; 0 while the call is open.
    pub bytes_sent: u64,
    pub events_sent: u64,
    /// What this provider would bill for what it sent.
    pub tokens: Tokens,
    /// `None` while the call is open.
    pub end: Option<End>,
}

impl Call {
    pub fn cancelled(&self) -> bool {
        self.end.is_some_and(|end| end.how == How::Cancelled)
    }

    /// The line of the journal's file.
    pub fn to_json(&self) -> Value {
        let since = self.received.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut line = json!({
            "number": self.number,
            "received_us": since.as_micros() as u64,
            "path": self.path,
            "headers": self.headers.iter().map(HeaderName::as_str).collect::<Vec<_>>(),
            "model": self.model,
            "stream": self.stream,
            "status": self.status,
            "request_id": self.request_id,
            "bytes_sent": self.bytes_sent,
            "events_sent": self.events_sent,
            "tokens": self.tokens,
            "how": self.end.map(|end| end.how.as_str()),
            "after_us": self.end.map(|end| end.after.as_micros() as u64),
        });
        match std::str::from_utf8(&self.request) {
            Ok(text) => line["request"] = json!(text),
            Err(_) => line["request_bytes"] = json!(&self.request[..]),
        }
        line
    }
}

/// Cheap to clone; clones share what happened.
#[derive(Clone, Debug)]
pub struct Journal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    file: Option<Mutex<File>>,
    changed: Notify,
    max_calls: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Ring {
    calls: VecDeque<Call>,
    /// Number of the first call in `calls`.
    first: u64,
    bytes: usize,
    ended: u64,
    file_failed: bool,
}

impl Journal {
    pub(crate) fn new(max_calls: usize, max_bytes: usize, file: Option<File>) -> Self {
        let shared = Shared {
            ring: Mutex::default(),
            file: file.map(Mutex::new),
            changed: Notify::new(),
            max_calls: max_calls.max(1),
            max_bytes,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Calls that are kept, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.ring().calls.iter().cloned().collect()
    }

    /// One call, while it is kept.
    pub fn call(&self, number: u64) -> Option<Call> {
        let ring = self.ring();
        let at = number.checked_sub(ring.first)?;
        ring.calls.get(usize::try_from(at).ok()?).cloned()
    }

    /// Requests that arrived since the start.
    pub fn received(&self) -> u64 {
        let ring = self.ring();
        ring.first + ring.calls.len() as u64
    }

    /// Calls that ended since the start.
    pub fn ended(&self) -> u64 {
        self.ring().ended
    }

    /// Calls that the ring no longer has.
    pub fn forgotten(&self) -> u64 {
        self.ring().first
    }

    /// Waits until the calls are as wanted: true, or false when the time is over. For tests, in place of sleeping.
    pub async fn until(&self, at_most: Duration, wanted: impl Fn(&[Call]) -> bool) -> bool {
        let wait = async {
            loop {
                let changed = self.shared.changed.notified();
                tokio::pin!(changed);
                // Registered before looking: a change in between is not missed.
                changed.as_mut().enable();
                if wanted(&self.calls()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(at_most, wait).await.is_ok()
    }

    pub(crate) fn begin(&self, arrival: Arrival) -> Entry {
        let mut ring = self.ring();
        let number = ring.first + ring.calls.len() as u64;
        let call = Call {
            number,
            received: SystemTime::now(),
            path: arrival.path,
            headers: arrival.headers,
            request: arrival.request,
            model: arrival.model,
            stream: arrival.stream,
            status: 0,
            request_id: arrival.request_id,
            bytes_sent: 0,
            events_sent: 0,
            tokens: Tokens::default(),
            end: None,
        };
        ring.bytes += call.request.len();
        ring.calls.push_back(call.clone());
        while ring.calls.len() > self.shared.max_calls || (ring.bytes > self.shared.max_bytes && ring.calls.len() > 1) {
            if let Some(old) = ring.calls.pop_front() {
                ring.bytes -= old.request.len();
                ring.first += 1;
            }
        }
        drop(ring);
        self.shared.changed.notify_waiters();
        Entry { journal: self.clone(), call, began: arrival.at }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Every change of the ring is whole before something could panic.
        self.shared.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the kept call equal to what its entry knows.
    fn put(&self, call: &Call) {
        let mut ring = self.ring();
        ring.ended += u64::from(call.end.is_some());
        let at = call.number.checked_sub(ring.first).and_then(|at| usize::try_from(at).ok());
        if let Some(kept) = at.and_then(|at| ring.calls.get_mut(at)) {
            *kept = call.clone();
        }
    }

    fn write_line(&self, call: &Call) {
        let Some(file) = &self.shared.file else { return };
        let mut line = call.to_json().to_string();
        line.push('\n');
        let written = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        if let Err(error) = written
            && !std::mem::replace(&mut self.ring().file_failed, true)
        {
            tracing::warn!(%error, "the simulator's journal file cannot be written");
        }
    }
}

/// What is known of a call when it begins.
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) path: String,
    pub(crate) headers: Vec<HeaderName>,
    pub(crate) request: Bytes,
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) request_id: String,
}

/// An open call. Ended exactly once: dropping it says that the caller hung up.
#[derive(Debug)]
pub(crate) struct Entry {
    journal: Journal,
    call: Call,
    began: Instant,
}

impl Entry {
    pub(crate) fn answering(&mut self, status: u16) {
        self.call.status = status;
        self.journal.put(&self.call);
        self.journal.shared.changed.notify_waiters();
    }

    pub(crate) fn sent(&mut self, bytes: usize) {
        self.call.bytes_sent += bytes as u64;
        self.call.events_sent += 1;
    }

    pub(crate) fn end(mut self, how: How, tokens: Tokens) {
        let how = if how == How::Complete && self.call.status >= 400 { How::Refused } else { how };
        self.close(how, tokens);
    }

    fn close(&mut self, how: How, tokens: Tokens) {
        self.call.end = Some(End { how, after: self.began.elapsed() });
        self.call.tokens = tokens;
        self.journal.put(&self.call);
        self.journal.write_line(&self.call);
        self.journal.shared.changed.notify_waiters();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.call.end.is_none() {
            self.close(How::Cancelled, Tokens::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(journal: &Journal, body: &'static str) -> Entry {
        journal.begin(Arrival {
            at: Instant::now(),
            path: "/v1/chat/completions".into(),
            headers: Vec::new(),
            request: Bytes::from_static(body.as_bytes()),
            model: "sim-small".into(),
            stream: false,
            request_id: "req_1".into(),
        })
    }

    #[test]
    fn a_call_is_open_until_it_ends_and_cancelled_when_dropped() {
        let journal = Journal::new(10, 1000, None);
        let mut first = begin(&journal, "a");
        let second = begin(&journal, "b");
        assert!(journal.calls().iter().all(|c| c.end.is_none()));
        first.answering(200);
        first.sent(7);
        first.end(How::Complete, Tokens { prompt: 1, ..Tokens::default() });
        drop(second);
        let calls = journal.calls();
        assert_eq!(calls[0].end.unwrap().how, How::Complete);
        assert_eq!((calls[0].bytes_sent, calls[0].events_sent, calls[0].tokens.prompt), (7, 1, 1));
        assert!(calls[1].cancelled());
        assert_eq!((journal.received(), journal.ended()), (2, 2));
    }

    #[test]
    fn the_ring_forgets_by_calls_and_by_bytes_but_keeps_the_newest() {
        let journal = Journal::new(2, 10, None);
        let open = begin(&journal, "0");
        for _ in 0..3 {
            begin(&journal, "1234").end(How::Complete, Tokens::default());
        }
        assert_eq!(journal.calls().iter().map(|c| c.number).collect::<Vec<_>>(), [2, 3]);
        begin(&journal, "longer than all there is room for").end(How::Complete, Tokens::default());
        assert_eq!(journal.calls().iter().map(|c| c.number).collect::<Vec<_>>(), [4]);
        drop(open);
        assert_eq!((journal.received(), journal.ended(), journal.forgotten()), (5, 5, 4));
        assert!(journal.call(0).is_none() && journal.call(4).is_some());
    }

    #[test]
    fn the_file_has_a_line_for_each_call_that_ended_also_one_the_ring_forgot() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let journal = Journal::new(1, 1000, Some(File::create(&path).unwrap()));
        let forgotten = begin(&journal, "{\"a\":1}");
        begin(&journal, "b").end(How::Broken, Tokens::default());
        drop(forgotten);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0]["how"].as_str(), lines[0]["number"].as_u64()), (Some("broken"), Some(1)));
        assert_eq!((lines[1]["how"].as_str(), lines[1]["request"].as_str()), (Some("cancelled"), Some("{\"a\":1}")));
    }

    #[tokio::test]
    async fn waiting_ends_when_the_calls_are_as_wanted_or_time_is_over() {
        let journal = Journal::new(10, 1000, None);
        assert!(!journal.until(Duration::from_millis(1), |calls| !calls.is_empty()).await);
        let waiting = tokio::spawn({
            let journal = journal.clone();
            async move { journal.until(Duration::from_secs(10), |calls| calls.iter().any(Call::cancelled)).await }
        });
        drop(begin(&journal, "a"));
        assert!(waiting.await.unwrap());
    }
}

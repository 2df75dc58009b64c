//! The body of an answer: what is sent, when, and how it ends.
//!
//! Invariant: between two events the body is pending once, so that hyper flushes each event by itself.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::answer::Tokens;
use crate::journal::{Entry, How};
use crate::wire::Events;

/// What is on the tape.
#[derive(Debug)]
pub(crate) enum Reel {
    /// One piece of bytes: a plain answer, an error.
    Whole(Option<Bytes>),
    /// A stream, made as it is due.
    Stream(Box<Events>),
    /// Events that are given.
    Given(VecDeque<Bytes>),
}

/// How the body ends once `left` events have been sent, or the reel is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Clean,
    /// The connection is dropped.
    Break,
}

#[derive(Debug)]
pub(crate) struct Tape {
    reel: Reel,
    left: usize,
    ending: Ending,
    gap: Duration,
    due: Option<Pin<Box<Sleep>>>,
    flush: bool,
    /// Billed tokens of the whole answer; a stream knows better while it runs.
    tokens: Tokens,
    /// Taken when the last byte is handed over; dropped before, it tells that the caller hung up.
    entry: Option<Entry>,
}

/// The connection is to be dropped.
#[derive(Debug, thiserror::Error)]
#[error("the simulated provider broke off")]
pub(crate) struct BrokeOff;

impl Tape {
    pub(crate) fn new(reel: Reel, tokens: Tokens, entry: Entry) -> Self {
        Self::of(reel, tokens, Some(entry))
    }

    fn of(reel: Reel, tokens: Tokens, entry: Option<Entry>) -> Self {
        let (left, gap) = (usize::MAX, Duration::ZERO);
        Self { reel, left, ending: Ending::Clean, gap, due: None, flush: false, tokens, entry }
    }

    /// A body that is no call of the journal.
    pub(crate) fn unjournaled(body: Bytes) -> Self {
        Self::of(Reel::Whole(Some(body)), Tokens::default(), None)
    }

    /// Waits so long between events.
    pub(crate) fn paced(mut self, gap: Duration) -> Self {
        self.gap = gap;
        self
    }

    /// Sends no more than so many events, then ends.
    pub(crate) fn cut(mut self, events: usize, ending: Ending) -> Self {
        (self.left, self.ending) = (events, ending);
        self
    }

    fn next(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        match &mut self.reel {
            Reel::Whole(bytes) => bytes.take(),
            Reel::Stream(events) => events.next(),
            Reel::Given(events) => events.pop_front(),
        }
    }

    fn is_over(&self) -> bool {
        self.left == 0
            || match &self.reel {
                Reel::Whole(bytes) => bytes.is_none(),
                Reel::Stream(events) => events.is_over(),
                Reel::Given(events) => events.is_empty(),
            }
    }

    /// The tokens of what has been sent.
    fn billed(&self) -> Tokens {
        match &self.reel {
            Reel::Stream(events) => events.tokens_so_far(),
            _ => self.tokens,
        }
    }

    fn close(&mut self) {
        let billed = self.billed();
        if let Some(entry) = self.entry.take() {
            let how = if self.ending == Ending::Break { How::Broken } else { How::Complete };
            entry.end(how, billed);
        }
    }
}

impl Body for Tape {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        if let Some(due) = &mut self.due {
            ready!(due.as_mut().poll(cx));
            self.due = None;
        } else if std::mem::take(&mut self.flush) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(bytes) = self.next() else {
            self.close();
            let broke = self.ending == Ending::Break;
            return Poll::Ready(broke.then(|| Err(BrokeOff)));
        };
        if let Some(entry) = &mut self.entry {
            entry.sent(bytes.len());
        }
        if !self.is_over() {
            if self.gap.is_zero() {
                self.flush = true;
            } else {
                self.due = Some(Box::pin(sleep_until(Instant::now() + self.gap)));
            }
        } else if self.ending == Ending::Clean {
            // Before the last byte is out: whoever has the whole answer finds the call in the journal.
            self.close();
        } else {
            self.flush = true;
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.ending == Ending::Clean && self.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.reel {
            Reel::Whole(bytes) if self.ending == Ending::Clean => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            _ => SizeHint::default(),
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        let billed = self.billed();
        if let Some(entry) = self.entry.take() {
            entry.end(How::Cancelled, billed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Arrival, Journal};

    fn entry(journal: &Journal) -> Entry {
        journal.begin(Arrival {
            at: std::time::Instant::now(),
            path: String::new(),
            headers: Vec::new(),
            request: Bytes::new(),
            model: String::new(),
            stream: true,
            request_id: String::new(),
        })
    }

    fn poll(tape: &mut Tape) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        Pin::new(tape).poll_frame(&mut Context::from_waker(std::task::Waker::noop()))
    }

    fn given() -> Reel {
        Reel::Given([Bytes::from_static(b"one"), Bytes::from_static(b"two")].into())
    }

    #[test]
    fn the_body_is_pending_between_events_so_that_each_is_flushed_alone() {
        let journal = Journal::new(10, 10, None);
        let mut tape = Tape::new(given(), Tokens::default(), entry(&journal));
        assert!(poll(&mut tape).is_ready());
        assert!(poll(&mut tape).is_pending());
        assert!(journal.calls()[0].end.is_none());
        assert!(poll(&mut tape).is_ready());
        assert!(tape.is_end_stream(), "the last event and the end of the body may share a write");
        assert_eq!(journal.calls()[0].end.unwrap().how, How::Complete);
    }

    #[test]
    fn a_body_that_breaks_flushes_its_last_event_first() {
        let journal = Journal::new(10, 10, None);
        let mut tape = Tape::new(given(), Tokens::default(), entry(&journal)).cut(1, Ending::Break);
        assert!(poll(&mut tape).is_ready());
        assert!(!tape.is_end_stream() && poll(&mut tape).is_pending());
        assert!(matches!(poll(&mut tape), Poll::Ready(Some(Err(BrokeOff)))));
        assert_eq!(journal.calls()[0].end.unwrap().how, How::Broken);
    }

    #[test]
    fn a_body_that_is_dropped_was_cancelled() {
        let journal = Journal::new(10, 10, None);
        drop(Tape::new(given(), Tokens::default(), entry(&journal)));
        assert!(journal.calls()[0].cancelled());
    }
}

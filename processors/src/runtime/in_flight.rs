//! Writes under way, in the order of their sources.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use weir_bus::{Ack, Error, TopicPartition};
use weir_schemas::Offset;

pub(super) type Places = Vec<(TopicPartition, Offset)>;

/// First in, first done: an entry is done when its own acknowledgement and all before it are in. A held offset that is
/// released by an entry is therefore done only after everything that was written in between.
#[derive(Default)]
pub(super) struct InFlight {
    entries: VecDeque<Entry>,
}

struct Entry {
    ack: Pin<Box<Ack>>,
    /// Of the record whose event this is.
    source: (TopicPartition, Offset),
    /// What is done with it: its own offset, released ones, and those after it that wrote nothing.
    done: Places,
}

/// A write that failed, and the record that it was derived from.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) source: (TopicPartition, Offset),
    pub(super) error: Error,
}

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn push(&mut self, ack: Ack, source: (TopicPartition, Offset), done: Places) {
        self.entries.push_back(Entry { ack: Box::pin(ack), source, done });
    }

    /// For a record that wrote nothing: done behind what is under way. Gives `done` back where nothing is.
    pub(super) fn append(&mut self, done: Places) -> Places {
        match self.entries.back_mut() {
            Some(last) => {
                last.done.extend(done);
                Places::new()
            }
            None => done,
        }
    }

    /// The next entry that is done. Pending while there is none. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Places, Refused> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Places, Refused>> {
        let Some(first) = self.entries.front_mut() else { return Poll::Pending };
        let Poll::Ready(acked) = first.ack.as_mut().poll(cx) else { return Poll::Pending };
        let Some(entry) = self.entries.pop_front() else { return Poll::Pending };
        Poll::Ready(match acked {
            Ok(_) => Ok(entry.done),
            Err(error) => Err(Refused { source: entry.source, error }),
        })
    }
}

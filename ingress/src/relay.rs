//! A streamed answer on its way from the provider to the client.
//!
//! Each read of the provider becomes chunks in the outbox, then frames for the client: never the other way round. The
//! Outcome is there before the last frame. Dropping the relay, because the client left, drops the provider's connection
//! and ends the call.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, timeout};
use weir_providers::openai::answer::{Piece, Progress, StreamReader};

use crate::call::{Call, Ending};
use crate::refusal::Refusal;

/// After `[DONE]` the provider has so long to end its body, so that the connection can be used again.
const END_OF_BODY: Duration = Duration::from_secs(2);

/// The answer cannot go on, and the audit has no room to say so: the connection is cut.
#[derive(Debug, thiserror::Error)]
#[error("the audit cannot record the answer")]
pub(crate) struct Aborted;

pub(crate) struct Relay {
    call: Call,
    /// Gone when no more is read.
    upstream: Option<Incoming>,
    reader: StreamReader,
    /// In the outbox, to be handed on.
    ready: VecDeque<Bytes>,
    pieces: Vec<Piece>,
    aborted: bool,
    idle: Duration,
    last_read: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl Relay {
    pub(crate) fn new(call: Call, upstream: Incoming, reader: StreamReader, idle: Duration) -> Self {
        Self {
            call,
            upstream: Some(upstream),
            reader,
            ready: VecDeque::new(),
            pieces: Vec::new(),
            aborted: false,
            idle,
            last_read: Instant::now(),
            alarm: Box::pin(tokio::time::sleep(idle)),
        }
    }

    /// The next frame for the client.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if std::mem::take(&mut self.aborted) {
                return Poll::Ready(Some(Err(Aborted)));
            }
            let Some(upstream) = &mut self.upstream else { return Poll::Ready(None) };
            match Pin::new(upstream).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.last_read = Instant::now();
                    if let Ok(data) = frame.into_data() {
                        self.read(data);
                    }
                }
                Poll::Ready(Some(Err(_))) => self.break_off(&Refusal::UpstreamBroken("the connection ended early")),
                Poll::Ready(None) => self.read_end(),
                Poll::Pending => {
                    ready!(self.poll_idle(cx));
                    self.break_off(&Refusal::UpstreamTimeout);
                }
            }
        }
    }

    /// Ready when nothing was read for too long. The timer is set anew only when it rings, not at every read.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            let due = self.last_read + self.idle;
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(due);
        }
    }

    fn read(&mut self, data: Bytes) {
        let mut pieces = std::mem::take(&mut self.pieces);
        let progress = self.reader.push(data, &mut pieces);
        self.hand_on(&pieces, progress);
        pieces.clear();
        self.pieces = pieces;
    }

    fn read_end(&mut self) {
        let mut pieces = Vec::new();
        let progress = self.reader.finish(&mut pieces);
        self.hand_on(&pieces, progress);
    }

    /// Logs the pieces, then lets them go; ends the call where the stream ends.
    fn hand_on(&mut self, pieces: &[Piece], progress: Result<Progress, weir_providers::Error>) {
        let ending = match progress {
            Ok(Progress::Open) => None,
            Ok(Progress::Done) => Some(Ending::COMPLETED),
            Ok(Progress::Failed) => Some(Ending::provider_failed("upstream_stream_error".to_owned(), true)),
            Err(ref error) => {
                if self.let_go(pieces) {
                    self.break_off(&Refusal::UpstreamBroken(why(error)));
                }
                return;
            }
        };
        let Some(ending) = ending else {
            self.let_go(pieces);
            return;
        };
        if self.call.end(pieces, self.reader.facts(), &ending).is_err() {
            self.abort();
            return;
        }
        self.ready.extend(pieces.iter().map(|piece| piece.bytes.clone()));
        if let Some(upstream) = self.upstream.take().filter(|_| matches!(progress, Ok(Progress::Done))) {
            end_of_body(upstream);
        }
    }

    /// Logs pieces that are not the last and lets them go; false where the outbox refused, and the stream is over.
    fn let_go(&mut self, pieces: &[Piece]) -> bool {
        if self.call.chunks(pieces).is_err() {
            // Room was kept for ending what is open.
            self.break_off(&Refusal::AuditLost);
            return false;
        }
        self.ready.extend(pieces.iter().map(|piece| piece.bytes.clone()));
        true
    }

    /// Ends the stream with a typed error event, and without `[DONE]`.
    fn break_off(&mut self, refusal: &Refusal) {
        self.upstream = None;
        let event = Piece { bytes: refusal.event().into(), events: 1 };
        match self.call.end(std::slice::from_ref(&event), self.reader.facts(), &Ending::refused(refusal)) {
            Ok(()) => self.ready.push_back(event.bytes),
            Err(_) => self.abort(),
        }
    }

    fn abort(&mut self) {
        self.upstream = None;
        self.aborted = true;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.call.abandon(self.reader.facts());
    }
}

/// Reads the rest of a complete answer, so that its connection goes back to the pool.
fn end_of_body(mut upstream: Incoming) {
    if upstream.is_end_stream() {
        return;
    }
    tokio::spawn(timeout(END_OF_BODY, async move { while let Some(Ok(_)) = upstream.frame().await {} }));
}

fn why(error: &weir_providers::Error) -> &'static str {
    match error {
        weir_providers::Error::EventTooLarge { .. } => "an event of its stream is too large",
        weir_providers::Error::Truncated => "its stream ended early",
        _ => "an event of its stream is not JSON",
    }
}

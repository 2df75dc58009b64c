//! Bodies: what clients send, read within bounds, and what they get.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout, timeout_at};

use crate::refusal::Refusal;
use crate::relay::{Aborted, Relay};

/// What is sent past the limit is read and dropped, up to here: a client that is still sending does not read the refusal.
const DRAINED_BYTES: usize = 64 * 1024 * 1024;
/// Any body has to arrive within this, however steadily it trickles.
const WHOLE_BODY: Duration = Duration::from_secs(60);

/// Reads a client's body of at most `limit` bytes; `idle` bounds each wait for more.
pub(crate) async fn read(mut body: Incoming, limit: usize, idle: Duration) -> Result<Bytes, Refusal> {
    let deadline = Instant::now() + WHOLE_BODY;
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut over = expected > limit;
    // One buffer: a list of pieces of one byte each would take many times the limit.
    let mut read = BytesMut::new();
    let mut length = 0;
    loop {
        let by = deadline.min(Instant::now() + idle);
        let data = match timeout_at(by, body.frame()).await {
            Err(_) => return Err(if over { Refusal::BodyTooLarge { limit } } else { Refusal::BodyTimeout }),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(Refusal::BodyBroken),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        length += data.len();
        over |= length > limit;
        if over {
            read = BytesMut::new();
            if length > DRAINED_BYTES {
                break;
            }
        } else if !data.is_empty() && data.len() == expected {
            return Ok(data);
        } else {
            read.extend_from_slice(&data);
        }
    }
    if over {
        return Err(Refusal::BodyTooLarge { limit });
    }
    Ok(read.freeze())
}

/// Reads a small body that is no call; `None` where it is too large, slow or broken.
pub(crate) async fn read_small(body: Incoming, limit: usize, wait: Duration) -> Option<Bytes> {
    let body = http_body_util::Limited::new(body, limit);
    timeout(wait, body.collect()).await.ok()?.ok().map(|whole| whole.to_bytes())
}

/// The body of an answer.
pub(crate) enum Body {
    Whole(Full<Bytes>),
    Relay(Box<Relay>),
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(cx).map_err(|never: Infallible| match never {}),
            Self::Relay(relay) => relay.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Relay(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Relay(_) => SizeHint::default(),
        }
    }
}

//! Reading on while others append.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use crate::journal::Core;
use crate::segment::{FRAME_BYTES, Frame, Segment, frame_at};
use crate::{Error, Position};

/// How much is read ahead. A record is copied out of it, so that one that is kept does not keep the rest.
const CHUNK_BYTES: usize = 128 * 1024;

/// Reads on while others append. Sees only what an append has completed.
pub struct Reader {
    core: Arc<Core>,
    segment: Arc<Segment>,
    position: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl Reader {
    pub(crate) fn new(core: Arc<Core>, from: Position) -> Result<Self, Error> {
        let segment = core.segment_at(from.0)?;
        let position = from.0.max(segment.base);
        Ok(Self { core, segment, position, buffer: Vec::new(), used: 0 })
    }

    /// Where the next record stands.
    pub fn position(&self) -> Position {
        Position(self.position)
    }

    /// The next record and the position after it, or `None` at the end (call again after more was appended).
    ///
    /// An error leaves the reader where it is.
    #[allow(clippy::should_implement_trait)] // Not an iterator: `None` is not its end.
    pub fn next(&mut self) -> Result<Option<(Position, Bytes)>, Error> {
        loop {
            // The end first: once it shows bytes of the next segment, this one shows that it is sealed.
            let end = self.core.end();
            let limit = match self.segment.sealed_end() {
                Some(sealed) if self.position >= sealed => {
                    let next = self.core.segment_at(self.position)?;
                    if Arc::ptr_eq(&next, &self.segment) {
                        return Ok(None);
                    }
                    self.position = self.position.max(next.base);
                    self.segment = next;
                    self.forget();
                    continue;
                }
                Some(sealed) => sealed,
                None => end,
            };
            if self.position >= limit {
                return Ok(None);
            }
            let left = (limit - self.position) as usize;
            match frame_at(&self.buffer[self.used..], left.saturating_sub(FRAME_BYTES)) {
                Frame::Whole(payload) => {
                    let record = Bytes::copy_from_slice(payload);
                    let bytes = FRAME_BYTES + payload.len();
                    self.used += bytes;
                    self.position += bytes as u64;
                    return Ok(Some((Position(self.position), record)));
                }
                Frame::Short(need) if need <= left => self.fill(need, left)?,
                Frame::Short(_) | Frame::Bad => {
                    self.forget();
                    return Err(self.segment.damaged(self.position, "record does not match its checksum"));
                }
            }
        }
    }

    fn forget(&mut self) {
        self.buffer.clear();
        self.used = 0;
    }

    fn fill(&mut self, need: usize, left: usize) -> Result<(), Error> {
        let take = need.max(CHUNK_BYTES).min(left);
        self.used = 0;
        self.buffer.resize(take, 0);
        let at = self.segment.offset_of(self.position);
        let read = self.segment.file.read_exact_at(&mut self.buffer, at);
        if take <= CHUNK_BYTES && self.buffer.capacity() > 2 * CHUNK_BYTES {
            self.buffer.shrink_to(CHUNK_BYTES);
        }
        read.map_err(|source| {
            self.forget();
            match source.kind() {
                std::io::ErrorKind::UnexpectedEof => {
                    self.segment.damaged(self.position, "the file is shorter than it was")
                }
                _ => Error::Io { action: "read", path: self.segment.path.clone(), source },
            }
        })
    }
}

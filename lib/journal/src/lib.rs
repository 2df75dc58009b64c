//! An append-only journal in segment files. The outbox of the ingress and the embedded log stand on it.
//!
//! Invariants
//! - `append` returns after `write(2)`: what it accepted survives kill -9 of the process. Power loss is bounded by [`Fsync`].
//! - Records are read back in the order of appending, whole, or not at all: a torn tail is cut off on opening.
//! - Bounded: past `max_bytes` of live segments an append is refused with [`Error::Full`], until `trim` frees some.
//!
//! Not promised: secrecy, or protection from somebody who may write the files (see the audit's transparency log).

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

/// When `fsync` is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// Before every append returns (appends that wait together share one).
    Always,
    /// In the background, at most so long after an append.
    Interval(Duration),
    /// When the kernel likes.
    Never,
}

#[derive(Clone, Debug)]
pub struct Options {
    pub segment_bytes: u64,
    /// Bound on live bytes over all segments.
    pub max_bytes: u64,
    pub fsync: Fsync,
    /// Largest record.
    pub max_record_bytes: usize,
}

/// Byte position in the whole journal since its beginning; only rises, never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("journal is full: {live} of {limit} bytes")]
    Full { live: u64, limit: u64 },
    #[error("record of {bytes} bytes is over the limit of {limit}")]
    TooLarge { bytes: usize, limit: usize },
    #[error("journal {path}: {action}")]
    Io { action: &'static str, path: PathBuf, #[source] source: std::io::Error },
    #[error("journal {path} is damaged at byte {at}: {what}")]
    Damaged { path: PathBuf, at: u64, what: &'static str },
    #[error("journal {path} is in use by another process")]
    InUse { path: PathBuf },
    #[error("position {0:?} has been trimmed")]
    Trimmed(Position),
}

/// Cheap to clone; clones append to the same journal. Every call is synchronous and short.
#[derive(Clone)]
pub struct Journal;

impl Journal {
    pub fn open(_dir: &Path, _options: Options) -> Result<Self, Error> { unimplemented!() }
    /// Appends one record (the concatenation of `parts`).
    pub fn append(&self, _parts: &[&[u8]]) -> Result<Position, Error> { unimplemented!() }
    /// Where the next record will stand.
    pub fn end(&self) -> Position { unimplemented!() }
    /// Where the oldest live record stands.
    pub fn start(&self) -> Position { unimplemented!() }
    pub fn live_bytes(&self) -> u64 { unimplemented!() }
    /// A reader from a position that `append`, `start`, `end` or a reader gave.
    pub fn read_from(&self, _from: Position) -> Result<Reader, Error> { unimplemented!() }
    /// Frees whole segments that end before `keep_from`.
    pub fn trim(&self, _keep_from: Position) -> Result<(), Error> { unimplemented!() }
    /// Forces everything appended so far to disk.
    pub fn sync(&self) -> Result<(), Error> { unimplemented!() }
}

/// Reads on while others append.
pub struct Reader;

impl Reader {
    /// The next record and the position after it, or `None` at the end (call again after more was appended).
    pub fn next(&mut self) -> Result<Option<(Position, Bytes)>, Error> { unimplemented!() }
}

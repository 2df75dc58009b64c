//! An append-only journal in segment files. The outbox of the ingress and the embedded log stand on it.
//!
//! Invariants
//! - `append` returns after `write(2)`: what it accepted survives kill -9 of the process. Power loss is bounded by [`Fsync`].
//! - Records are read back in the order of appending, whole, or not at all: a torn tail is cut off on opening.
//! - What was once forced to disk is never cut: damage there is [`Error::Damaged`], reported and left as it is.
//! - Bounded: past `max_bytes` of live segments an append is refused with [`Error::Full`], until `trim` frees some.
//! - One process at a time: the directory is locked while a journal is open.
//!
//! Not promised: secrecy, or protection from somebody who may write the files (see the audit's transparency log).
//! With [`Fsync::Never`] and no [`Journal::sync`] before a segment is closed, a power loss may also damage segments before the
//! last; the journal then does not open.

mod cursor;
mod journal;
mod mark;
mod reader;
mod recovery;
mod segment;
mod sync;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use cursor::Cursor;
pub use journal::Journal;
pub use reader::Reader;
pub use watch::Subscription;

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
    /// A segment is closed when the next record would pass this size. At most a quarter of `max_bytes` is used.
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
    /// Trim, or wait until somebody does, then append again.
    #[error("journal is full: {live} of {limit} bytes")]
    Full { live: u64, limit: u64 },
    /// Will never fit.
    #[error("record of {bytes} bytes is over the limit of {limit}")]
    TooLarge { bytes: usize, limit: usize },
    /// The operating system refused. After a failed write or sync the journal takes no more until it is opened anew.
    #[error("journal {path}: {action}")]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Bytes that had been written are not what they were. Nothing was changed; somebody has to look.
    #[error("journal {path} is damaged at byte {at}: {what}")]
    Damaged { path: PathBuf, at: u64, what: &'static str },
    #[error("journal {path} is in use by another process")]
    InUse { path: PathBuf },
    #[error("position {0:?} has been trimmed")]
    Trimmed(Position),
    /// After a power loss a reader's place may be past what is left: see [`Journal::advance_to`].
    #[error("position {asked:?} is past the end {end:?}")]
    PastEnd { asked: Position, end: Position },
}

impl Error {
    /// An [`Error::Io`], ready for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

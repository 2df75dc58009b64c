//! One segment file: a header, then records.
//!
//! ```text
//! header  "WEIRJNL1" | base u64 | previous end u64 | crc32 of these
//! record  length u32 | crc32 of length and payload u32 | payload
//! ```
//! Numbers are little-endian. `base` is the position of the first record. `previous end` is where the segment
//! before ended, so that a missing file in the middle is seen; the two differ only after `advance_to`.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;

const MAGIC: &[u8; 8] = b"WEIRJNL1";
pub(crate) const HEADER_BYTES: u64 = 28;
pub(crate) const FRAME_BYTES: usize = 8;
const OPEN: u64 = u64::MAX;

pub(crate) struct Segment {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    pub(crate) base: u64,
    pub(crate) previous_end: u64,
    /// Position after the last record once no more are coming.
    sealed: AtomicU64,
}

pub(crate) enum Opened {
    Whole(Segment),
    /// Creation was cut short: the file holds no record.
    Torn(PathBuf),
}

impl Segment {
    pub(crate) fn file_name(base: u64) -> String {
        format!("{base:020}.seg")
    }

    pub(crate) fn base_of(name: &str) -> Option<u64> {
        let digits = name.strip_suffix(".seg")?;
        (digits.len() == 20).then(|| digits.parse().ok()).flatten()
    }

    pub(crate) fn create(dir: &Path, base: u64, previous_end: u64) -> Result<Self, Error> {
        let path = dir.join(Self::file_name(base));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(Error::io("create segment", &path))?;
        if let Err(source) = file.write_all_at(&header(base, previous_end), 0) {
            // On a full disk the next attempt must be able to create it again.
            let _ = std::fs::remove_file(&path);
            return Err(Error::Io { action: "write segment header", path, source });
        }
        Ok(Self { file, path, base, previous_end, sealed: AtomicU64::new(OPEN) })
    }

    pub(crate) fn open(path: PathBuf, base: u64) -> Result<Opened, Error> {
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(Error::io("open segment", &path))?;
        let size = file.metadata().map_err(Error::io("open segment", &path))?.len();
        if size < HEADER_BYTES {
            return Ok(Opened::Torn(path));
        }
        let mut found = [0; HEADER_BYTES as usize];
        file.read_exact_at(&mut found, 0).map_err(Error::io("read segment header", &path))?;
        let number = |at: usize| u64::from_le_bytes(found[at..at + 8].try_into().expect("eight bytes"));
        let previous_end = number(16);
        if found != header(number(8), previous_end) || number(8) != base {
            // A power loss may leave the size without the bytes, if nothing had been appended yet.
            let torn = size == HEADER_BYTES && found == [0; HEADER_BYTES as usize];
            return if torn {
                Ok(Opened::Torn(path))
            } else {
                Err(Error::Damaged { path, at: 0, what: "segment header" })
            };
        }
        Ok(Opened::Whole(Self { file, path, base, previous_end, sealed: AtomicU64::new(OPEN) }))
    }

    /// Where the file ends, as a position.
    pub(crate) fn file_end(&self) -> Result<u64, Error> {
        let size = self.file.metadata().map_err(Error::io("read size", &self.path))?.len();
        Ok(self.base + size.saturating_sub(HEADER_BYTES))
    }

    pub(crate) fn offset_of(&self, position: u64) -> u64 {
        HEADER_BYTES + (position - self.base)
    }

    pub(crate) fn seal(&self, end: u64) {
        self.sealed.store(end, Ordering::Release);
    }

    /// `None` while it still grows.
    pub(crate) fn sealed_end(&self) -> Option<u64> {
        match self.sealed.load(Ordering::Acquire) {
            OPEN => None,
            end => Some(end),
        }
    }

    pub(crate) fn damaged(&self, position: u64, what: &'static str) -> Error {
        Error::Damaged { path: self.path.clone(), at: self.offset_of(position), what }
    }
}

fn header(base: u64, previous_end: u64) -> [u8; HEADER_BYTES as usize] {
    let mut out = [0; HEADER_BYTES as usize];
    out[..8].copy_from_slice(MAGIC);
    out[8..16].copy_from_slice(&base.to_le_bytes());
    out[16..24].copy_from_slice(&previous_end.to_le_bytes());
    let crc = crc32fast::hash(&out[..24]);
    out[24..].copy_from_slice(&crc.to_le_bytes());
    out
}

/// The eight bytes before a payload.
pub(crate) fn frame_head(parts: &[&[u8]], length: u32) -> [u8; FRAME_BYTES] {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&length.to_le_bytes());
    for part in parts {
        hash.update(part);
    }
    let mut head = [0; FRAME_BYTES];
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..].copy_from_slice(&hash.finalize().to_le_bytes());
    head
}

/// What stands at the beginning of some bytes of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Whole(&'a [u8]),
    /// So many bytes are needed to tell.
    Short(usize),
    Bad,
}

/// Reads the record at the start of `bytes`.
pub(crate) fn frame_at(bytes: &[u8], max_payload: usize) -> Frame<'_> {
    let Some((head, rest)) = bytes.split_at_checked(FRAME_BYTES) else { return Frame::Short(FRAME_BYTES) };
    let length = u32::from_le_bytes(head[..4].try_into().expect("four bytes"));
    let payload_bytes = length as usize;
    if payload_bytes > max_payload {
        return Frame::Bad;
    }
    let Some(payload) = rest.get(..payload_bytes) else { return Frame::Short(FRAME_BYTES + payload_bytes) };
    if frame_head(&[payload], length) == head { Frame::Whole(payload) } else { Frame::Bad }
}

//! What a directory holds when it is opened: whole segments in a row, a torn tail cut off, or an error.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::segment::{FRAME_BYTES, Frame, HEADER_BYTES, Opened, Segment, frame_at};

const SCAN_BYTES: usize = 1 << 20;

pub(crate) struct Recovered {
    /// Never empty; all but the last are sealed.
    pub(crate) segments: VecDeque<Arc<Segment>>,
    pub(crate) end: u64,
}

pub(crate) fn recover(dir: &Path, synced: u64) -> Result<Recovered, Error> {
    let mut segments: VecDeque<Segment> = VecDeque::new();
    let files = segment_files(dir)?;
    let count = files.len();
    for (i, (base, path)) in files.into_iter().enumerate() {
        match Segment::open(path, base)? {
            Opened::Whole(segment) => segments.push_back(segment),
            Opened::Torn(path) if i + 1 == count => {
                tracing::warn!(path = %path.display(), "segment without a header: its creation was cut short");
                fs::remove_file(&path).map_err(Error::io("remove torn segment", &path))?;
            }
            Opened::Torn(path) => return Err(Error::Damaged { path, at: 0, what: "segment header is cut off" }),
        }
    }
    for i in 1..segments.len() {
        let end = segments[i - 1].file_end()?;
        if segments[i].previous_end != end || segments[i].base < end {
            return Err(segments[i - 1].damaged(end, "the next segment does not follow"));
        }
        segments[i - 1].seal(end);
    }
    let end = match segments.back() {
        Some(last) => cut_tail(last, synced)?,
        None if synced > 0 => {
            return Err(Error::Damaged { path: dir.to_owned(), at: 0, what: "its segments are gone" });
        }
        None => {
            segments.push_back(Segment::create(dir, 0, 0)?);
            0
        }
    };
    Ok(Recovered { segments: segments.into_iter().map(Arc::new).collect(), end })
}

fn segment_files(dir: &Path) -> Result<Vec<(u64, PathBuf)>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        if let Some(base) = entry.file_name().to_str().and_then(Segment::base_of) {
            found.push((base, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Finds the last whole record of the last segment and cuts off what follows.
fn cut_tail(last: &Segment, synced: u64) -> Result<u64, Error> {
    let file_end = last.file_end()?;
    let end = scan(last, file_end)?;
    if end < synced {
        return Err(last.damaged(end.max(last.base), "a record that was on disk is broken or gone"));
    }
    if end < file_end {
        tracing::warn!(path = %last.path.display(), bytes = file_end - end, "torn tail cut off");
        last.file.set_len(last.offset_of(end)).map_err(Error::io("cut torn tail", &last.path))?;
    }
    Ok(end)
}

/// Position after the last whole record.
fn scan(segment: &Segment, file_end: u64) -> Result<u64, Error> {
    let mut position = segment.base;
    let mut buffer: Vec<u8> = Vec::new();
    let mut used = 0;
    loop {
        let left = (file_end - position) as usize;
        match frame_at(&buffer[used..], left.saturating_sub(FRAME_BYTES)) {
            Frame::Whole(payload) => {
                let bytes = FRAME_BYTES + payload.len();
                used += bytes;
                position += bytes as u64;
            }
            Frame::Bad => return Ok(position),
            Frame::Short(_) if buffer.len() - used == left => return Ok(position),
            Frame::Short(need) => {
                let take = need.max(SCAN_BYTES).min(left);
                buffer.resize(take, 0);
                used = 0;
                let at = HEADER_BYTES + (position - segment.base);
                segment.file.read_exact_at(&mut buffer, at).map_err(Error::io("read", &segment.path))?;
            }
        }
    }
}

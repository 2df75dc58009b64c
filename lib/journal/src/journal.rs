//! Appending and trimming.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::mark::Mark;
use crate::recovery::recover;
use crate::segment::{FRAME_BYTES, Segment, frame_head};
use crate::sync::{Background, Durable};
use crate::watch::Watch;
use crate::{Error, Fsync, Options, Position, Reader, Subscription};

/// Above this the frame buffer is given back after use.
const KEPT_BUFFER_BYTES: usize = 1 << 20;
const MIN_SEGMENT_BYTES: u64 = 4096;

/// Cheap to clone; clones append to the same journal. Every call is synchronous and short.
#[derive(Clone)]
pub struct Journal {
    handle: Arc<Handle>,
}

/// Ends the journal when the last clone goes. Readers may outlive it.
struct Handle {
    core: Arc<Core>,
    background: Option<Background>,
}

pub(crate) struct Core {
    pub(crate) dir: PathBuf,
    options: Options,
    state: Mutex<State>,
    end: AtomicU64,
    start: AtomicU64,
    /// The error number that ended writing, or 0.
    broken: AtomicI32,
    /// With [`Fsync::Never`], a segment was created whose name a power loss could take: the next sync is of it too.
    unsynced_dir: AtomicBool,
    pub(crate) mark: Mark,
    pub(crate) durable: Durable,
    watch: Arc<Watch>,
}

struct State {
    /// Never empty; the last one is appended to.
    segments: VecDeque<Arc<Segment>>,
    frame: Vec<u8>,
}

impl Journal {
    /// Opens or creates the journal in `dir`, and cuts off a torn tail.
    pub fn open(dir: &Path, mut options: Options) -> Result<Self, Error> {
        options.segment_bytes = options.segment_bytes.min(options.max_bytes / 4).max(MIN_SEGMENT_BYTES);
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let mark = Mark::lock(dir)?;
        let recovered = recover(dir, mark.read())?;
        let start = recovered.segments[0].base;
        let fsync = options.fsync;
        let core = Arc::new(Core {
            dir: dir.to_owned(),
            options,
            state: Mutex::new(State { segments: recovered.segments, frame: Vec::new() }),
            end: AtomicU64::new(recovered.end),
            start: AtomicU64::new(start),
            broken: AtomicI32::new(0),
            unsynced_dir: AtomicBool::new(fsync == Fsync::Never),
            mark,
            durable: Durable::default(),
            watch: Arc::default(),
        });
        if fsync != Fsync::Never {
            core.sync_dir()?;
            core.sync_through(recovered.end)?;
        }
        let background = match fsync {
            Fsync::Interval(every) => {
                Some(Background::start(core.clone(), every).map_err(Error::io("start sync thread", dir))?)
            }
            Fsync::Always | Fsync::Never => None,
        };
        Ok(Self { handle: Arc::new(Handle { core, background }) })
    }

    /// Appends one record (the concatenation of `parts`) and returns where it stands: `read_from` there reads it.
    pub fn append(&self, parts: &[&[u8]]) -> Result<Position, Error> {
        let core = &self.handle.core;
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let limit = core.options.max_record_bytes.min(u32::MAX as usize);
        if bytes > limit {
            return Err(Error::TooLarge { bytes, limit });
        }
        let head = frame_head(parts, bytes as u32);
        let framed = (FRAME_BYTES + bytes) as u64;
        let at = core.write_frame(&head, parts, framed)?;
        let end = Position(at.0 + framed);
        match (core.options.fsync, &self.handle.background) {
            (Fsync::Always, _) => core.sync_through(end.0)?,
            (_, Some(background)) => background.nudge(),
            (_, None) => {}
        }
        core.watch.grew(end);
        Ok(at)
    }

    /// Where the next record will stand.
    pub fn end(&self) -> Position {
        Position(self.handle.core.end())
    }

    /// Where the oldest live record stands.
    pub fn start(&self) -> Position {
        Position(self.handle.core.start.load(Ordering::Acquire))
    }

    pub fn live_bytes(&self) -> u64 {
        self.end().0.saturating_sub(self.start().0)
    }

    /// The positions where the segments begin, oldest first: what `trim` can free up to.
    pub fn segment_starts(&self) -> Vec<Position> {
        self.handle.core.lock().segments.iter().map(|segment| Position(segment.base)).collect()
    }

    /// A reader from a position that `append`, `start`, `end` or a reader gave.
    pub fn read_from(&self, from: Position) -> Result<Reader, Error> {
        Reader::new(self.handle.core.clone(), from)
    }

    /// Frees whole segments that end before `keep_from`.
    pub fn trim(&self, keep_from: Position) -> Result<(), Error> {
        self.handle.core.trim(keep_from)
    }

    /// Closes the current segment, so that `trim` can free what is in it.
    pub fn roll(&self) -> Result<(), Error> {
        let core = &self.handle.core;
        core.roll(&mut core.lock(), core.end())
    }

    /// Forces everything appended so far to disk.
    pub fn sync(&self) -> Result<(), Error> {
        let core = &self.handle.core;
        core.sync_names()?;
        core.sync_through(core.end())
    }

    /// Lets the next record stand at `floor` or after it. Whoever keeps a place durably calls this on opening: after
    /// a power loss the place may be past what is left, and positions must not name other records than before.
    pub fn advance_to(&self, floor: Position) -> Result<(), Error> {
        let core = &self.handle.core;
        let mut state = core.lock();
        if core.end() < floor.0 {
            core.roll(&mut state, floor.0)?;
        }
        Ok(())
    }

    /// Calls `hook` with the new end after each append, on the appender's thread: it must be quick (wake a task).
    pub fn subscribe(&self, hook: impl Fn(Position) + Send + Sync + 'static) -> Subscription {
        self.handle.core.watch.subscribe(Arc::new(hook))
    }

    /// Blocks until the end is past `seen` or `timeout` has passed; returns the end. For tailers on their own thread.
    pub fn wait_past(&self, seen: Position, timeout: Duration) -> Position {
        let core = &self.handle.core;
        Position(core.watch.wait(seen.0, timeout, || core.end()))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(background) = &mut self.background {
            background.stop();
        }
        if self.core.options.fsync != Fsync::Never
            && let Err(error) = self.core.sync_through(self.core.end())
        {
            tracing::error!(path = %self.core.dir.display(), %error, "journal closed without its last sync");
        }
        self.core.mark.unlock();
    }
}

impl Core {
    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No more appends: what is on disk after a failed write or sync is not known.
    pub(crate) fn break_off(&self, error: &io::Error) {
        self.broken.store(error.raw_os_error().unwrap_or(-1), Ordering::Release);
    }

    pub(crate) fn check_usable(&self) -> Result<(), Error> {
        match self.broken.load(Ordering::Acquire) {
            0 => Ok(()),
            code => {
                let source = io::Error::from_raw_os_error(code);
                Err(Error::Io { action: "refused since an earlier failure", path: self.dir.clone(), source })
            }
        }
    }

    fn write_frame(&self, head: &[u8; FRAME_BYTES], parts: &[&[u8]], bytes: u64) -> Result<Position, Error> {
        let mut state = self.lock();
        self.check_usable()?;
        let at = self.end();
        let live = at - self.start.load(Ordering::Acquire);
        if live + bytes > self.options.max_bytes {
            return Err(Error::Full { live, limit: self.options.max_bytes });
        }
        let base = current(&state).base;
        if at > base && at - base + bytes > self.options.segment_bytes {
            self.roll(&mut state, at)?;
        }
        let State { segments, frame } = &mut *state;
        let segment = segments.back().expect("never empty");
        frame.clear();
        frame.extend_from_slice(head);
        for part in parts {
            frame.extend_from_slice(part);
        }
        let written = segment.file.write_all_at(frame, segment.offset_of(at));
        if frame.capacity() > KEPT_BUFFER_BYTES {
            *frame = Vec::new();
        }
        if let Err(source) = written {
            // A full disk leaves half a record: cut it off, so that the next append can succeed.
            if segment.file.set_len(segment.offset_of(at)).is_err() {
                self.break_off(&source);
            }
            return Err(Error::Io { action: "append", path: segment.path.clone(), source });
        }
        self.end.store(at + bytes, Ordering::Release);
        Ok(Position(at))
    }

    /// Closes the current segment and begins one at `base`.
    fn roll(&self, state: &mut State, base: u64) -> Result<(), Error> {
        let end = self.end();
        let old = current(state);
        if old.base == base {
            return Ok(());
        }
        if self.options.fsync != Fsync::Never
            && let Err(source) = old.file.sync_data()
        {
            self.break_off(&source);
            return Err(Error::Io { action: "sync", path: old.path.clone(), source });
        }
        let new = Segment::create(&self.dir, base, end)?;
        if self.options.fsync != Fsync::Never
            && let Err(error) = self.sync_dir()
        {
            // Not in use yet: without it the next attempt can create it again.
            let _ = fs::remove_file(&new.path);
            return Err(error);
        }
        if self.options.fsync == Fsync::Never {
            self.unsynced_dir.store(true, Ordering::Release);
        }
        old.seal(end);
        state.segments.push_back(Arc::new(new));
        self.end.store(base, Ordering::Release);
        Ok(())
    }

    fn trim(&self, keep_from: Position) -> Result<(), Error> {
        let mut state = self.lock();
        let end = self.end();
        // Nothing is needed any more but the current segment holds much: close it, or `Full` could last for ever.
        if keep_from.0 >= end && end - current(&state).base >= self.options.segment_bytes / 2 {
            self.roll(&mut state, end)?;
        }
        while state.segments[0].sealed_end().is_some_and(|end| end <= keep_from.0) {
            let first = &state.segments[0];
            fs::remove_file(&first.path).map_err(Error::io("remove segment", &first.path))?;
            state.segments.pop_front();
            self.start.store(state.segments[0].base, Ordering::Release);
            // In this order on disk too: a file gone from the middle would look like damage.
            self.sync_dir()?;
        }
        Ok(())
    }

    /// Makes the names of new segments durable, where [`roll`](Self::roll) did not.
    fn sync_names(&self) -> Result<(), Error> {
        if self.unsynced_dir.swap(false, Ordering::AcqRel)
            && let Err(error) = self.sync_dir()
        {
            self.unsynced_dir.store(true, Ordering::Release);
            return Err(error);
        }
        Ok(())
    }

    fn sync_dir(&self) -> Result<(), Error> {
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync directory", &self.dir))
    }

    /// The segments with bytes at or after `from`, and the end of what they hold.
    pub(crate) fn segments_from(&self, from: u64) -> (Vec<Arc<Segment>>, u64) {
        let state = self.lock();
        let wanted = |segment: &&Arc<Segment>| segment.sealed_end().is_none_or(|end| end > from);
        (state.segments.iter().filter(wanted).cloned().collect(), self.end())
    }

    /// The segment that holds the record at or after `position`; `None` past the last.
    pub(crate) fn segment_at(&self, position: u64) -> Result<Arc<Segment>, Error> {
        let state = self.lock();
        let end = self.end();
        if position > end {
            return Err(Error::PastEnd { asked: Position(position), end: Position(end) });
        }
        if position < state.segments[0].base && position < state.segments[0].previous_end {
            return Err(Error::Trimmed(Position(position)));
        }
        let holds = |segment: &&Arc<Segment>| segment.sealed_end().is_none_or(|end| position < end);
        Ok(state.segments.iter().find(holds).expect("the last is open").clone())
    }
}

fn current(state: &State) -> Arc<Segment> {
    state.segments.back().expect("never empty").clone()
}

//! When bytes reach the disk: group commit for those who wait, and a background thread for `Fsync::Interval`.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Error;
use crate::journal::Core;

/// How far the journal is on disk, and whether somebody is at it.
#[derive(Default)]
pub(crate) struct Durable {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    through: u64,
    running: bool,
}

impl Durable {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// Returns when everything before `target` is on disk. One caller syncs for all who wait.
    pub(crate) fn sync_through(&self, target: u64) -> Result<(), Error> {
        let mut state = self.durable.lock();
        loop {
            self.check_usable()?;
            if state.through >= target {
                return Ok(());
            }
            if state.running {
                state = self.durable.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.running = true;
            let from = state.through;
            drop(state);
            let result = self.sync_files(from);
            state = self.durable.lock();
            state.running = false;
            if let Ok(through) = &result {
                state.through = state.through.max(*through);
            }
            self.durable.changed.notify_all();
            result?;
        }
    }

    /// Syncs every segment that has bytes at or after `from`; returns the end that is then on disk.
    fn sync_files(&self, from: u64) -> Result<u64, Error> {
        let (segments, end) = self.segments_from(from);
        for segment in segments {
            if let Err(source) = segment.file.sync_data() {
                // After a failed fsync the kernel may have dropped the pages: nothing can be said of them any more.
                self.break_off(&source);
                return Err(Error::Io { action: "sync", path: segment.path.clone(), source });
            }
        }
        self.mark.write(end);
        Ok(end)
    }
}

/// The thread of `Fsync::Interval`. It sleeps while nothing is appended, and ends with the journal.
pub(crate) struct Background {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    pub(crate) fn start(core: Arc<Core>, every: Duration) -> io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let thread =
            std::thread::Builder::new().name("journal-sync".to_owned()).spawn(move || run(&core, &woken, every))?;
        Ok(Self { wake: Some(wake), thread: Some(thread) })
    }

    /// Something was appended.
    pub(crate) fn nudge(&self) {
        if let Some(wake) = &self.wake {
            match wake.try_send(()) {
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
    }

    pub(crate) fn stop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by the panic hook; there is nothing to add.
            let _ = thread.join();
        }
    }
}

fn run(core: &Core, woken: &Receiver<()>, every: Duration) {
    while woken.recv().is_ok() {
        let deadline = Instant::now() + every;
        // Wakes during the wait belong to the sync that follows it, but for the one that may sit in the channel.
        loop {
            match woken.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(()) if Instant::now() < deadline => {}
                Ok(()) | Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        if let Err(error) = core.sync_through(core.end()) {
            tracing::error!(path = %core.dir.display(), %error, "journal cannot reach the disk");
            return;
        }
    }
}

//! When bytes reach the disk: group commit for those who wait, and a background thread for `Fsync::Interval`.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

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
    fn through(&self) -> u64 {
        self.lock().through
    }

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
    /// True while the thread waits for the first append. A wake-up costs more than an append: only that one wakes it.
    idle: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    pub(crate) fn start(core: Arc<Core>, every: Duration) -> io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let idle = Arc::new(AtomicBool::new(false));
        let its = idle.clone();
        let name = "journal-sync".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || run(&core, &woken, &its, every))?;
        Ok(Self { wake: Some(wake), idle, thread: Some(thread) })
    }

    /// Something was appended.
    pub(crate) fn nudge(&self) {
        fence(Ordering::SeqCst);
        if let Some(wake) = &self.wake
            && self.idle.swap(false, Ordering::SeqCst)
        {
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

fn run(core: &Core, woken: &Receiver<()>, idle: &AtomicBool, every: Duration) {
    loop {
        idle.store(true, Ordering::SeqCst);
        // Pairs with the fence in `nudge`: either we see the new end, or the appender sees us idle.
        fence(Ordering::SeqCst);
        // What was appended while the last sync ran met nobody idle, and woke nobody.
        if core.end() > core.durable.through() {
            idle.store(false, Ordering::SeqCst);
        } else if woken.recv().is_err() {
            return;
        }
        // Nobody wakes us now but the end of the journal, or one late nudge, after which the sync merely comes early.
        if let Err(RecvTimeoutError::Disconnected) = woken.recv_timeout(every) {
            return;
        }
        if let Err(error) = core.sync_through(core.end()) {
            tracing::error!(path = %core.dir.display(), %error, "journal cannot reach the disk");
            return;
        }
    }
}

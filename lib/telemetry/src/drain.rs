//! The drain signal: "finish what you have, take nothing new, stop".
//!
//! One [`Drain`] is handed to everything in a process. Whoever wants the process to stop calls [`Drain::trigger`];
//! loops select on [`Drain::triggered`]; tasks that must not be cut off are spawned through [`Drain::spawn`]; the
//! one who owns the process ends with [`Drain::wait`] or [`Drain::wait_at_most`].
//!
//! Invariants
//! - Triggering is final and idempotent.
//! - `wait` returns after the trigger, when every tracked task has ended.
//!
//! Not promised: that tasks end. They are asked, never aborted; a bound on the wait is the caller's. Order between
//! parts is the caller's too: give each part a drain of its own and wait for them one by one.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::Error;

/// Exit code after a second signal, as shells write "ended by an interrupt".
pub const EXIT_INTERRUPTED: i32 = 130;

/// Cheap to clone; clones share the signal and the tasks.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    signal: CancellationToken,
    tasks: TaskTracker,
}

impl Drain {
    pub fn new() -> Self {
        Self::default()
    }

    /// A drain with tasks of its own that is triggered with this one, or alone.
    pub fn child(&self) -> Self {
        Self { signal: self.signal.child_token(), tasks: TaskTracker::new() }
    }

    pub fn trigger(&self) {
        self.signal.cancel();
    }

    pub fn is_triggered(&self) -> bool {
        self.signal.is_cancelled()
    }

    /// Ends when the drain is triggered; at once where it has been. Safe to drop in a `select!`.
    pub async fn triggered(&self) {
        self.signal.cancelled().await;
    }

    /// For APIs that take a token.
    pub fn token(&self) -> &CancellationToken {
        &self.signal
    }

    /// Runs a task that [`wait`](Self::wait) waits for.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(task)
    }

    /// Has [`wait`](Self::wait) wait for a future that somebody else runs.
    pub fn track<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        self.tasks.track_future(future)
    }

    /// Tracked tasks that have not ended.
    pub fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Waits for the trigger, then for every tracked task.
    pub async fn wait(&self) {
        self.triggered().await;
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// As [`wait`](Self::wait), but gives the tasks only so long after the trigger.
    pub async fn wait_at_most(&self, grace: Duration) -> Result<(), Error> {
        self.triggered().await;
        match tokio::time::timeout(grace, self.wait()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Error::Unfinished { tasks: self.tasks() }),
        }
    }

    /// Triggers on the first SIGINT or SIGTERM; the second ends the process at once. Call within a runtime.
    pub fn on_signals(&self) -> Result<(), Error> {
        let mut signals = Signals::listen()?;
        let drain = self.clone();
        tokio::spawn(async move {
            let first = signals.next().await;
            tracing::info!(signal = first, "draining; a second signal ends the process at once");
            drain.trigger();
            let second = signals.next().await;
            tracing::warn!(signal = second, unfinished = drain.tasks(), "ended at once");
            std::process::exit(EXIT_INTERRUPTED);
        });
        Ok(())
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Registers at once, so that no signal is missed between here and the first `next`.
    fn listen() -> Result<Self, Error> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt()).map_err(|source| Error::Signal { signal: "SIGINT", source })?;
        let terminate =
            signal(SignalKind::terminate()).map_err(|source| Error::Signal { signal: "SIGTERM", source })?;
        Ok(Self { interrupt, terminate })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Result<Self, Error> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "ctrl-c",
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_after_the_trigger_and_the_last_task() {
        let drain = Drain::new();
        let (finish, finished) = oneshot::channel::<()>();
        let task = drain.spawn(finished);
        let waiting = tokio::spawn({
            let drain = drain.clone();
            async move { drain.wait().await }
        });
        assert!(!drain.is_triggered());
        drain.trigger();
        drain.trigger();
        drain.triggered().await;
        let early = drain.wait_at_most(Duration::from_secs(1)).await;
        assert!(matches!(early, Err(Error::Unfinished { tasks: 1 })));
        finish.send(()).unwrap();
        task.await.unwrap().unwrap();
        waiting.await.unwrap();
        assert_eq!(drain.tasks(), 0);
    }

    #[tokio::test]
    async fn without_a_trigger_nothing_is_waited_out() {
        let drain = Drain::new();
        let mut waiting = poll_once(drain.wait());
        assert!(waiting.is_none(), "no task is left, but the drain was not triggered");
        drain.trigger();
        waiting = poll_once(drain.wait());
        assert!(waiting.is_some());
    }

    #[tokio::test]
    async fn a_child_stops_with_its_parent_and_alone() {
        let parent = Drain::new();
        let (first, second) = (parent.child(), parent.child());
        first.trigger();
        assert!(first.is_triggered() && !second.is_triggered() && !parent.is_triggered());
        parent.trigger();
        assert!(second.is_triggered());
        second.wait().await;
    }

    #[tokio::test]
    async fn a_tracked_future_counts_until_it_ends() {
        let drain = Drain::new();
        let work = drain.track(async { 7 });
        assert_eq!(drain.tasks(), 1);
        assert_eq!(work.await, 7);
        assert_eq!(drain.tasks(), 0);
    }

    /// Polls once.
    fn poll_once<F: Future>(future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(out) => Some(out),
            std::task::Poll::Pending => None,
        }
    }
}

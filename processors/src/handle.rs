//! Starting and stopping a processor.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use weir_bus::Bus;
use weir_detect::Detector;
use weir_policy::Snapshot;
use weir_schemas::Codec;

use crate::error::Error;
use crate::metrics::Metrics;
use crate::{cost, dlp, quota, runtime};

/// Which processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Dlp,
    Cost,
    Quota,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Dlp, Self::Cost, Self::Quota];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dlp => "dlp",
            Self::Cost => "cost",
            Self::Quota => "quota",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a processor needs of its process. Cheap to clone.
#[derive(Clone)]
pub struct Deps {
    pub bus: Bus,
    pub codec: Codec,
    /// Of topic names and of the consumer group: `weir`.
    pub topic_prefix: String,
    /// Swapped by the owner of the configuration; a record is judged by the snapshot of its batch.
    pub policy: Arc<ArcSwap<Snapshot>>,
    /// Used by dlp alone.
    pub detector: Detector,
    /// Names this process in what it writes; unique among the processes of an installation.
    pub instance: String,
    pub metrics: Metrics,
}

/// A running processor. Dropping it ends the processor at once, as a crash would: use [`Handle::drain`].
pub struct Handle {
    kind: Kind,
    stop: watch::Sender<bool>,
    failure: watch::Receiver<Option<Arc<Error>>>,
    task: JoinHandle<()>,
}

/// Starts a processor on the current tokio runtime. What is wrong with the topics shows in [`Handle::failed`].
pub fn start(kind: Kind, deps: Deps) -> Handle {
    let (stop, stopped) = watch::channel(false);
    let (report, failure) = watch::channel(None);
    let work = tokio::spawn(async move {
        match kind {
            Kind::Dlp => runtime::run(deps, stopped, dlp::make).await,
            Kind::Cost => runtime::run(deps, stopped, cost::make).await,
            Kind::Quota => runtime::run(deps, stopped, quota::make).await,
        }
    });
    let abort = AbortOnDrop(work.abort_handle());
    let task = tokio::spawn(async move {
        let _abort = abort;
        let failed = match work.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => Error::Panicked,
        };
        tracing::error!(processor = kind.as_str(), error = %Chain(&failed), "processor failed");
        report.send_replace(Some(Arc::new(failed)));
    });
    Handle { kind, stop, failure, task }
}

impl Handle {
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Stops reading, waits (bounded) until what was read is durable, commits, and leaves the group.
    pub async fn drain(mut self) -> Result<(), Arc<Error>> {
        self.stop.send_replace(true);
        // The task ends by itself; a panic in it was reported as a failure.
        let _ = (&mut self.task).await;
        match self.failure.borrow().clone() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Waits for the processor to fail for good, and tells why. Pending while it works. Cancel-safe.
    pub async fn failed(&self) -> Arc<Error> {
        let mut failure = self.failure.clone();
        if let Ok(seen) = failure.wait_for(Option::is_some).await
            && let Some(error) = seen.clone()
        {
            return error;
        }
        // It ended in good order: it will never fail.
        std::future::pending().await
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An error with its causes, in one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

//! The thread behind the embedded log: forces appends to disk, drops what is old, compacts.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use weir_schemas::Timestamp;
use weir_schemas::topic::Cleanup;

use super::{Core, SYNC_EVERY, compaction};
use crate::Error;

const CLEAN_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Maintenance {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Maintenance {
    pub(super) fn start(core: Arc<Core>) -> io::Result<Self> {
        let (stop, stopped) = sync_channel(0);
        let thread = std::thread::Builder::new().name("embedded-log".to_owned()).spawn(move || {
            let mut cleaned = Instant::now();
            while stopped.recv_timeout(SYNC_EVERY) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = core.sync() {
                    tracing::error!(%error, "embedded log cannot reach the disk");
                }
                if cleaned.elapsed() >= CLEAN_EVERY {
                    if let Err(error) = core.clean(Timestamp::now(), false) {
                        tracing::error!(%error, "embedded log cannot be cleaned");
                    }
                    cleaned = Instant::now();
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    pub(super) fn stop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by the panic hook; there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl Core {
    /// All of them, also after one has failed. Returns the first error.
    pub(super) fn sync(&self) -> Result<(), Error> {
        let mut result = Ok(());
        for topic in self.all_topics() {
            for partition in topic.partitions() {
                result = result.and(partition.sync());
            }
        }
        result.and(self.offsets.sync())
    }

    /// Goes through all partitions, also after one has failed: the others would fill the disk. Returns the first error.
    pub(super) fn clean(&self, now: Timestamp, forced: bool) -> Result<(), Error> {
        let mut result = Ok(());
        for topic in self.all_topics() {
            for partition in topic.partitions() {
                let done = match topic.cleanup {
                    Cleanup::Delete { retention_ms } if retention_ms >= 0 => {
                        partition.expire(Timestamp(now.0.saturating_sub(retention_ms.saturating_mul(1_000))))
                    }
                    Cleanup::Delete { .. } | Cleanup::Keep => Ok(()),
                    Cleanup::Compact => compaction::compact(partition, now, forced),
                };
                result = result.and(done);
            }
        }
        result
    }
}

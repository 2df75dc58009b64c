use std::time::Duration;

/// When what is buffered becomes a commit: whichever limit is reached first.
#[derive(Clone, Copy, Debug)]
pub struct Flush {
    /// The longest that a row waits.
    pub interval: Duration,
    /// Rows of one table.
    pub rows: usize,
    /// Bytes of one table's events, as they stood in the log.
    pub bytes: usize,
}

impl Default for Flush {
    fn default() -> Self {
        // A commit costs some 30 ms of CPU and each flush leaves small files: seconds, not events.
        Self { interval: Duration::from_secs(2), rows: 100_000, bytes: 32 * 1024 * 1024 }
    }
}

/// A table handle gets slower with every commit; past so many it is opened anew.
pub(crate) const COMMITS_PER_HANDLE: u32 = 50;
/// Attempts at one commit before the worker pauses. Losing a race is normal where several sinks share a table.
pub(crate) const COMMIT_ATTEMPTS: u32 = 12;
/// Rows of a row group: what a look-up by request id has to decode.
pub(crate) const ROW_GROUP_ROWS: usize = 65_536;
/// Encoded tenants longer than this do not fit a folder name on every file system.
pub(crate) const MAX_TENANT_BYTES: usize = 200;
/// First and longest pause after a failure.
pub(crate) const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How long a flush may hold up a rebalance: below the 10 seconds after which the log takes partitions away. Past it
/// the buffer is dropped, and read again by the next owner.
pub(crate) const REVOKE_GRACE: Duration = Duration::from_secs(5);
/// How often the distance to the log's end is measured.
pub(crate) const LAG_EVERY: Duration = Duration::from_secs(5);
/// Streams whose places a partition remembers in memory; the others are looked up in the table.
pub(crate) const STREAMS_IN_MEMORY: usize = 1_024;
/// How long draining may take to read what is still in the log.
pub(crate) const DRAIN_GRACE: Duration = Duration::from_secs(15);

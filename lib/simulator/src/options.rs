use std::path::PathBuf;
use std::time::Duration;

/// How a simulator behaves. The defaults fit a test.
#[derive(Clone, Debug)]
pub struct Options {
    /// The key that callers must present as a bearer token; anybody may call where it is `None`.
    pub api_key: Option<String>,
    /// Waiting time between the events of a stream, where no directive says otherwise.
    pub gap: Duration,
    /// Waiting time of `sim-slow` before its first byte.
    pub slow_first: Duration,
    /// Waiting time of `sim-slow` between events.
    pub slow_gap: Duration,
    /// Calls kept in memory; older ones are forgotten.
    pub journal_calls: usize,
    /// Bytes of request bodies kept in memory over all calls; older calls are forgotten with their bodies.
    pub journal_bytes: usize,
    /// Each call that ended is appended here as one JSON line.
    pub journal_file: Option<PathBuf>,
    /// Connections at once; more wait to be accepted.
    pub max_connections: usize,
    /// Largest request body; a larger one gets 413.
    pub max_body_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            api_key: None,
            gap: Duration::ZERO,
            slow_first: Duration::from_secs(2),
            slow_gap: Duration::from_millis(50),
            journal_calls: 10_000,
            journal_bytes: 64 * 1024 * 1024,
            journal_file: None,
            max_connections: 10_000,
            max_body_bytes: 32 * 1024 * 1024,
        }
    }
}

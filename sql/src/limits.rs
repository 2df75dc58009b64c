use std::time::Duration;

/// What one query may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the question to the last row.
    pub timeout: Duration,
    /// Rows of the answer; the rest is cut, and [`crate::Query::truncated`] says so.
    pub rows: Option<u64>,
    /// Bytes that sorting, grouping and joining may hold. Nothing is spilled to disk: payloads stay where they are.
    pub memory: usize,
}

/// A person waits for an answer; a report over months of audit takes longer than that.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Enough to group millions of requests, and small beside what a server has.
const MEMORY: usize = 1 << 30;

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: TIMEOUT, rows: None, memory: MEMORY }
    }
}

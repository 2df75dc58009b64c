//! Limits of the dlp processor.

use std::time::Duration;

/// Bounds on the open answers of one partition. Whichever is met first drops the oldest answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// More than any ingress has streams on one partition at a time.
    pub(super) answers: usize,
    /// Text held over all answers of the partition.
    pub(super) bytes: usize,
    /// From an answer's first chunk, by log-append time. A restart reads the log again from the oldest open answer on:
    /// this bounds how much.
    pub(super) age: Duration,
    /// Since an answer's latest chunk: its client left, or its ingress died.
    pub(super) idle: Duration,
    /// Of one answer. What comes in channels past it is scanned piece by piece.
    pub(super) channels: usize,
    /// An unfinished server-sent event, or a plain answer that is not complete; past it, it is scanned as plain text.
    pub(super) remainder: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answers: 10_000,
            bytes: 64 * 1024 * 1024,
            age: Duration::from_secs(30 * 60),
            idle: Duration::from_secs(5 * 60),
            channels: 64,
            remainder: 4 * 1024 * 1024,
        }
    }
}

use std::path::PathBuf;
use std::time::Duration;

use crate::reader::{Report, Section};

/// How old the newest audit row may be. Each flush is a commit of some 30 ms per table.
const FLUSH_INTERVAL: Duration = Duration::from_secs(2);
/// Whichever is first: a file of this many rows, or of so many bytes, is worth its commit.
const FLUSH_ROWS: usize = 50_000;
const FLUSH_BYTES: usize = 64 << 20;

#[derive(Clone, Debug)]
pub struct AuditConfig {
    /// `None`: `<data>/audit`
    pub dir: Option<PathBuf>,
    pub flush_interval: Duration,
    pub flush_rows: usize,
    pub flush_bytes: usize,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { dir: None, flush_interval: FLUSH_INTERVAL, flush_rows: FLUSH_ROWS, flush_bytes: FLUSH_BYTES }
    }
}

impl AuditConfig {
    pub(crate) fn read(mut section: Section<'_, '_>, report: &mut Report) -> Self {
        let mut config = Self::default();
        if let Some(value) = section.get("dir")
            && let Some(text) = value.text(report)
        {
            if text.is_empty() {
                report.add(&value.span(), value.path(), "must not be empty");
            }
            config.dir = Some(PathBuf::from(text));
        }
        let intervals = Duration::from_millis(100)..=Duration::from_secs(3_600);
        if let Some(interval) = section.get("flush_interval").and_then(|v| v.duration(intervals, report)) {
            config.flush_interval = interval;
        }
        if let Some(rows) = section.get("flush_rows").and_then(|v| v.integer(1..=10_000_000, report)) {
            config.flush_rows = usize::try_from(rows).unwrap_or(FLUSH_ROWS);
        }
        if let Some(size) = section.get("flush_bytes").and_then(|v| v.size(1 << 10..=4 << 30, report)) {
            config.flush_bytes = usize::try_from(size).unwrap_or(FLUSH_BYTES);
        }
        section.finish(report);
        config
    }
}

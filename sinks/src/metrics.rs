use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use weir_tables::Table;

use crate::error::Error;

/// Seconds of a commit, files included: from a fast disk to a slow store.
const COMMIT_SECONDS: [f64; 12] = [0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24];

/// The figures of every table of one sink.
#[derive(Clone)]
pub(crate) struct Metrics {
    rows: IntCounterVec,
    files: IntCounterVec,
    bytes: IntCounterVec,
    commits: IntCounterVec,
    repeats: IntCounterVec,
    dead_letters: IntCounterVec,
    failures: IntCounterVec,
    lost: IntCounterVec,
    seconds: HistogramVec,
    lag: IntGaugeVec,
    up: IntGaugeVec,
}

/// The figures of one table.
#[derive(Clone)]
pub(crate) struct TableMetrics {
    pub(crate) rows: IntCounter,
    pub(crate) files: IntCounter,
    pub(crate) bytes: IntCounter,
    pub(crate) commits: IntCounter,
    pub(crate) repeats: IntCounter,
    pub(crate) dead_letters: IntCounter,
    pub(crate) failures: IntCounter,
    pub(crate) lost: IntCounter,
    pub(crate) seconds: Histogram,
    pub(crate) lag: IntGauge,
    pub(crate) up: IntGauge,
}

impl Metrics {
    /// Registers them. A process has one sink.
    pub(crate) fn new(registry: &weir_telemetry::Metrics) -> Result<Self, Error> {
        let by_table = ["table"];
        let counters = |name: &str, help: &str| registry.counters(name, help, &by_table);
        Ok(Self {
            rows: counters("weir_sink_rows_total", "Rows committed to the audit tables.")?,
            files: counters("weir_sink_files_total", "Parquet files committed to the audit tables.")?,
            bytes: counters("weir_sink_file_bytes_total", "Bytes of the Parquet files that were committed.")?,
            commits: counters("weir_sink_commits_total", "Commits of the audit tables.")?,
            repeats: counters("weir_sink_repeats_total", "Events that the log held before, and that made no row.")?,
            dead_letters: counters("weir_sink_dead_letters_total", "Records that were handed to the dead letters.")?,
            failures: counters("weir_sink_failures_total", "Failures after which a table paused and tried again.")?,
            lost: counters(
                "weir_sink_lost_records_total",
                "Offsets that the log no longer had when the sink came to them.",
            )?,
            seconds: registry.histograms(
                "weir_sink_commit_seconds",
                "Seconds of a flush, from the buffer to the commit.",
                &by_table,
                &COMMIT_SECONDS,
            )?,
            lag: registry.gauges("weir_sink_lag_records", "Records of the log that no table has yet.", &by_table)?,
            up: registry.gauges("weir_sink_table_up", "1 while the table is written; 0 while it is not.", &by_table)?,
        })
    }

    pub(crate) fn of(&self, table: &Table) -> TableMetrics {
        let label = [table.name];
        TableMetrics {
            rows: self.rows.with_label_values(&label),
            files: self.files.with_label_values(&label),
            bytes: self.bytes.with_label_values(&label),
            commits: self.commits.with_label_values(&label),
            repeats: self.repeats.with_label_values(&label),
            dead_letters: self.dead_letters.with_label_values(&label),
            failures: self.failures.with_label_values(&label),
            lost: self.lost.with_label_values(&label),
            seconds: self.seconds.with_label_values(&label),
            lag: self.lag.with_label_values(&label),
            up: self.up.with_label_values(&label),
        }
    }
}

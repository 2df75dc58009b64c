use deltalake_core::DeltaTableError;
use weir_schemas::{Offset, Partition, TopicName};

/// What can go wrong between the log and the tables. A worker pauses and tries again after each; none advances.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("audit location `{0}` cannot be used")]
    Location(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// The table's log does not read. The file is named where it is known.
    #[error("table `{table}` does not open: {what}")]
    Damaged {
        table: &'static str,
        /// Names the file, relative to the table's folder.
        what: String,
        #[source]
        source: Box<DeltaTableError>,
    },
    #[error("table `{table}` has other columns than this release writes: {what}")]
    Columns { table: &'static str, what: String },
    #[error("table `{table}`: {doing}")]
    Delta {
        table: &'static str,
        doing: &'static str,
        #[source]
        source: Box<DeltaTableError>,
    },
    /// Every attempt lost or failed. The files are kept; another round may win.
    #[error("table `{table}` took no commit in {attempts} attempts")]
    NotCommitted {
        table: &'static str,
        attempts: u32,
        #[source]
        source: Box<DeltaTableError>,
    },
    #[error("writing a file of `{table}`")]
    Store {
        table: &'static str,
        #[source]
        source: object_store::Error,
    },
    #[error("rows of `{table}` do not fit its columns")]
    Arrow {
        table: &'static str,
        #[source]
        source: arrow::error::ArrowError,
    },
    #[error("rows of `{table}` do not encode as Parquet")]
    Parquet {
        table: &'static str,
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// The log ends before the place that the table has reached: it is another log, or its tail was lost.
    #[error("the table has {topic}/{partition} up to offset {reached}, but the log ends at {end}: is it another log?")]
    LogBehind { topic: TopicName, partition: Partition, reached: Offset, end: Offset },
    #[error("the log")]
    Bus(#[from] weir_bus::Error),
    /// The outside schema registry did not answer.
    #[error("the schema registry")]
    Schemas(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("metrics")]
    Metrics(#[from] weir_telemetry::Error),
    #[error("a worker of the sink ended: {0}")]
    Worker(String),
    #[error("draining: {0} tables still had rows to commit; they are read again at the next start")]
    Undrained(usize),
    /// Stopped by a test at this step, as a crash would.
    #[cfg(test)]
    #[error("stopped at {0}")]
    Tripped(String),
}

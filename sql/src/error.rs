use std::path::PathBuf;
use std::time::Duration;

use datafusion::error::DataFusionError;

/// Why a query has no answer. Texts hold names and numbers of the question, never payload.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The question is refused by [`crate::guard`]: asking again does not help.
    #[error("refused: {0}")]
    Refused(String),
    /// The text is no SQL.
    #[error("not valid SQL: {0}")]
    Syntax(String),
    /// No table or view has this name.
    #[error("there is no table `{name}`{hint}")]
    UnknownTable { name: String, hint: String },
    /// The question cannot be planned: an unknown column or function, types that do not fit.
    #[error("{0}")]
    Plan(String),
    /// The question ran into an error of its own, such as a division by zero.
    #[error("{0}")]
    Execution(String),
    /// The answer did not come in time. A narrower question may; `date` and `tenant` skip whole folders.
    #[error("no answer within {} s: filter by `date` or `tenant`, or allow more time", .0.as_secs_f64())]
    Timeout(Duration),
    /// The answer takes more memory than it may.
    #[error("over the memory limit of the query: {0}")]
    OutOfMemory(String),
    /// A table's commit log cannot be read.
    #[error("table `{table}` does not open")]
    Table {
        table: &'static str,
        #[source]
        source: Box<deltalake_core::DeltaTableError>,
    },
    /// The commit log says something that Weir does not write.
    #[error("table `{table}` is not as Weir writes it: {why}")]
    Foreign { table: &'static str, why: String },
    /// A data file is missing or damaged. The text names it.
    #[error("damaged audit file: {0}")]
    Damaged(String),
    /// The audit folder is there, but it cannot be read.
    #[error("audit folder {}", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// No report has this name.
    #[error("there is no report `{name}`{hint}")]
    UnknownReport { name: String, hint: String },
    /// The answer cannot be written out.
    #[error("the answer cannot be written")]
    Output(#[from] std::io::Error),
    /// A defect of Weir.
    #[error("internal error of the query engine: {0}")]
    Internal(String),
}

impl Error {
    /// Sorts what the query engine says by who can do something about it.
    pub(crate) fn of(error: DataFusionError) -> Self {
        let root = error.find_root();
        match root {
            DataFusionError::SQL(parser, _) => Self::Syntax(parser.to_string()),
            DataFusionError::ParquetError(parquet) => Self::Damaged(parquet.to_string()),
            DataFusionError::ObjectStore(store) => Self::Damaged(store.to_string()),
            DataFusionError::IoError(io) => Self::Damaged(io.to_string()),
            DataFusionError::ResourcesExhausted(what) => Self::OutOfMemory(first_line(what)),
            DataFusionError::Execution(what) => Self::Execution(first_line(what)),
            DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
                arrow::error::ArrowError::ParquetError(what) => Self::Damaged(what.clone()),
                other => Self::Execution(first_line(&other.to_string())),
            },
            DataFusionError::Plan(what) | DataFusionError::NotImplemented(what) => Self::Plan(what.clone()),
            DataFusionError::SchemaError(schema, _) => Self::Plan(schema.to_string()),
            DataFusionError::External(inner) => match inner.downcast_ref::<Self>() {
                Some(Self::Refused(why)) => Self::Refused(why.clone()),
                _ => Self::Internal(inner.to_string()),
            },
            DataFusionError::Collection(all) => match all.first() {
                Some(first) => Self::Plan(first.strip_backtrace()),
                None => Self::Internal("an empty list of errors".into()),
            },
            other => Self::Internal(other.strip_backtrace()),
        }
    }
}

// The engine appends lists of consumers and hints about its own configuration; and it may quote a value, which must not
// command the terminal of who reads the error.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

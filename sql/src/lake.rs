//! The audit folder: Delta tables of Parquet files.
//!
//! - [`snapshot`] opens a table's commit log and lists its live files, with partition values and statistics;
//! - [`provider`] is a table of one snapshot for the query engine: it scans exactly those files;
//! - [`pruning`] leaves out the files that cannot hold a row of the answer;
//! - [`reader`] and [`damage`] say which file an error is about.
//!
//! Statistics of the log only ever leave files out. Row counts come from the files: the log can be edited without a trace.

mod damage;
mod file;
mod provider;
mod pruning;
mod reader;
mod snapshot;

pub(crate) use damage::first_damaged;
pub(crate) use provider::LakeTable;
pub(crate) use snapshot::Lake;

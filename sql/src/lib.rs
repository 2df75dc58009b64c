//! SQL over the published audit tables.
//!
//! - [`Session`] opens an audit folder and answers queries; each query sees the newest snapshot of every table it names,
//!   and the same one from its start to its end.
//! - [`guard`] says what may be asked: one `SELECT`, `EXPLAIN`, `DESCRIBE` or `SHOW TABLES`, within bounds of size and
//!   depth. Everything that is not known to be harmless is refused.
//! - [`catalog`] lists what can be queried: the tables of `weir-tables`, the views in [`views`], and `tables` and
//!   `columns`, which describe them.
//! - [`reports`] are named queries, one file each in `queries/`.
//! - [`output`] writes answers as JSON lines, JSON and CSV, exactly.
//!
//! Invariants: nothing is ever written; nothing outside the audit folder is read; a folder or table that does not exist
//! yet is an empty table, not an error; a damaged file is an error that names it, never fewer rows.
//!
//! Not promised: that a row is there once its event is in the log (tables follow by some seconds), and that two queries
//! see the same snapshot.

mod bounded;
pub mod catalog;
mod engine;
mod error;
pub mod guard;
mod lake;
mod limits;
pub mod output;
mod query;
pub mod reports;
mod running;
mod session;
mod subqueries;
mod utf8;
pub mod views;

pub use arrow::array::RecordBatch;
pub use arrow::datatypes::SchemaRef;
pub use error::Error;
pub use limits::Limits;
pub use query::Query;
pub use session::Session;

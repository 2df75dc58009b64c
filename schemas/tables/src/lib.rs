//! The audit tables: one file a table, every column documented. The writer (`sinks`) and the reader (`sql`) share them.
//!
//! - [`Table`] says what a table is named, which topic fills it and what its columns mean. The `doc` of a column is
//!   the reference that people read; nothing else describes it.
//! - [`columns`] holds the columns that tables share: the origin of an event, and its place in the log.
//! - [`layout`] says where a table stands under the audit root.
//!
//! Invariants: a table has one topic and a topic has one table; the partition columns come last and stand in the
//! folder names, never in the files; money is `Decimal128(38, 12)` in dollars; times are µs in UTC.
//!
//! Not promised: that a row is there once its event is in the log. A table follows the log by some seconds.

mod column;
pub mod columns;
pub mod layout;
mod table;

pub mod chunks;
pub mod costs;
pub mod findings;
pub mod grants;
pub mod intents;
pub mod outcomes;
pub mod requests;
pub mod usage;

pub use column::{Column, Kind, MONEY_PRECISION, MONEY_SCALE};
pub use table::Table;

/// The tenant of rows that belong to the installation, such as those of the quota ledger.
pub const SYSTEM_TENANT: &str = "_system";

#[cfg(test)]
mod tests;

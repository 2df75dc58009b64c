//! The audit lake: every topic into a Delta table, exactly once.
//!
//! One worker a table reads the table's topic as a member of a consumer group, and each flush is one Delta
//! commit: the Parquet files of every (date, tenant), the offsets up to which they reach, and the marks by which
//! repeats are known.
//!
//! - `intake`: what is read and not yet committed; decides what is new (`dedupe`), old or poison. Pure.
//! - `rows`: events to Arrow, one file a table.
//! - `parquet`: a batch to a file that is named by its content.
//! - `lake`, `ledger`, `guard`: the tables, and the commit that holds the promise.
//! - `durable`: a local file system whose writes survive power loss.
//! - `sink`, `worker`: the rim: consumers, timers, dead letters, rebalances.
//!
//! Invariants
//! - Exactly once (P2): a commit carries a `txn` per partition (`PREFIX.TOPIC-PARTITION`, version = last offset) and is
//!   refused unless the table, in the very snapshot that is committed on, stands where the batch begins. So replays, crashes
//!   at any step, and a second owner of the same partition add nothing.
//! - The table says where reading goes on, after a start and after every rebalance. The group's offsets are a hint for people.
//! - A rejected write pauses its table and is tried again; it never advances. The other tables go on.
//! - What does not decode goes to the dead letters with its raw bytes, acknowledged, before it counts as done.
//! - Buffers are bounded: past a limit nothing more is read until a commit has passed.
//!
//! Not promised
//! - That a dead letter stands in its topic once: a crash right after it repeats it.
//! - Dedupe over a change of the partition count: a repeat that lands in another partition than its first copy is a
//!   second row. Change counts when nothing is under way.
//! - Dedupe of derived topics (findings, costs) with another number of partitions than their sources: several source partitions
//!   would then meet in one and lose the order that dedupe rests on. Starting warns of it.
//! - Order of commits between tables: each table is consistent in itself.

mod durable;
mod error;
mod intake;
mod lake;
mod ledger;
mod metrics;
mod parquet_file;
mod rows;
mod settings;
mod sink;
mod table_sink;
mod worker;

pub mod dedupe;
pub mod guard;

pub use durable::Durable;
pub use error::Error;
pub use lake::Lake;
pub use settings::Flush;
pub use sink::{Deps, Handle, SchemaSource, start};

#[cfg(test)]
mod tests;

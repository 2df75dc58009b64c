//! Produce and consume over two backends: Kafka (the real thing) and the embedded log (`weir up` without a broker).
//! One conformance suite (`tests/conformance.rs`) holds both to the same behaviour.
//!
//! Invariants
//! - An acknowledged record is durable: it survives kill -9 of this process, and of the broker.
//! - Records of one partition keep the order of the `send` calls; the same key goes to the same partition on both backends.
//! - A partition has one owner in a group. Offsets of others are refused ([`Error::NotAssigned`]).
//! - Everything is bounded: records ([`MAX_RECORD_BYTES`]), batches, the producer's queue.
//!
//! Not promised: exactly once. Records may come again after a crash or a rebalance; group offsets are a hint, and the
//! truth about progress stands beside the output.

mod bus;
mod commit_tracker;
mod consumer;
mod embedded;
mod error;
mod kafka;
pub mod partitioner;
mod producer;
mod reader;
mod record;
pub mod typed;

pub use bus::{Bus, BusConfig};
pub use commit_tracker::CommitTracker;
pub use consumer::{Consumer, Next, RevokeGuard};
pub use error::Error;
pub use producer::{Ack, Producer};
pub use reader::Reader;
pub use record::{Delivery, MAX_RECORD_BYTES, Record, Start, TopicPartition, TopicSpec};

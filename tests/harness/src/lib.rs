//! Test set-up: a real Kafka, processes to kill, waits with a bound.
//!
//! Everything listens on 127.0.0.1 only, and ends with the test, also when it panics or is killed.

pub mod kafka;
pub mod process;
mod wait;

pub use process::Process;
pub use wait::{wait_for, wait_until};

//! One binary for all end-to-end proofs, a file each. Everything is driven from outside: processes, HTTP, SQL.
//!
//! Each proof runs on the embedded log (`weir up`) and on a real Kafka (every stage a process of its own, two
//! ingresses, two of each processor). Where Java or Maven are missing the Kafka half says so and, in CI, fails.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a proof that cannot go on says where and ends")]

mod audit;
mod bad_input;
mod client;
mod clients;
mod cluster;
mod commands;
mod crash;
mod demo;
mod pipeline;
mod surface;

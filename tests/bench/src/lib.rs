//! Measures a gateway that speaks OpenAI's dialect, on one machine, beside a bare proxy of the same HTTP stack.
//!
//! | binary | what it does |
//! |---|---|
//! | `provider` | the simulated provider as a process |
//! | `floor` | a bare reverse proxy: the least that a gateway costs (`--parse`: that also reads keys and JSON) |
//! | `load` | loads one target and prints one JSON object |
//! | `compare` | one plan against several targets in interleaved rounds, as a table of medians |
//!
//! Invariants
//! - Only loopback addresses are called or listened on, and every run is bounded in time and connections.
//! - Every body is checked: nonce, whole text, number of content chunks, `[DONE]`, usage. What fails is counted by kind
//!   and is in no latency.
//! - A measured phase begins with nothing under way and ends when its last request has ended, so processor time over
//!   requests is exact to the tick of 10 ms.
//!
//! Not promised: that absolute figures mean anything on a shared machine. Compare within one run.

pub mod floor;
pub mod histogram;
pub mod limits;
pub mod load;
pub mod nonce;
pub mod plan;
pub mod process;
pub mod report;
pub mod verify;

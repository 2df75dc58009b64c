//! A simulated OpenAI-compatible provider with a journal of what it served.
//!
//! `weir up` without a config and `weir demo` use it, the benchmarks load it, and tests compare with it: it knows the
//! truth about every call (what arrived, what went out, how many tokens that was, whether the caller hung up).
//!
//! - [`model`]: its models; each has one behaviour, good or bad.
//! - [`directive`]: `@sim n=abc c=50 d=20ms` in the last user message steers one call through any gateway.
//! - [`answer`]: what is answered and how many tokens that is. Pure.
//! - [`journal`]: what happened, in memory (a ring) and optionally as JSON lines in a file.
//!
//! Invariants
//! - The text of an answer follows from the request alone: the same messages and model give the same text.
//! - **A token is a word**: one for each run of characters other than white space. `prompt_tokens` are the words of the
//!   text in all messages; `completion_tokens` are the words of the answer, plus the reasoning tokens of `sim-large`.
//! - Each event of a stream is written to the socket by a call of its own (as long as the reader keeps up).
//! - Everything is bounded: body, length of an answer, delays, connections, journal.
//!
//! Not promised: sense, tool calls, or any endpoint beyond chat completions and the list of models.

pub mod answer;
mod chat;
pub mod directive;
mod error;
pub mod journal;
pub mod model;
mod options;
mod refusal;
mod respond;
mod server;
mod tape;
mod wire;

pub use answer::Tokens;
pub use error::Error;
pub use journal::{Call, End, How, Journal};
pub use model::Model;
pub use options::Options;
pub use server::Simulator;

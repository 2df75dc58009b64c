//! Provider dialects: wire types, server-sent events, usage. Pure: bytes in, values out; no clock, no I/O.
//!
//! - [`json`]: a tree that keeps what it does not know, refuses what two parsers could read in two ways, and shows every
//!   string that will be sent.
//! - [`sse`]: bytes in any cuts to whole events; the result does not depend on the cuts.
//! - [`openai`]: the chat dialect of OpenAI, which most providers speak.
//!
//! Not promised: that an answer is what the dialect says. What cannot be understood but is whole passes as it is.

mod error;
pub mod json;
pub mod openai;
pub mod sse;

pub use error::Error;

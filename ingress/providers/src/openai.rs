//! The chat dialect of OpenAI: `POST /v1/chat/completions`.

pub mod answer;
mod error_body;
mod request;
mod usage;

pub use error_body::{error_body, is_error_body};
pub use request::{ChatRequest, MAX_CHOICES, Unbounded};
pub use usage::UsageReport;

/// The path of the dialect below a provider's base URL.
pub const CHAT_PATH: &str = "/chat/completions";

/// What ends a stream.
pub const DONE: &[u8] = b"[DONE]";

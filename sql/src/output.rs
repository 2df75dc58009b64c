//! Answers as text: exact, and the same in every format.
//!
//! Decimals keep every digit of their scale and are JSON strings, since JSON's numbers are floats to most readers.
//! Timestamps are ISO 8601 in UTC (`2026-11-23T10:00:00.123456Z`), bytes are base64, NaN and infinities are null.

mod cell;
mod csv;
mod json;

pub use cell::{is_number, text};
pub use csv::Csv;
pub use json::{Json, Jsonl};

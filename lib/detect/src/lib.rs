//! Text in, findings out, also across chunk borders. Pure: no clock, no I/O, no configuration format.
//!
//! A [`Detector`] is a set of recognizers; a recognizer is data (a bounded byte pattern, what may stand beside it, a
//! check such as Luhn's) with its own examples. Each pattern is a small anchored DFA. One pass feeds every byte to the
//! attempts that are alive, each of which knows where it began; [`Detector::scan`] and [`Stream`] are that same pass,
//! so they cannot disagree.
//!
//! What holds:
//! - What a stream releases, and its matches, depend on the text alone, never on how it was cut.
//! - No byte of a reported match is ever released. A byte is held back while an attempt that began at or before it is
//!   alive, or while a match that covers it may still be displaced by a better one.
//! - A stream holds at most [`HOLD_LIMIT`] bytes and a few more. Patterns longer than that are refused when they are
//!   compiled; what has no bound (a private key, a token) is swallowed from the moment it is certain.
//!
//! What is not promised: values in other encodings (base64, escapes, other scripts' digits, zero-width characters),
//! spelled-out or translated values. [`injection_score`] is a heuristic and no defence.

mod byte_set;
mod checksum;
mod compiled;
mod context;
mod detector;
mod engine;
mod error;
mod finding;
mod injection;
mod recognizer;
mod recognizers;
mod redact;
mod resolve;
mod stream;
mod tail;

pub use detector::Detector;
pub use engine::HOLD_LIMIT;
pub use error::Error;
pub use finding::{ACT_SCORE, Category, Match};
pub use injection::injection_score;
pub use redact::{placeholder, redact};
pub use stream::{Released, Stream};

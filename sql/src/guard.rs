//! What may be asked. Three gates, each default deny:
//!
//! 1. [`text`]: size, number of tokens, depth of brackets, before anything recursive sees the text;
//! 2. [`statement`]: one statement, and of a kind that reads;
//! 3. [`plan`]: only nodes that are known to read.
//!
//! Functions that make much out of little (`repeat`, `range` …) are not there at all: see [`plan::FUNCTIONS_LEFT_OUT`].
//! Those that put texts together (`concat`, `replace` …) refuse an answer that would be too long; `||` ends at 2 GiB.
//! Time and memory are bounded by [`crate::Limits`]; deep but legal expressions run on threads with large stacks.

pub mod plan;
pub mod statement;
pub mod text;

/// Said with every refusal of a statement.
pub const ALLOWED: &str = "only SELECT (with WITH), EXPLAIN, DESCRIBE and SHOW TABLES are";

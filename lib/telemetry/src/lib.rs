//! Logs, metrics and the drain signal: what every process of Weir says of itself, and how it stops.
//!
//! - [`logs`]: one call sets up tracing, as text for people or as JSON lines for collectors. Logs go to standard
//!   error; standard output belongs to the answers of commands.
//! - [`metrics`]: a Prometheus registry with the process' own figures, and its text form for `/metrics`.
//! - [`drain`]: a signal that says "finish what you have and stop", and waits until all have.
//! - [`gen_ai`]: OpenTelemetry's names for what a call to a model is.
//!
//! Invariant: no payload, no credential and no name of a person is a label or a log field. Nothing here checks that;
//! the callers keep it, and the end-to-end tests look for it.

pub mod drain;
mod error;
pub mod gen_ai;
pub mod logs;
pub mod metrics;

pub use drain::Drain;
pub use error::Error;
pub use logs::{Format, init};
pub use metrics::Metrics;

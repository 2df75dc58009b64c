//! Configuration to snapshot; snapshot and request to decision. Pure: the caller reads files and environment.
//!
//! One TOML file is the whole configuration. [`Config::parse`] checks all of it and gives either a [`Config`] in which every
//! reference is resolved, or every [`Mistake`] with its line and column: a bad config never takes effect (P8). What judges
//! requests is one immutable [`Snapshot`]; a request keeps the one with which it began.
//!
//! - Every default is a named constant beside its section, with the reason.
//! - Unknown keys are refused: a misspelled guardrail would otherwise be no guardrail.
//! - Secrets come from the environment or a file, never from the text, and are never printed.
//! - Texts may be composed: a file that ends in arrays of tables can be followed by further `[[…]]` entries, which is how
//!   `weir up` adds a simulated provider to a configuration that names none.
//!
//! Not promised: that a provider answers at its URL, or that its key is good.

mod budget;
mod config;
mod guardrails;
mod key;
mod mistakes;
mod model;
mod prices;
mod provider;
mod reader;
mod secret;
mod snapshot;

pub use budget::{Budget, Scope};
pub use config::{AuditConfig, Config, FsyncSetting, IngressConfig, LogConfig, OutboxConfig};
pub use guardrails::Guardrails;
pub use key::VirtualKey;
pub use mistakes::{Mistake, Mistakes};
pub use model::Model;
pub use provider::Provider;
pub use secret::Secret;
pub use snapshot::{Refusal, Snapshot};

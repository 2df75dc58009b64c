//! The processors dlp, cost and quota: one pure step each, over the log.
//!
//! - [`start`] runs one as a member of its consumer group (`PREFIX.dlp`, `PREFIX.cost`, `PREFIX.quota`): several
//!   instances share the partitions.
//! - `dlp` reads requests and chunks and writes findings; `cost` reads usage and writes costs; `quota` reads intents
//!   and writes the ledger of grants.
//! - Each has the same files: `config` (named limits), `step` (pure), `state` where there is state, `tests`.
//!
//! What holds for all three (see `runtime`): input is read at least once and output is written at least once, in
//! source order, with ids and places derived from the source, so that a repeat is known for one. An offset is committed
//! when everything before it is durable. What cannot be used goes to the dead letters with its raw bytes.
//!
//! Not promised: that the output topic itself holds no repeats. Its readers drop them by `Event::origin`.

mod cost;
mod dlp;
mod error;
mod handle;
mod metrics;
mod quota;
mod runtime;
#[cfg(test)]
mod testing;

pub use error::Error;
pub use handle::{Deps, Handle, Kind, start};
pub use metrics::Metrics;

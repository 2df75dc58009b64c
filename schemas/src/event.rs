//! The records. Each file holds one; `avro/` holds their schemas, and the tests hold the two together.

mod chunk;
mod cost;
mod findings;
mod header;
mod outcome;
mod quota;
mod request;
mod usage;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use chunk::Chunk;
pub use cost::{Cost, TokenCounts, UsageSource};
pub use findings::{Action, Direction, Finding, FindingsFound, SeenBy};
pub use header::Header;
pub use outcome::{ErrorOrigin, Outcome, OutcomeKind};
pub use quota::{Ask, Claim, Deny, Grant, Intent, QuotaEntry, QuotaRecord, Return, Settle, Window};
pub use request::{InlineFinding, Request, ReservationRef};
pub use usage::{Uncounted, Usage};

use crate::topic::Topic;

/// Where an event stands in the stream of its origin, for dedupe: positions of one stream only rise, but for repeats.
///
/// A derived event (finding, cost) has the place of the event that it was derived from, so that a
/// processor that runs twice over its input writes nothing twice into the tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Names the writer's life: `INGRESS/BOOT_EPOCH`, with the source topic where there are several.
    pub stream: String,
    pub position: i64,
}

/// A record of one topic.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    const TOPIC: Topic;
    /// The record's full Avro name.
    const RECORD: &'static str;
    /// The record's schema.
    const AVSC: &'static str;

    /// The Kafka key: what must stay in order stays in one partition.
    fn key(&self) -> String;
    fn origin(&self) -> Origin;
}

#[cfg(test)]
mod tests;

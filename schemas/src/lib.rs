//! The vocabulary of Weir: what every stage says, and how it is spelled on the wire.
//!
//! - [`ids`] and [`money`]: newtypes, so that a partition is never an offset and a dollar never a float.
//! - [`topic`]: the topics, their keys and their clean-up.
//! - [`event`]: one file a record; the Avro form of each stands in `avro/NAME.avsc` and is tested against the type.
//! - [`codec`]: the Confluent wire format (a zero byte, the schema id, the Avro body).
//! - [`registry`]: the schemas that this build knows, with stable ids.
//!
//! Schemas evolve forward only: a released `.avsc` is frozen, a new field has a default.

pub mod codec;
mod error;
pub mod event;
pub mod ids;
pub mod money;
pub mod registry;
pub mod time;
pub mod topic;

pub use codec::Codec;
pub use error::Error;
pub use event::{
    Chunk, Claim, Cost, Deny, Event, FindingsFound, Grant, Header, Intent, Outcome, QuotaEntry, Request, Settle, Usage,
};
pub use ids::{
    BootEpoch, BudgetId, EventId, IngressId, IntentId, KeyId, LeaseId, Offset, Partition, ProjectId, RequestId,
    SchemaId, Seq, TeamId, TenantId, UserId,
};
pub use money::Money;
pub use time::Timestamp;
pub use topic::{Topic, TopicName};

//! Columns that several tables share.

use crate::column::Column;
use crate::column::Kind::{BigInt, Date, Int, Text, Timestamp};

/// Where an event comes from: the header of every event of a request.
pub const ORIGIN: &[Column] = &[
    Column::is(
        "event_id",
        Text,
        "Identity of the event (UUID), derived from its place: a repeated event has the same.",
    ),
    Column::is("ingress_id", Text, "The ingress that took the request."),
    Column::is("boot_epoch", BigInt, "The life of that ingress: a new number with every start of its process."),
    Column::is(
        "seq",
        BigInt,
        "Place among the events of this ingress, boot epoch and topic: 0, 1, 2 … without a gap, so a missing number is a \
         lost event. A derived event (finding, cost) has the number of the event that it was derived from.",
    ),
    Column::is("request_id", Text, "The request (UUIDv7, sorts by time); the client got it as `x-request-id`."),
    Column::is("event_time", Timestamp, "When it happened, by the clock of the ingress."),
    Column::is("policy_version", Text, "The configuration snapshot that judged the request."),
];

/// Where the event stands in the log.
pub const PLACE: &[Column] = &[
    Column::is("kafka_partition", Int, "Partition of the table's topic from which the row was read."),
    Column::is("kafka_offset", BigInt, "Offset in that partition."),
    Column::is("appended_at", Timestamp, "When the log appended it, by the clock of the broker."),
];

/// The columns by which a table is partitioned: folder names, never in the files. Filter by them first.
pub const PARTITION: &[Column] = &[
    Column::is("date", Date, "Day (UTC) of `event_time`. Partition column: a filter by it skips whole folders."),
    Column::is(
        "tenant",
        Text,
        "The one who pays and owns; `_system` in the tables of the quota ledger. Partition column: a filter by it skips \
         whole folders.",
    ),
];

/// Who called.
pub(crate) const CALLER: &[Column] = &[
    Column::is("team", Text, "The team to which the virtual key belongs."),
    Column::may("project", Text, "The project of the team; null where the key has none."),
    Column::may("user_id", Text, "The end user whom the caller named (`user` of the request), as it was sent."),
    Column::is("key_id", Text, "Public name of the virtual key; never the key itself."),
];

/// Which model of whom.
pub(crate) const CALLED: &[Column] = &[
    Column::is("provider", Text, "The provider that was called."),
    Column::is("deployment", Text, "The provider's deployment to which it was sent."),
    Column::is("request_model", Text, "The model that the client asked for."),
    Column::may(
        "response_model",
        Text,
        "The model that answered, as the provider names it; null where it did not say.",
    ),
];

/// Tokens of one call.
pub(crate) const TOKENS: &[Column] = &[
    Column::is("input_tokens", BigInt, "Tokens of the prompt, the cached ones included."),
    Column::is("output_tokens", BigInt, "Tokens that were generated, the reasoning ones included."),
    Column::is("cache_read_input_tokens", BigInt, "Prompt tokens that came from the provider's cache."),
    Column::is("cache_creation_input_tokens", BigInt, "Prompt tokens that were written to the provider's cache."),
    Column::is("reasoning_tokens", BigInt, "Generated tokens that the provider counts as reasoning."),
];

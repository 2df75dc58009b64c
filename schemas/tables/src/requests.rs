//! `requests`: one row a call that passed authentication.

use weir_schemas::Topic;

use crate::Table;
use crate::column::Kind::{BigInt, Bool, Bytes, Int, Text};
use crate::column::{Column, join};
use crate::columns::{CALLER, ORIGIN, PLACE};

pub static TABLE: Table = Table {
    name: "requests",
    topic: Topic::Requests,
    doc: "Calls of authenticated clients, as the provider got them: one row a request.",
    columns: &COLUMNS,
};

const OWN: &[Column] = &[
    Column::may("app", Text, "The calling application, from the key or the client's headers."),
    Column::may("app_version", Text, "Its version."),
    Column::is("endpoint", Text, "The path that was called, such as `/v1/chat/completions`."),
    Column::is("request_model", Text, "The model that the client asked for; empty where the body did not say."),
    Column::may("provider", Text, "Where it was sent; null where nothing was."),
    Column::may("deployment", Text, "The provider's deployment to which it was sent; null where nothing was."),
    Column::is("stream", Bool, "True where the client asked for a stream."),
    Column::is("action", Text, "What the guardrails did: `allow`, `flag`, `redact` or `block`."),
    Column::is("body", Bytes, "The body as the provider got it, after redaction; empty where nothing was sent."),
    Column::is(
        "original_hmac",
        Text,
        "HMAC-SHA256 (hex) of the body as the client sent it, under the installation's key.",
    ),
    Column::is("original_bytes", BigInt, "Bytes of the body as the client sent it."),
    Column::is("inline_findings", Int, "How many matches the inline guardrails saw; each is a row of `findings`."),
    Column::is(
        "reservations",
        Text,
        "What was set aside for the call: a JSON array of `{budget_id, lease_id, amount_usd}`, the amount a decimal string.",
    ),
];

const COLUMNS: [Column; ORIGIN.len() + CALLER.len() + OWN.len() + PLACE.len()] = join(&[ORIGIN, CALLER, OWN, PLACE]);

//! `outcomes`: how each request ended.

use weir_schemas::Topic;

use crate::Table;
use crate::column::Kind::{BigInt, Bool, Int, Text};
use crate::column::{Column, join};
use crate::columns::{ORIGIN, PLACE};

pub static TABLE: Table = Table {
    name: "outcomes",
    topic: Topic::Outcomes,
    doc: "How each request ended: exactly one row a request.",
    columns: &COLUMNS,
};

const OWN: &[Column] = &[
    Column::is(
        "outcome",
        Text,
        "`completed`, `blocked`, `rate_limited`, `budget_exceeded`, `upstream_error`, `client_cancelled`, \
         `invalid_request` or `internal`.",
    ),
    Column::is("status", Int, "The HTTP status that the client got; 499 where it left before there was one."),
    Column::may("error_origin", Text, "Who made the error: `weir` or `provider`; null where there is none."),
    Column::may("error_code", Text, "The error's `code` as the client got it."),
    Column::may(
        "retry_safe",
        Bool,
        "True where sending the same again is safe and may help; null where there is no error.",
    ),
    Column::is("action", Text, "What the guardrails did: `allow`, `flag`, `redact` or `block`."),
    Column::may("finish_reason", Text, "Why the provider stopped: `stop`, `length`, `tool_calls` …, as it said."),
    Column::is("latency_us", BigInt, "µs from the arrival of the request's head to the end of the answer."),
    Column::may("ttft_us", BigInt, "µs from the arrival of the request's head to the first byte of the answer's body."),
    Column::is("chunks", BigInt, "Chunks of this request in the log: as many rows of `chunks` there are to be."),
    Column::is("response_bytes", BigInt, "Bytes of body that the client was sent."),
];

const COLUMNS: [Column; ORIGIN.len() + OWN.len() + PLACE.len()] = join(&[ORIGIN, OWN, PLACE]);

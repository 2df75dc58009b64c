//! `chunks`: the answers, piece by piece.

use weir_schemas::Topic;

use crate::Table;
use crate::column::Kind::{BigInt, Bool, Bytes, Int};
use crate::column::{Column, join};
use crate::columns::{ORIGIN, PLACE};

pub static TABLE: Table = Table {
    name: "chunks",
    topic: Topic::Chunks,
    doc: "Answers as the client got them: one row a write to its socket. A plain answer is one row. The bodies of a \
          request, by `chunk_index`, are the answer's body byte for byte.",
    columns: &COLUMNS,
};

const OWN: &[Column] = &[
    Column::is("chunk_index", BigInt, "0, 1, 2 … within the request."),
    Column::is("body", Bytes, "The bytes."),
    Column::is("events", BigInt, "Server-sent events that end in this chunk; 0 in a plain answer."),
    Column::is("last", Bool, "True on the last chunk of a request whose answer ended."),
    Column::is("inline_findings", Int, "How many matches the inline guardrails saw; each is a row of `findings`."),
];

const COLUMNS: [Column; ORIGIN.len() + OWN.len() + PLACE.len()] = join(&[ORIGIN, OWN, PLACE]);

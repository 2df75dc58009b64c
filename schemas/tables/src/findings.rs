//! `findings`: what the recognizers saw.

use weir_schemas::Topic;

use crate::Table;
use crate::column::Kind::{BigInt, Double, Int, Text};
use crate::column::{Column, join};
use crate::columns::{ORIGIN, PLACE};

pub static TABLE: Table = Table {
    name: "findings",
    topic: Topic::Findings,
    doc: "What the recognizers saw in prompts and answers: one row a match. No column holds the matched text.",
    columns: &COLUMNS,
};

const OWN: &[Column] = &[
    Column::is("source", Text, "Table of the event in which it stands: `requests` or `chunks`. `seq` is that event's."),
    Column::is("direction", Text, "`prompt` or `completion`."),
    Column::is("finding_index", Int, "0, 1, 2 … within the event: all matches of one event have the same `event_id`."),
    Column::is("recognizer", Text, "The recognizer that matched."),
    Column::is("kind", Text, "The type, such as `EMAIL_ADDRESS` or `aws_access_key_id`."),
    Column::is("category", Text, "`pii`, `secret`, `code`, `prompt_attack` or `custom`."),
    Column::is(
        "field",
        Text,
        "JSON pointer to the string (requests), or the channel such as `choices/0/content` (answers).",
    ),
    Column::is("start_byte", BigInt, "Where the match starts: UTF-8 bytes from the start of that string or channel."),
    Column::is("end_byte", BigInt, "Where it ends; the byte here is no longer part of it."),
    Column::is("score", Double, "How sure the recognizer is, 0 to 1."),
    Column::is("action", Text, "What was done about it: `allow`, `flag`, `redact` or `block`."),
    Column::is(
        "seen_by",
        Text,
        "`inline` where the ingress saw it before the bytes went on, `log` where it was seen later.",
    ),
];

const COLUMNS: [Column; ORIGIN.len() + OWN.len() + PLACE.len()] = join(&[ORIGIN, OWN, PLACE]);

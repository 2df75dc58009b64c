//! `usage`: tokens as the provider counted them.

use weir_schemas::Topic;

use crate::Table;
use crate::column::Kind::{BigInt, Text};
use crate::column::{Column, join};
use crate::columns::{CALLED, CALLER, ORIGIN, PLACE, TOKENS};

pub static TABLE: Table = Table {
    name: "usage",
    topic: Topic::Usage,
    doc: "Tokens of the requests that reached a provider, as the provider counted them. Where it did not, `source` is \
          `estimated`, the counts here are 0 and `costs` has Weir's own.",
    columns: &COLUMNS,
};

const OWN_BEFORE: &[Column] = &[
    Column::may("tier", Text, "The service tier that the provider says it billed, such as `flex`."),
    Column::is("source", Text, "`provider` where the provider counted, `estimated` where Weir has to."),
];

const OWN_AFTER: &[Column] = &[
    Column::may("uncounted_input_bytes", BigInt, "Bytes of the request to count; null where the provider counted."),
    Column::may(
        "uncounted_output_bytes",
        BigInt,
        "Bytes of the generated text to count; null where the provider counted.",
    ),
];

const LEN: usize =
    ORIGIN.len() + CALLER.len() + CALLED.len() + OWN_BEFORE.len() + TOKENS.len() + OWN_AFTER.len() + PLACE.len();
const COLUMNS: [Column; LEN] = join(&[ORIGIN, CALLER, CALLED, OWN_BEFORE, TOKENS, OWN_AFTER, PLACE]);

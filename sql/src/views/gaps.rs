use super::{View, ViewColumn, column};

pub(super) static VIEW: View = View {
    name: "gaps",
    doc: "Numbers that are missing in a stream of events: loss, or events that no sink has published yet. Empty is good.",
    sql: include_str!("gaps.sql"),
    reads: &["requests", "chunks", "usage", "outcomes", "intents"],
    columns: COLUMNS,
};

const COLUMNS: &[ViewColumn] = &[
    column("topic", "text", "The table: `requests`, `chunks`, `usage`, `outcomes` or `intents`."),
    column("ingress_id", "text", "The ingress that wrote the stream."),
    column("boot_epoch", "bigint", "The life of that ingress."),
    column("first_missing", "bigint", "The first missing `seq`."),
    column("last_missing", "bigint", "The last one before the stream goes on."),
    column("missing", "bigint", "How many."),
];

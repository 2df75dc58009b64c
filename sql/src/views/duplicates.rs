use super::{View, ViewColumn, column};

pub(super) static VIEW: View = View {
    name: "duplicates",
    doc: "Numbers that stand more than once in a stream of events. Empty is good.",
    sql: include_str!("duplicates.sql"),
    reads: &["requests", "chunks", "usage", "outcomes", "intents"],
    columns: COLUMNS,
};

const COLUMNS: &[ViewColumn] = &[
    column("topic", "text", "The table: `requests`, `chunks`, `usage`, `outcomes` or `intents`."),
    column("ingress_id", "text", "The ingress that wrote the stream."),
    column("boot_epoch", "bigint", "The life of that ingress."),
    column("seq", "bigint", "The number."),
    column("copies", "bigint", "How often it is there."),
];

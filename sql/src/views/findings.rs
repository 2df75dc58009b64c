use super::{View, ViewColumn, column};

pub(super) static VIEW: View = View {
    name: "findings",
    doc: "What the recognizers saw, counted: one row a request, direction, type and action. The table \
          `finding_details` has a row a match.",
    sql: include_str!("findings.sql"),
    reads: &["finding_details"],
    columns: COLUMNS,
};

const COLUMNS: &[ViewColumn] = &[
    column("ts", "timestamp", "When the first of them was seen."),
    column("request_id", "text", "The request in which they stand."),
    column("direction", "text", "`prompt` or `completion`."),
    column("category", "text", "`pii`, `secret`, `code`, `prompt_attack` or `custom`."),
    column("type", "text", "The type, such as `EMAIL_ADDRESS` or `aws_access_key_id`."),
    column("count", "bigint", "How many."),
    column(
        "action",
        "text",
        "What was done about them: `allow`, `redact` or `block`. What was only flagged is `allow`.",
    ),
];

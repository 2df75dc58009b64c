use super::{View, ViewColumn, column};

pub(super) static VIEW: View = View {
    name: "spend_by_day",
    doc: "Spend by day (UTC), team, project, key, provider and model.",
    sql: include_str!("spend_by_day.sql"),
    reads: &["costs"],
    columns: COLUMNS,
};

const COLUMNS: &[ViewColumn] = &[
    column("date", "date", "The day (UTC)."),
    column("tenant", "text", "The one who pays."),
    column("team", "text", "The team to which the virtual key belongs."),
    column("project", "text", "The project of the team; null where the key has none."),
    column("key_id", "text", "Public name of the virtual key."),
    column("provider", "text", "The provider that was called."),
    column("model", "text", "The model that the client asked for."),
    column("requests", "bigint", "Requests that reached the provider."),
    column("input_tokens", "bigint", "Tokens of the prompts."),
    column("output_tokens", "bigint", "Tokens that were generated."),
    column("cost_usd", "decimal(38,12)", "Dollars of the requests that have a price; null where none has."),
    column("unpriced", "bigint", "Requests whose model has no price: their cost is unknown, not 0."),
    column("estimated", "bigint", "Requests whose tokens Weir counted, because the provider did not."),
];

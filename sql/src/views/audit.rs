use super::{View, ViewColumn, column};

pub(super) static VIEW: View = View {
    name: "audit",
    doc: "One row a request: who asked what of whom, what the guardrails did, how it ended, what it took and cost.",
    sql: include_str!("audit.sql"),
    reads: &["requests", "outcomes", "usage", "costs"],
    columns: COLUMNS,
};

const COLUMNS: &[ViewColumn] = &[
    column("ts", "timestamp", "When the request came, by the clock of the ingress."),
    column("request_id", "text", "The request (UUIDv7, sorts by time); the client got it as `x-request-id`."),
    column("tenant", "text", "The one who pays and owns. Partition column: a filter by it skips whole folders."),
    column("team", "text", "The team to which the virtual key belongs."),
    column("project", "text", "The project of the team; null where the key has none."),
    column("user_id", "text", "The end user whom the caller named."),
    column("key_id", "text", "Public name of the virtual key."),
    column("app", "text", "The calling application."),
    column("app_version", "text", "Its version."),
    column("provider", "text", "The provider that was called; null where nothing was sent."),
    column("model", "text", "The model that the client asked for."),
    column("endpoint", "text", "The path that was called."),
    column("stream", "boolean", "True where the client asked for a stream."),
    column("status", "int", "The HTTP status that the client got; null while the request is open."),
    column("outcome", "text", "How it ended, such as `completed` or `blocked`; null while the request is open."),
    column(
        "action",
        "text",
        "What the guardrails did: `allow`, `redact` or `block`. What was only flagged is `allow`.",
    ),
    column("policy", "text", "Version of the policy that judged it."),
    column(
        "prompt_tokens",
        "bigint",
        "Tokens of the prompt, the cached ones included; null where no provider was reached or nobody has counted yet.",
    ),
    column("cached_tokens", "bigint", "Prompt tokens that came from the provider's cache."),
    column("completion_tokens", "bigint", "Tokens that were generated, the reasoning ones included."),
    column("reasoning_tokens", "bigint", "Generated tokens that the provider counts as reasoning."),
    column("cost_usd", "decimal(18,9)", "Dollars; null where any part has no price. `costs` has the full precision."),
    column("latency_ms", "double", "From the arrival of the request's head to the end of the answer."),
    column("ttft_ms", "double", "From the arrival of the request's head to the first byte of the answer's body."),
];

//! OpenTelemetry's names for generative AI (semantic conventions, `gen_ai.*`): log and span fields use them as they
//! stand, metric names through [`metric_name`].

pub const OPERATION_NAME: &str = "gen_ai.operation.name";
pub const PROVIDER_NAME: &str = "gen_ai.provider.name";
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
pub const RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
pub const USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub const USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub const TOKEN_TYPE: &str = "gen_ai.token.type";

pub const CLIENT_TOKEN_USAGE: &str = "gen_ai.client.token.usage";
pub const CLIENT_OPERATION_DURATION: &str = "gen_ai.client.operation.duration";
pub const SERVER_TIME_TO_FIRST_TOKEN: &str = "gen_ai.server.time_to_first_token";

/// The value of [`OPERATION_NAME`] for a chat completion.
pub const OPERATION_CHAT: &str = "chat";

/// The Prometheus spelling of a name: dots become underscores, and the unit stands at the end.
///
/// ```
/// use weir_telemetry::gen_ai;
/// assert_eq!(gen_ai::metric_name(gen_ai::CLIENT_OPERATION_DURATION, "seconds"), "gen_ai_client_operation_duration_seconds");
/// assert_eq!(gen_ai::metric_name(gen_ai::CLIENT_TOKEN_USAGE, ""), "gen_ai_client_token_usage");
/// ```
pub fn metric_name(name: &str, unit: &str) -> String {
    let mut out = name.replace('.', "_");
    if !unit.is_empty() {
        out.push('_');
        out.push_str(unit);
    }
    out
}

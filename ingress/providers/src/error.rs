/// Why bytes are not of the dialect. No variant holds payload text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not JSON, or JSON that two parsers may read in two ways.
    #[error("the body is not acceptable JSON: {what} at line {line} column {column}")]
    Json { what: &'static str, line: usize, column: usize },
    /// The body lacks a field that the dialect demands.
    #[error("missing required parameter: '{0}'")]
    Missing(&'static str),
    /// A field has a value that the dialect does not allow.
    #[error("invalid value for '{field}': {what}")]
    Invalid { field: &'static str, what: &'static str },
    /// A server-sent event is longer than any may be.
    #[error("a server-sent event is over {limit} bytes")]
    EventTooLarge { limit: usize },
    /// What the provider sent where the dialect has JSON.
    #[error("the provider sent {0} that is not JSON")]
    NotJson(&'static str),
    /// The stream's bytes ended, its `[DONE]` did not come.
    #[error("the provider's stream ended without [DONE]")]
    Truncated,
}

use serde::{Deserialize, Serialize};

use super::findings::Action;
use super::{Event, Header, Origin};
use crate::topic::Topic;

/// How a request ended. Every request has exactly one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub header: Header,
    pub outcome: OutcomeKind,
    /// The HTTP status that the client got; 499 where it left before there was one.
    pub status: i32,
    /// Who made the error; null where there is none.
    pub error_origin: Option<ErrorOrigin>,
    /// The error's `code` as the client got it.
    pub error_code: Option<String>,
    /// True where sending the same request again is safe and may help; null where there is no error.
    pub retry_safe: Option<bool>,
    pub action: Action,
    /// `stop`, `length`, `tool_calls` …, as the provider said it.
    pub finish_reason: Option<String>,
    /// From the arrival of the request's head to the end of the answer.
    pub latency_us: i64,
    /// From the arrival of the request's head to the first byte of the answer's body.
    pub ttft_us: Option<i64>,
    /// Chunks of this request in the log.
    pub chunks: i64,
    /// Bytes of body that the client was sent.
    pub response_bytes: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// The answer was delivered whole.
    Completed,
    /// A guardrail refused it.
    Blocked,
    /// A rate limit refused it.
    RateLimited,
    /// A budget refused it, or could not be asked.
    BudgetExceeded,
    /// The provider failed: an error status, a broken answer, no connection.
    UpstreamError,
    /// The client left before the end.
    ClientCancelled,
    /// The caller's mistake: a malformed body, an unknown model, too large.
    InvalidRequest,
    /// Weir failed.
    Internal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorOrigin {
    Weir,
    Provider,
}

impl OutcomeKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Blocked => "blocked",
            Self::RateLimited => "rate_limited",
            Self::BudgetExceeded => "budget_exceeded",
            Self::UpstreamError => "upstream_error",
            Self::ClientCancelled => "client_cancelled",
            Self::InvalidRequest => "invalid_request",
            Self::Internal => "internal",
        }
    }
}

impl ErrorOrigin {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Weir => "weir",
            Self::Provider => "provider",
        }
    }
}

impl Event for Outcome {
    const TOPIC: Topic = Topic::Outcomes;
    const RECORD: &'static str = "weir.Outcome";
    const AVSC: &'static str = include_str!("../../avro/outcome.avsc");
    fn key(&self) -> String {
        self.header.request_id.to_string()
    }
    fn origin(&self) -> Origin {
        self.header.origin()
    }
}

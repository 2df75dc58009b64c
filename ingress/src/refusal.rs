//! Why Weir does not give the answer that was asked for, and what the client is told: the one place where errors become HTTP.
//!
//! Every refusal says who made the error, and whether sending the same request again is safe and may help: in the
//! message for people, in `x-should-retry` and `retry-after` for SDKs.

use std::time::Duration;

use http::StatusCode;
use weir_providers::openai::error_body;
use weir_schemas::event::{ErrorOrigin, OutcomeKind};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unauthorized,
    UnknownPath,
    MethodNotAllowed,
    Malformed(weir_providers::Error),
    BodyTooLarge { limit: usize },
    BodyTimeout,
    BodyBroken,
    UnknownModel,
    Unpriced,
    Unbounded(&'static str),
    Blocked { kinds: Vec<&'static str> },
    BudgetSpent { budget: String, retry_after: Option<Duration> },
    BudgetUnavailable,
    Overloaded,
    Draining,
    AuditUnavailable,
    AuditLost,
    UpstreamUnreachable,
    UpstreamTimeout,
    UpstreamBroken(&'static str),
    UpstreamTooLarge,
    Internal,
}

/// What HTTP says of a refusal.
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) kind: &'static str,
    pub(crate) code: &'static str,
    pub(crate) param: Option<&'static str>,
    pub(crate) origin: ErrorOrigin,
    pub(crate) outcome: OutcomeKind,
    pub(crate) retry: bool,
}

const INVALID: &str = "invalid_request_error";
const SERVER: &str = "server_error";
const PROVIDER: &str = "provider_error";

impl Refusal {
    pub(crate) fn told(&self) -> Told {
        use OutcomeKind as O;
        let weir = |status, kind, code, outcome, retry| Told {
            status,
            kind,
            code,
            param: self.param(),
            origin: ErrorOrigin::Weir,
            outcome,
            retry,
        };
        let provider = |status, code, retry| Told {
            origin: ErrorOrigin::Provider,
            ..weir(status, PROVIDER, code, O::UpstreamError, retry)
        };
        match self {
            Self::Unauthorized => weir(StatusCode::UNAUTHORIZED, INVALID, "invalid_api_key", O::InvalidRequest, false),
            Self::UnknownPath => weir(StatusCode::NOT_FOUND, INVALID, "unknown_url", O::InvalidRequest, false),
            Self::MethodNotAllowed => {
                weir(StatusCode::METHOD_NOT_ALLOWED, INVALID, "method_not_allowed", O::InvalidRequest, false)
            }
            Self::Malformed(error) => {
                let code = match error {
                    weir_providers::Error::Missing(_) => "missing_required_parameter",
                    weir_providers::Error::Invalid { .. } => "invalid_value",
                    _ => "invalid_json",
                };
                weir(StatusCode::BAD_REQUEST, INVALID, code, O::InvalidRequest, false)
            }
            Self::BodyTooLarge { .. } => {
                weir(StatusCode::PAYLOAD_TOO_LARGE, INVALID, "request_too_large", O::InvalidRequest, false)
            }
            Self::BodyTimeout => weir(StatusCode::REQUEST_TIMEOUT, INVALID, "request_timeout", O::InvalidRequest, true),
            Self::BodyBroken => weir(StatusCode::BAD_REQUEST, INVALID, "request_incomplete", O::ClientCancelled, true),
            Self::UnknownModel => weir(StatusCode::NOT_FOUND, INVALID, "model_not_found", O::InvalidRequest, false),
            Self::Unpriced => weir(StatusCode::FORBIDDEN, INVALID, "model_unpriced", O::BudgetExceeded, false),
            Self::Unbounded(_) => weir(StatusCode::BAD_REQUEST, INVALID, "cost_unbounded", O::BudgetExceeded, false),
            Self::Blocked { .. } => weir(StatusCode::FORBIDDEN, INVALID, "blocked_by_guardrail", O::Blocked, false),
            Self::BudgetSpent { .. } => weir(
                StatusCode::TOO_MANY_REQUESTS,
                "insufficient_quota",
                "insufficient_quota",
                O::BudgetExceeded,
                false,
            ),
            Self::BudgetUnavailable => {
                weir(StatusCode::SERVICE_UNAVAILABLE, SERVER, "budget_unavailable", O::BudgetExceeded, true)
            }
            Self::Overloaded => weir(StatusCode::SERVICE_UNAVAILABLE, SERVER, "overloaded", O::RateLimited, true),
            Self::Draining => weir(StatusCode::SERVICE_UNAVAILABLE, SERVER, "shutting_down", O::Internal, true),
            Self::AuditUnavailable => {
                weir(StatusCode::SERVICE_UNAVAILABLE, SERVER, "audit_unavailable", O::Internal, true)
            }
            // The provider has had the request already.
            Self::AuditLost => weir(StatusCode::SERVICE_UNAVAILABLE, SERVER, "audit_unavailable", O::Internal, false),
            Self::UpstreamUnreachable => provider(StatusCode::BAD_GATEWAY, "upstream_unreachable", true),
            Self::UpstreamTimeout => provider(StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", false),
            Self::UpstreamBroken(_) => provider(StatusCode::BAD_GATEWAY, "upstream_invalid_response", false),
            Self::UpstreamTooLarge => provider(StatusCode::BAD_GATEWAY, "upstream_response_too_large", false),
            Self::Internal => weir(StatusCode::INTERNAL_SERVER_ERROR, SERVER, "internal_error", O::Internal, true),
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::BudgetSpent { retry_after, .. } => *retry_after,
            Self::AuditUnavailable => Some(Duration::from_secs(5)),
            Self::BudgetUnavailable | Self::Overloaded | Self::Draining => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    fn param(&self) -> Option<&'static str> {
        match self {
            Self::Malformed(weir_providers::Error::Missing(field)) => Some(field),
            Self::Malformed(weir_providers::Error::Invalid { field, .. }) => Some(field),
            Self::UnknownModel | Self::Unpriced => Some("model"),
            Self::Unbounded(field) => Some(field),
            Self::Blocked { .. } => Some("messages"),
            _ => None,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Unauthorized => "Incorrect API key provided: send a key of this gateway as a bearer token.".into(),
            Self::UnknownPath => "Unknown URL: this gateway does not serve the path.".into(),
            Self::MethodNotAllowed => "The path is not served with this method.".into(),
            Self::Malformed(error) => format!("The request was refused: {error}."),
            Self::BodyTooLarge { limit } => format!("The request's body is over the limit of {limit} bytes."),
            Self::BodyTimeout => "The request's body did not arrive in time.".into(),
            Self::BodyBroken => "The request's body ended early.".into(),
            Self::UnknownModel => "The model does not exist, or this key may not use it.".into(),
            Self::Unpriced => "The model has no price, and this key has a budget.".into(),
            Self::Unbounded(field) => {
                format!("This key has a budget, and the cost of a call with such '{field}' has no bound.")
            }
            Self::Blocked { kinds } => {
                format!("A guardrail blocked the request: it has {}.", kinds.join(", "))
            }
            Self::BudgetSpent { budget, .. } => format!("The budget '{budget}' has not enough left for this call."),
            Self::BudgetUnavailable => "The budget could not be asked in time.".into(),
            Self::Overloaded => "The gateway has too many calls in flight.".into(),
            Self::Draining => "The gateway is shutting down.".into(),
            Self::AuditUnavailable => "The audit cannot record the call, so it was not made.".into(),
            Self::AuditLost => "The audit cannot record the answer, so it is not given.".into(),
            Self::UpstreamUnreachable => "The provider could not be reached; it did not get the request.".into(),
            Self::UpstreamTimeout => "The provider did not answer in time; it may have processed the request.".into(),
            Self::UpstreamBroken(what) => format!("The provider's answer is broken: {what}."),
            Self::UpstreamTooLarge => "The provider's answer is too large.".into(),
            Self::Internal => "The gateway failed.".into(),
        }
    }

    /// The body in OpenAI's shape.
    pub(crate) fn body(&self) -> Vec<u8> {
        let told = self.told();
        let advice = if told.retry { "Sending it again is safe." } else { "Sending it again will not help as it is." };
        let advice = match self {
            Self::AuditLost | Self::UpstreamTimeout | Self::UpstreamBroken(_) | Self::UpstreamTooLarge => {
                "Sending it again may be billed twice."
            }
            _ => advice,
        };
        error_body(&format!("{} {advice}", self.message()), told.kind, told.param, Some(told.code))
    }

    /// The body as the last event of a stream.
    pub(crate) fn event(&self) -> Vec<u8> {
        [b"data: ", self.body().as_slice(), b"\n\n"].concat()
    }
}

impl From<crate::outbox::Unavailable> for Refusal {
    fn from(_: crate::outbox::Unavailable) -> Self {
        Self::AuditUnavailable
    }
}

impl From<weir_policy::Refusal> for Refusal {
    /// Whether a model exists is not told to a key that may not use it.
    fn from(refusal: weir_policy::Refusal) -> Self {
        match refusal {
            weir_policy::Refusal::UnknownModel | weir_policy::Refusal::ModelNotAllowed => Self::UnknownModel,
            weir_policy::Refusal::Unpriced => Self::Unpriced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_budget_is_told_as_openai_does_and_is_not_to_be_retried() {
        let refusal = Refusal::BudgetSpent { budget: "team-red".into(), retry_after: Some(Duration::from_secs(60)) };
        let told = refusal.told();
        assert_eq!((told.status.as_u16(), told.code, told.retry), (429, "insufficient_quota", false));
        assert_eq!(refusal.retry_after(), Some(Duration::from_secs(60)));
        let body = String::from_utf8(refusal.body()).unwrap();
        assert!(body.contains("'team-red'") && body.contains("will not help"), "{body}");
    }

    #[test]
    fn an_answer_that_was_paid_and_cannot_be_recorded_is_not_to_be_retried() {
        let (before, after) = (Refusal::AuditUnavailable, Refusal::AuditLost);
        assert_eq!((before.told().code, before.told().retry), ("audit_unavailable", true));
        assert_eq!((after.told().code, after.told().retry), ("audit_unavailable", false));
        assert!(String::from_utf8(after.body()).unwrap().contains("billed twice"));
    }

    #[test]
    fn a_failure_of_the_provider_is_told_from_one_of_weir() {
        assert_eq!(Refusal::UpstreamTimeout.told().origin, ErrorOrigin::Provider);
        assert_eq!(Refusal::Internal.told().origin, ErrorOrigin::Weir);
    }

    #[test]
    fn an_unknown_model_and_a_forbidden_one_look_alike() {
        let unknown = Refusal::from(weir_policy::Refusal::UnknownModel);
        assert_eq!(unknown, weir_policy::Refusal::ModelNotAllowed.into());
    }
}

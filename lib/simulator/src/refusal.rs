//! Errors in OpenAI's shape.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<u32>,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, kind: &'static str, code: Option<&'static str>, message: &str) -> Self {
        Self { status, retry_after: None, kind, code, param: None, message: message.to_owned() }
    }

    pub(crate) fn invalid(param: &str, message: &str) -> Self {
        let refusal = Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", None, message);
        Self { param: Some(param.to_owned()), ..refusal }
    }

    /// Says where, never what: the message of the parser may quote the body.
    pub(crate) fn not_json(error: &serde_json::Error) -> Self {
        let what = if error.is_data() { "is not of the form of a chat completion" } else { "is not JSON" };
        let message = format!("the body {what} (line {}, column {})", error.line(), error.column());
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", None, &message)
    }

    pub(crate) fn no_model(name: &str) -> Self {
        let name: String = name.chars().take(100).collect();
        let message = format!("The model `{name}` does not exist or you do not have access to it.");
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", Some("model_not_found"), &message)
    }

    pub(crate) fn wrong_key() -> Self {
        let message = "Incorrect API key provided.";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", Some("invalid_api_key"), message)
    }

    pub(crate) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", Some("unknown_url"), "Unknown request URL.")
    }

    pub(crate) fn wrong_method() -> Self {
        let message = "Not allowed to use this method on this URL.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", Some("method_not_supported"), message)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("The body is larger than {limit} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", None, &message)
    }

    pub(crate) fn broken_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", None, "The body did not arrive whole.")
    }

    pub(crate) fn failed() -> Self {
        let message = "The server had an error while processing your request.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", None, message)
    }

    pub(crate) fn overloaded() -> Self {
        let message = "Rate limit reached for requests.";
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "requests", Some("rate_limit_exceeded"), message);
        Self { retry_after: Some(1), ..refusal }
    }

    pub(crate) fn body(&self) -> Bytes {
        let error: Value = json!({"message": self.message, "type": self.kind, "param": self.param, "code": self.code});
        Bytes::from(json!({ "error": error }).to_string())
    }
}

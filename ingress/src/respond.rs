//! Heads of answers: every one has `x-request-id`, every error says whose it is and whether to send again.

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use weir_schemas::RequestId;
use weir_schemas::event::ErrorOrigin;

use crate::body::Body;
use crate::ingress::Ingress;
use crate::refusal::Refusal;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ERROR_ORIGIN: HeaderName = HeaderName::from_static("x-weir-error-origin");
/// The official SDKs obey it.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The head of an answer to a call.
pub(crate) fn audited(status: StatusCode, id: RequestId) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The head of a refusal.
pub(crate) fn refused(refusal: &Refusal, id: RequestId) -> Response<()> {
    let told = refusal.told();
    let mut response = audited(told.status, id);
    let headers = response.headers_mut();
    mark_error(headers, told.origin, told.retry);
    if let Some(after) = refusal.retry_after() {
        // Rounded up: a client that comes back too early is refused again.
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_millis().div_ceil(1000) as u64));
    }
    response
}

/// A refusal that is no event: counted only. Its id is in no table.
pub(crate) fn unaudited(ingress: &Ingress, refusal: &Refusal) -> Response<Body> {
    ingress.metrics.refused.with_label_values(&[refusal.told().code]).inc();
    refused(refusal, RequestId::fresh()).map(|()| refusal.body().into())
}

pub(crate) fn mark_error(headers: &mut HeaderMap, origin: ErrorOrigin, retry: bool) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ERROR_ORIGIN, HeaderValue::from_static(origin.as_str()));
    headers.insert(SHOULD_RETRY, HeaderValue::from_static(if retry { "true" } else { "false" }));
}

/// A small JSON answer that is no call.
pub(crate) fn json(status: StatusCode, body: &serde_json::Value) -> Response<Body> {
    let mut response = audited(status, RequestId::fresh());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.map(|()| body.to_string().into_bytes().into())
}

/// A text answer that is no call.
pub(crate) fn text(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = audited(status, RequestId::fresh());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.map(|()| body.into())
}

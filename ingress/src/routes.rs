//! Which path is whose. What is not named here is refused.

use std::sync::Arc;
use std::time::Instant;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use crate::body::Body;
use crate::completions;
use crate::ingress::Ingress;
use crate::models;
use crate::refusal::Refusal;
use crate::registry;
use crate::respond;

pub(crate) async fn serve(ingress: Arc<Ingress>, request: Request<Incoming>) -> Response<Body> {
    let arrived = Instant::now();
    let path = request.uri().path();
    match path {
        "/v1/chat/completions" if request.method() == Method::POST => {
            return completions::handle(&ingress, request, arrived).await;
        }
        "/v1/chat/completions" => return respond::unaudited(&ingress, &Refusal::MethodNotAllowed),
        _ => {}
    }
    if registry::owns(path) {
        return registry::serve(&ingress, request).await;
    }
    if request.method() != Method::GET {
        return respond::unaudited(&ingress, &Refusal::UnknownPath);
    }
    match path {
        "/v1/models" => models::list(&ingress, request.headers()),
        "/healthz" => respond::json(StatusCode::OK, &json!({"status": "ok"})),
        "/readyz" if ingress.is_ready() => respond::json(StatusCode::OK, &json!({"status": "ready"})),
        "/readyz" => respond::json(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "not ready"})),
        "/metrics" => metrics(&ingress),
        _ => match path.strip_prefix("/v1/models/") {
            Some(model) => models::one(&ingress, request.headers(), model),
            None => respond::unaudited(&ingress, &Refusal::UnknownPath),
        },
    }
}

fn metrics(ingress: &Ingress) -> Response<Body> {
    let journal = ingress.outbox.journal();
    let unshipped = journal.end().0.saturating_sub(ingress.shipped.borrow().0);
    let gauge = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    ingress.metrics.outbox_bytes.set(gauge(journal.live_bytes()));
    ingress.metrics.unshipped_bytes.set(gauge(unshipped));
    match ingress.metrics.encode() {
        Ok(text) => respond::text(StatusCode::OK, weir_telemetry::metrics::CONTENT_TYPE, text),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "metrics");
            respond::unaudited(ingress, &Refusal::Internal)
        }
    }
}

//! `GET /v1/models`: what the key may use, and nothing of what it may not.

use std::sync::Arc;

use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use weir_policy::Model;

use crate::body::Body;
use crate::completions::authenticate;
use crate::ingress::Ingress;
use crate::refusal::Refusal;
use crate::respond;

pub(crate) fn list(ingress: &Ingress, headers: &HeaderMap) -> Response<Body> {
    let snapshot = ingress.policy.load();
    let Some(key) = authenticate(&snapshot, headers) else {
        return respond::unaudited(ingress, &Refusal::Unauthorized);
    };
    let usable = snapshot.models.keys().filter_map(|name| snapshot.route(&key, name).ok());
    let data: Vec<Value> = usable.map(shown).collect();
    respond::json(StatusCode::OK, &json!({"object": "list", "data": data}))
}

pub(crate) fn one(ingress: &Ingress, headers: &HeaderMap, name: &str) -> Response<Body> {
    let snapshot = ingress.policy.load();
    let Some(key) = authenticate(&snapshot, headers) else {
        return respond::unaudited(ingress, &Refusal::Unauthorized);
    };
    match snapshot.route(&key, name) {
        Ok(model) => respond::json(StatusCode::OK, &shown(model)),
        Err(refusal) => respond::unaudited(ingress, &refusal.into()),
    }
}

fn shown(model: &Arc<Model>) -> Value {
    json!({"id": model.name, "object": "model", "created": 0, "owned_by": model.provider.name})
}

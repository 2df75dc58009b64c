//! What the gateway serves beside completions, and the schema registry, its own or another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::audit;
use crate::cluster::{Cluster, Log};
use crate::pipeline::{SETTLE, load};

#[tokio::test(flavor = "multi_thread")]
async fn models_health_metrics_and_schemas_are_served_and_nothing_else() {
    let cluster = Cluster::start(Log::Embedded).await;
    let client = cluster.client();
    let root = client.base.trim_end_matches("/v1").to_owned();
    let models = client.get(&format!("{}/models", client.base)).await.json();
    let ids: Vec<&str> = models["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"sim-small") && ids.contains(&"sim-echo"), "{models}");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(client.get(&format!("{root}{path}")).await.status, Some(200), "{path}");
    }
    load(std::slice::from_ref(&client), 3, "m", 0).await;
    let metrics = client.get(&format!("{root}/metrics")).await.text();
    assert!(metrics.contains("weir_ingress_requests_total"), "{metrics}");
    let subjects = client.get(&format!("{root}/subjects")).await.json();
    assert_eq!(subjects.as_array().unwrap().len(), 8, "{subjects}");
    for subject in subjects.as_array().unwrap() {
        let latest = format!("{root}/subjects/{}/versions/latest", subject.as_str().unwrap());
        let version = client.get(&latest).await.json();
        let by_id = client.get(&format!("{root}/schemas/ids/{}", version["id"])).await.json();
        assert_eq!(version["schema"], by_id["schema"]);
        let schema: Value = serde_json::from_str(by_id["schema"].as_str().unwrap()).unwrap();
        assert_eq!(schema["type"], "record");
    }
    for path in ["/", "/v1/embeddings", "/admin", "/v1/chat/completions/x"] {
        assert_eq!(client.get(&format!("{root}{path}")).await.status, Some(404), "{path}");
    }
}

/// A registry that gives ids of its own.
#[derive(Default)]
struct Registry {
    schemas: Mutex<HashMap<i64, String>>,
}

async fn register(
    State(registry): State<Arc<Registry>>,
    Path(_): Path<String>,
    Json(body): Json<Value>,
) -> Json<Value> {
    let mut schemas = registry.schemas.lock().unwrap();
    let text = body["schema"].as_str().unwrap().to_owned();
    let known = schemas.iter().find(|(_, schema)| **schema == text).map(|(id, _)| *id);
    let id = known.unwrap_or(7_000 + i64::try_from(schemas.len()).unwrap());
    schemas.insert(id, text);
    Json(json!({ "id": id }))
}

async fn by_id(State(registry): State<Arc<Registry>>, Path(id): Path<i64>) -> (StatusCode, Json<Value>) {
    match registry.schemas.lock().unwrap().get(&id) {
        Some(schema) => (StatusCode::OK, Json(json!({ "schema": schema }))),
        None => (StatusCode::NOT_FOUND, Json(json!({ "error_code": 40403 }))),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outside_registry_gives_the_ids_that_are_written() {
    let registry = Arc::new(Registry::default());
    let router = Router::new()
        .route("/subjects/{subject}/versions", post(register))
        .route("/schemas/ids/{id}", get(by_id))
        .with_state(registry.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let cluster = Cluster::start_with(Log::Embedded, &format!("schema_registry = \"{url}\"\n")).await;
    let received = load(&cluster.clients(), 10, "r", 0).await;
    audit::await_settled(cluster.data(), received.len(), SETTLE);
    audit::holds_what_clients_received(cluster.data(), &received);
    assert_eq!(registry.schemas.lock().unwrap().len(), 8);
    // The log itself holds those ids: a zero byte, then 7000 and up.
    let framed =
        |bytes: &[u8]| (7_000..7_008_u32).any(|id| bytes.windows(5).any(|w| w[0] == 0 && w[1..] == id.to_be_bytes()));
    let mut folders = vec![cluster.data().join("log")];
    let mut found = false;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                found |= framed(&std::fs::read(&entry).unwrap());
            }
        }
    }
    assert!(found, "no event was written with the outside registry's ids");
    server.abort();
}

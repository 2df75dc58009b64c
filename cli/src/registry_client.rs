//! An outside schema registry (Confluent's REST calls): gives ids to our schemas, and tells the schemas of other releases.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use weir_schemas::{Codec, SchemaId, registry};

/// A registry's answer is some kilobytes; more is not one.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// Long for a look-up; without it a registry that accepts and says nothing would keep a process from starting.
const PATIENCE: Duration = Duration::from_secs(30);
/// Confluent's code for an id that nobody registered.
const NOT_FOUND: u16 = 404;

pub(crate) struct Registry {
    http: Client<hyper_rustls::HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    patience: Duration,
}

impl Registry {
    pub(crate) fn at(url: &str) -> Self {
        let https =
            hyper_rustls::HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        Self {
            http: Client::builder(TokioExecutor::new()).build(https),
            url: url.trim_end_matches('/').to_owned(),
            patience: PATIENCE,
        }
    }

    /// Registers what this release writes, and returns the codec with the ids that it got.
    pub(crate) async fn register(&self, prefix: &str) -> anyhow::Result<Codec> {
        let mut ids = HashMap::new();
        for schema in registry::LATEST {
            let path = format!("/subjects/{}/versions", schema.subject(prefix));
            let (status, answer) = self.call(Method::POST, &path, Some(json!({ "schema": schema.avsc }))).await?;
            let id = answer["id"].as_i64().and_then(|n| i32::try_from(n).ok());
            match id {
                Some(id) if status == 200 => ids.insert(schema.record, SchemaId(id)),
                // A registry says what is incompatible in `message`; it quotes schemas, never data.
                _ => bail!("schema registry {}{path} answered {status}: {}", self.url, answer["message"]),
            };
        }
        Ok(Codec::with_ids(ids))
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<(u16, Value)> {
        let answer = tokio::time::timeout(self.patience, self.ask(method, path, body)).await;
        answer.with_context(|| format!("schema registry {}{path} did not answer in {:?}", self.url, self.patience))?
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<(u16, Value)> {
        let url = format!("{}{path}", self.url);
        let request = Request::builder()
            .method(method)
            .uri(&url)
            .header("content-type", "application/vnd.schemaregistry.v1+json")
            .body(Full::new(body.map(|b| Bytes::from(b.to_string())).unwrap_or_default()))
            .with_context(|| format!("schema registry {url}"))?;
        let answer = self.http.request(request).await.with_context(|| format!("schema registry {url}"))?;
        let status = answer.status().as_u16();
        let limited = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
        let bytes = limited.map_err(|e| anyhow::anyhow!(e)).with_context(|| format!("schema registry {url}"))?;
        let value = serde_json::from_slice(&bytes.to_bytes());
        Ok((status, value.with_context(|| format!("schema registry {url} answered {status} without JSON"))?))
    }
}

impl weir_sinks::SchemaSource for Registry {
    fn schema(&self, id: SchemaId) -> BoxFuture<'_, Result<Option<String>, Box<dyn std::error::Error + Send + Sync>>> {
        async move {
            let (status, answer) = self.call(Method::GET, &format!("/schemas/ids/{id}"), None).await?;
            match status {
                200 => Ok(answer["schema"].as_str().map(ToOwned::to_owned)),
                NOT_FOUND => Ok(None),
                _ => Err(anyhow::anyhow!("schema registry {} answered {status}", self.url).into()),
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_registry_that_says_nothing_is_given_up_on() {
        crate::app::install_crypto();
        // Connections are taken by the kernel and answered by nobody.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut registry = Registry::at(&format!("http://{}", silent.local_addr().unwrap()));
        registry.patience = Duration::from_millis(50);
        let error = registry.call(Method::GET, "/schemas/ids/1", None).await.unwrap_err();
        assert!(format!("{error:#}").contains("did not answer"), "{error:#}");
    }
}

//! A client that keeps what it was given: the journal that the audit is held against.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// Longer than any answer of the simulated provider takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one call brought, as far as it came.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) request_id: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// True when the body ended as HTTP says it should.
    pub(crate) whole: bool,
    /// The nonce that the prompt carried.
    pub(crate) nonce: String,
    pub(crate) streamed: bool,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

#[derive(Clone)]
pub(crate) struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    pub(crate) base: String,
    pub(crate) key: String,
}

impl Client {
    pub(crate) fn new(base: &str, key: &str) -> Self {
        Self { pool: Pool::builder(TokioExecutor::new()).build_http(), base: base.into(), key: key.into() }
    }

    /// A chat whose prompt carries a nonce and, for the simulated provider, how many chunks to send how fast.
    pub(crate) async fn chat(
        &self,
        model: &str,
        nonce: &str,
        streamed: bool,
        chunks: usize,
        delay_ms: u64,
    ) -> Received {
        let prompt = format!("@sim n={nonce} c={chunks} d={delay_ms}ms");
        let body = json!({
            "model": model,
            "stream": streamed,
            "messages": [{ "role": "user", "content": prompt }],
        });
        let received = self.post("/chat/completions", body.to_string()).await;
        Received { nonce: nonce.into(), streamed, ..received }
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Bytes>) -> Received {
        let request = Request::post(format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.key))
            .body(Full::new(body.into()))
            .unwrap();
        self.call(request).await
    }

    pub(crate) async fn get(&self, url: &str) -> Received {
        let request =
            Request::get(url).header("authorization", format!("Bearer {}", self.key)).body(Full::default()).unwrap();
        self.call(request).await
    }

    /// Never fails: what did not come is missing in the answer.
    pub(crate) async fn call(&self, request: Request<Full<Bytes>>) -> Received {
        let mut received = Received::default();
        let mut body = BytesMut::new();
        let work = async {
            let Ok(answer) = self.pool.request(request).await else { return };
            received.status = Some(answer.status().as_u16());
            for (name, value) in answer.headers() {
                received.headers.push((name.to_string(), value.to_str().unwrap_or_default().to_owned()));
            }
            received.request_id = received.header("x-request-id").map(ToOwned::to_owned);
            let mut frames = answer.into_body();
            while let Some(frame) = frames.frame().await {
                match frame {
                    Ok(frame) => body.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new())),
                    Err(_) => return,
                }
            }
            received.whole = true;
        };
        // A call that hangs is a call that was cut, and the checks say so.
        let _ = tokio::time::timeout(PATIENCE, work).await;
        received.body = body.freeze();
        received
    }
}

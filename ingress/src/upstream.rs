//! The way to the providers. Destinations and credentials come from the configuration, and from nowhere else.
//!
//! - A provider's key goes to that provider's base URL; redirects are not followed, so it goes nowhere else.
//! - Of the client's headers none is passed on.
//! - Dropping what is returned drops the connection: the provider is told that nobody listens.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use weir_policy::Provider;
use weir_providers::openai::CHAT_PATH;
use weir_schemas::RequestId;

use crate::error::Error;
use crate::refusal::Refusal;

/// A connection that nobody used for so long is closed. Most providers close theirs after a minute.
const POOL_IDLE: Duration = Duration::from_secs(50);
const POOL_PER_HOST: usize = 1024;
const AGENT: &str = concat!("weir/", env!("CARGO_PKG_VERSION"));

type Pool = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

pub(crate) struct Upstreams {
    tls: rustls::ClientConfig,
    /// A pool has one connect timeout; the configuration has few.
    pools: RwLock<HashMap<Duration, Pool>>,
}

/// Why there is no answer, and whether the provider may have seen the request.
pub(crate) struct Failed {
    pub(crate) refusal: Refusal,
    pub(crate) reached: bool,
}

impl Upstreams {
    pub(crate) fn new() -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_webpki_roots()
            .with_no_client_auth();
        Ok(Self { tls, pools: RwLock::default() })
    }

    /// Sends a chat request and waits for the head of the answer.
    pub(crate) async fn chat(
        &self,
        provider: &Provider,
        id: RequestId,
        stream: bool,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failed> {
        let Some(request) = request(provider, id, stream, body) else {
            tracing::error!(provider = provider.name, "the provider's base URL or key makes no request");
            return Err(Failed { refusal: Refusal::UpstreamUnreachable, reached: false });
        };
        let answer = self.pool(provider.connect_timeout).request(request);
        match tokio::time::timeout(provider.header_timeout, answer).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                let reached = !error.is_connect();
                tracing::warn!(
                    provider = provider.name,
                    error = &error as &dyn std::error::Error,
                    reached,
                    "the provider gave no answer"
                );
                let refusal = if reached {
                    Refusal::UpstreamBroken("the connection ended before the answer began")
                } else {
                    Refusal::UpstreamUnreachable
                };
                Err(Failed { refusal, reached })
            }
            Err(_) => {
                tracing::warn!(provider = provider.name, "the provider did not answer in time");
                Err(Failed { refusal: Refusal::UpstreamTimeout, reached: true })
            }
        }
    }

    fn pool(&self, connect_timeout: Duration) -> Pool {
        let known = self.pools.read().unwrap_or_else(PoisonError::into_inner).get(&connect_timeout).cloned();
        known.unwrap_or_else(|| {
            let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
            pools.entry(connect_timeout).or_insert_with(|| self.open(connect_timeout)).clone()
        })
    }

    fn open(&self, connect_timeout: Duration) -> Pool {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // Without it the kernel holds small writes back.
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(self.tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Client::builder(TokioExecutor::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_PER_HOST)
            .pool_timer(TokioTimer::new())
            .build(connector)
    }
}

fn request(provider: &Provider, id: RequestId, stream: bool, body: Bytes) -> Option<Request<Full<Bytes>>> {
    let uri = Uri::try_from([provider.base_url.trim_end_matches('/'), CHAT_PATH].concat()).ok()?;
    let mut request = Request::post(uri).body(Full::new(body)).ok()?;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let accepted = if stream { "text/event-stream" } else { "application/json" };
    headers.insert(ACCEPT, HeaderValue::from_static(accepted));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert("x-request-id", HeaderValue::try_from(id.to_string()).ok()?);
    if let Some(key) = &provider.api_key {
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.0)).ok()?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Some(request)
}

/// Reads a whole body, at most `limit` bytes; `idle` bounds each wait for more.
pub(crate) async fn read_whole(body: Incoming, limit: usize, idle: Duration) -> Result<Bytes, Refusal> {
    let mut body = Limited::new(body, limit);
    let mut read: Vec<Bytes> = Vec::new();
    loop {
        match tokio::time::timeout(idle, body.frame()).await {
            Err(_) => return Err(Refusal::UpstreamTimeout),
            Ok(None) => break,
            Ok(Some(Ok(frame))) => read.extend(frame.into_data().ok()),
            Ok(Some(Err(error))) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(Refusal::UpstreamTooLarge);
            }
            Ok(Some(Err(_))) => return Err(Refusal::UpstreamBroken("it ended early")),
        }
    }
    Ok(if read.len() == 1 { read.swap_remove(0) } else { read.concat().into() })
}

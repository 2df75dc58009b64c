//! A bare reverse proxy on hyper: what any gateway on this stack costs at least.
//!
//! With [`Floor::parse`] it also does what a gateway cannot leave out: it hashes the key, reads the request's JSON, and reads
//! the JSON of each event that passes. What is read is thrown away.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, HOST, HeaderValue, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

type Answer = Response<Either<Passed, Full<Bytes>>>;

/// The proxy, before it serves.
pub struct Floor {
    upstream: Authority,
    client: Client<HttpConnector, Either<Incoming, Full<Bytes>>>,
    parse: bool,
}

impl Floor {
    pub fn new(upstream: SocketAddr, parse: bool) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(usize::MAX).build(connector);
        Ok(Self { upstream: upstream.to_string().parse()?, client, parse })
    }

    /// Serves until it is dropped.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<Infallible> {
        let floor = Arc::new(self);
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            let floor = floor.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| floor.clone().forward(request));
                // A client that hangs up is no concern of the floor's.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(socket), service)
                    .await;
            });
        }
    }

    async fn forward(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, Infallible> {
        Ok(match self.pass(request).await {
            Ok(answer) => answer,
            Err(error) => {
                let mut answer = Response::new(Either::Right(Full::from(format!("{error:#}"))));
                *answer.status_mut() = StatusCode::BAD_GATEWAY;
                answer
            }
        })
    }

    async fn pass(&self, request: Request<Incoming>) -> anyhow::Result<Answer> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(self.upstream.clone());
        uri.path_and_query = Some(path);
        parts.uri = Uri::from_parts(uri)?;
        parts.headers.remove(CONNECTION);
        parts.headers.insert(HOST, HeaderValue::from_str(self.upstream.as_str())?);
        let body = if self.parse {
            if let Some(key) = parts.headers.get(AUTHORIZATION) {
                std::hint::black_box(Sha256::digest(key.as_bytes()));
            }
            let bytes = body.collect().await?.to_bytes();
            if !bytes.is_empty() {
                std::hint::black_box(serde_json::from_slice::<Question<'_>>(&bytes)?);
            }
            Either::Right(Full::new(bytes))
        } else {
            Either::Left(body)
        };
        let answer = self.client.request(Request::from_parts(parts, body)).await?;
        let (mut parts, body) = answer.into_parts();
        parts.headers.remove(CONNECTION);
        parts.headers.remove(TRANSFER_ENCODING);
        Ok(Response::from_parts(parts, Either::Left(Passed { body, reader: self.parse.then(Reader::default) })))
    }
}

/// The least that a gateway reads of a request.
#[derive(Deserialize)]
#[allow(dead_code, reason = "read to measure what reading costs")]
struct Question<'a> {
    #[serde(borrow)]
    model: std::borrow::Cow<'a, str>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(borrow, default)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read to measure what reading costs")]
struct Message<'a> {
    #[serde(borrow)]
    role: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    content: Option<std::borrow::Cow<'a, str>>,
}

/// The least that a gateway reads of an event.
#[derive(Deserialize)]
#[allow(dead_code, reason = "read to measure what reading costs")]
struct Event<'a> {
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
    #[serde(default)]
    usage: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read to measure what reading costs")]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read to measure what reading costs")]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<std::borrow::Cow<'a, str>>,
}

/// A body on its way to the client.
pub struct Passed {
    body: Incoming,
    reader: Option<Reader>,
}

#[derive(Default)]
struct Reader {
    rest: Vec<u8>,
}

impl Reader {
    fn push(&mut self, data: &[u8]) {
        let joined;
        let mut bytes = data;
        if !self.rest.is_empty() {
            self.rest.extend_from_slice(data);
            joined = std::mem::take(&mut self.rest);
            bytes = &joined;
        }
        while let Some(end) = memmem::find(bytes, b"\n\n") {
            if let Some(json) = bytes[..end].strip_prefix(b"data: ") {
                // `[DONE]` is no JSON; nothing depends on it here.
                let _ = std::hint::black_box(serde_json::from_slice::<Event<'_>>(json));
            }
            bytes = &bytes[end + 2..];
        }
        self.rest = bytes.to_vec();
    }
}

impl Body for Passed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let (Some(Ok(frame)), Some(reader)) = (&frame, &mut self.reader)
            && let Some(data) = frame.data_ref()
        {
            reader.push(data);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

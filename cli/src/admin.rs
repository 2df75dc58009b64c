//! SQL over HTTP for who has the admin key: `POST /sql` with the statement as the body, JSON lines back.
//! Every other path, and every other key, is refused.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use weir_sql::Session;

/// A statement is text by a person or a program; the guard behind allows as much.
const MAX_STATEMENT_BYTES: usize = 64 * 1024;
/// Rows of one answer, which is held in memory; `weir sql` has no such limit.
const MAX_ROWS: u64 = 10_000;
/// At the end, for answers that are under way; a client that does not read must not keep the process.
const STOP_WAIT: Duration = Duration::from_secs(5);
/// Queries at a time; the machine also serves requests.
const MAX_QUERIES: usize = 2;

pub(crate) struct Admin {
    pub(crate) addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

struct Shared {
    key: [u8; 32],
    session: Session,
    queries: Semaphore,
}

pub(crate) async fn start(listen: SocketAddr, key: String, audit_dir: PathBuf) -> anyhow::Result<Admin> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("listen on {listen} for the admin"))?;
    let addr = listener.local_addr()?;
    // Its threads are started once; each query sees the newest tables all the same.
    let session = Session::open(&audit_dir)?;
    let shared = Shared { key: Sha256::digest(key.as_bytes()).into(), session, queries: Semaphore::new(MAX_QUERIES) };
    let router = Router::new()
        .route("/sql", post(sql))
        .layer(DefaultBodyLimit::max(MAX_STATEMENT_BYTES))
        .with_state(Arc::new(shared));
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let serve = axum::serve(listener, router).with_graceful_shutdown(async {
            // An error says that the other side is gone, which is as good as the signal.
            let _ = stopped.await;
        });
        if let Err(error) = serve.await {
            tracing::error!(%error, "the admin listener ended");
        }
    });
    Ok(Admin { addr, stop, task })
}

impl Admin {
    pub(crate) async fn stop(mut self) {
        // Whoever ended already needs no signal.
        let _ = self.stop.send(());
        if tokio::time::timeout(STOP_WAIT, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

async fn sql(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let presented = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    // Digests are compared, so that the time taken tells nothing of the key.
    let allowed = presented.is_some_and(|key| <[u8; 32]>::from(Sha256::digest(key.as_bytes())) == shared.key);
    if !allowed {
        return (StatusCode::UNAUTHORIZED, "the admin key is needed: Authorization: Bearer KEY\n").into_response();
    }
    let Ok(statement) = std::str::from_utf8(&body) else {
        return (StatusCode::BAD_REQUEST, "the statement is not UTF-8\n").into_response();
    };
    let Ok(_permit) = shared.queries.try_acquire() else {
        let retry = [(header::RETRY_AFTER, "1")];
        return (StatusCode::TOO_MANY_REQUESTS, retry, "too many queries at a time\n").into_response();
    };
    match answer(&shared.session, statement).await {
        Ok(lines) => ([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error:#}\n")).into_response(),
    }
}

async fn answer(session: &Session, statement: &str) -> anyhow::Result<Vec<u8>> {
    let limits = weir_sql::Limits { rows: Some(MAX_ROWS), ..weir_sql::Limits::default() };
    let mut query = session.query(statement, &limits).await?;
    let mut lines = Vec::new();
    let mut out = weir_sql::output::Jsonl::new(&mut lines, query.schema());
    while let Some(batch) = query.next().await {
        out.batch(&batch?)?;
    }
    out.finish()?;
    Ok(lines)
}

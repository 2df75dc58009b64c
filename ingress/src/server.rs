//! Listening, and the end of it.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::ingress::Ingress;
use crate::routes;
use crate::stall::StallGuard;

/// More are not accepted until one ends.
const MAX_CONNECTIONS: usize = 16 * 1024;
/// After a failed accept (no descriptors left), before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A client that reads nothing for so long is gone.
const WRITE_STALL: Duration = Duration::from_secs(60);

/// Accepts until `stop` rings or its sender goes; then lets the connections end, at most so long as configured.
pub(crate) async fn serve(ingress: Arc<Ingress>, listener: TcpListener, mut stop: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    // Goes before the connections do: what they drop is dropped by Weir, not by its clients.
    let cut = Cut(ingress.clone());
    let mut http = http1::Builder::new();
    // The timeout also ends idle connections; the official SDKs let go of theirs sooner.
    http.timer(TokioTimer::new()).header_read_timeout(ingress.config.header_timeout);
    loop {
        tokio::select! {
            biased;
            _ = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((socket, _)) => {
                    let served = graceful.watch(http.serve_connection(
                        TokioIo::new(prepared(socket)),
                        service(ingress.clone()),
                    ));
                    let open = ingress.metrics.connections.clone();
                    connections.spawn(async move {
                        open.inc();
                        if let Err(error) = served.await {
                            tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
                        }
                        open.dec();
                    });
                }
                Err(error) => {
                    if !matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) {
                        tracing::warn!(error = &error as &dyn std::error::Error, "cannot accept");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            },
        }
    }
    drop(listener);
    ingress.draining.store(true, Ordering::Relaxed);
    if tokio::time::timeout(ingress.config.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were still open when the time to end was over");
    }
    drop(cut);
    connections.shutdown().await;
}

/// Tells calls that end from now on that it is not their clients who leave.
struct Cut(Arc<Ingress>);

impl Drop for Cut {
    fn drop(&mut self) {
        self.0.cut.store(true, Ordering::Relaxed);
    }
}

fn prepared(socket: TcpStream) -> StallGuard<TcpStream> {
    // Without it the kernel holds small events back; a socket that refuses is slow, not wrong.
    let _ = socket.set_nodelay(true);
    StallGuard::new(socket, WRITE_STALL)
}

fn service(
    ingress: Arc<Ingress>,
) -> impl hyper::service::Service<
    http::Request<hyper::body::Incoming>,
    Response = http::Response<crate::body::Body>,
    Error = Infallible,
    Future: Send,
> {
    service_fn(move |request| {
        let ingress = ingress.clone();
        async move { Ok(routes::serve(ingress, request).await) }
    })
}

//! Listening, and the end of it.

use std::convert::Infallible;
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::error::Error;
use crate::journal::Journal;
use crate::options::Options;
use crate::respond::Provider;

/// After a failed accept (no descriptors left), before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running provider. Dropping it stops it.
#[derive(Debug)]
pub struct Simulator {
    addr: SocketAddr,
    journal: Journal,
    stop: Option<oneshot::Sender<Infallible>>,
    serving: JoinHandle<()>,
}

impl Simulator {
    /// Listens on `addr` (port 0: any free one; see [`addr`](Self::addr)) and serves within the current runtime.
    pub async fn start(addr: SocketAddr, options: Options) -> Result<Self, Error> {
        let failed = |source| Error::Listen { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let file = match &options.journal_file {
            None => None,
            Some(path) => {
                let opened = OpenOptions::new().create(true).append(true).open(path);
                Some(opened.map_err(|source| Error::JournalFile { path: path.clone(), source })?)
            }
        };
        let journal = Journal::new(options.journal_calls, options.journal_bytes, file);
        let max_connections = options.max_connections.max(1);
        let provider = Arc::new(Provider::new(options, journal.clone()));
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, provider, max_connections, stopped));
        Ok(Self { addr, journal, stop: Some(stop), serving })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What clients take as their base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// What happened; stays readable after the stop.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Stops listening and drops all connections; open calls end as cancelled.
    pub async fn stop(mut self) -> Journal {
        self.stop = None;
        // The task ends by itself; if it panicked there is nothing left to stop.
        let _ = (&mut self.serving).await;
        self.journal.clone()
    }
}

/// Serves until the sender of `stopped` is dropped.
async fn serve(
    listener: TcpListener,
    provider: Arc<Provider>,
    max_connections: usize,
    mut stopped: oneshot::Receiver<Infallible>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < max_connections => match accepted {
                Ok((socket, _)) => { connections.spawn(connection(socket, provider.clone())); }
                Err(error) => {
                    tracing::warn!(%error, "the simulator cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    connections.shutdown().await;
}

async fn connection(socket: TcpStream, provider: Arc<Provider>) {
    // Without it the kernel holds small events back.
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request| provider.clone().respond(request));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        // It would also end idle connections, just as a gateway picks one from its pool.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(socket), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the simulator ended early");
    }
}

//! The proxy: authenticate, inspect, admit, forward, observe, settle. The way of one request is `completions`.
//!
//! Invariants
//! - Outbox before socket: an event is appended to the local journal before the byte it tells of leaves the process.
//! - Every authenticated call of the completions endpoint leaves exactly one Request and one Outcome, however it ends.
//! - One path: a plain answer is a stream of one chunk. What is logged is what was sent.
//! - Destinations come from the configuration only, and a provider's key goes to that provider's origin only.
//!
//! Limits: a request is one event, so its body is at most [`MAX_EVENT_BODY_BYTES`], whatever `max_body_bytes` allows; a
//! plain answer is at most 32 MiB and is logged in chunks of 256 KiB; an event of a stream is at most 1 MiB.
//!
//! Not promised: events of calls that the audit itself had no room for: those are refused with 503 and counted. What kill -9
//! cuts off gets its Outcome at the next start (`recovery`); one that never starts again leaves requests without one.

mod body;
mod call;
mod completions;
mod error;
mod identity;
mod ingress;
mod inspect;
mod metrics;
mod models;
mod outbox;
mod quota;
mod recovery;
mod refusal;
mod registry;
mod relay;
mod respond;
mod routes;
mod server;
mod shipper;
mod stall;
mod upstream;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use weir_bus::Bus;
use weir_detect::Detector;
use weir_journal::{Cursor, Position};
use weir_policy::{IngressConfig, OutboxConfig, Snapshot};
use weir_schemas::{Codec, Timestamp};
use weir_telemetry::Metrics;

use crate::identity::Identity;
use crate::ingress::Ingress;
use crate::outbox::Outbox;
use crate::quota::{Listener, Quota, Teller};
use crate::shipper::Shipper;
use crate::upstream::Upstreams;

pub use error::Error;
pub use ingress::MAX_EVENT_BODY_BYTES;

/// For giving leases back at the end; what does not reach the log by then counts as spent.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// For shipping what the outbox holds at the end; what is left is shipped by the next start.
const SHIP_WAIT: Duration = Duration::from_secs(10);

/// What an ingress is made of.
pub struct Deps {
    pub config: IngressConfig,
    /// A folder of this ingress alone: its journal, its id, its boot epoch.
    pub outbox_dir: PathBuf,
    pub outbox: OutboxConfig,
    /// Swapped whole when the configuration changes; a request keeps the one that it began with.
    pub policy: Arc<ArcSwap<Snapshot>>,
    pub bus: Bus,
    pub codec: Codec,
    pub topic_prefix: String,
    pub detector: Detector,
    /// One registry for the stages of a process; `/metrics` serves it.
    pub metrics: Metrics,
}

/// A running ingress. Dropping it without [`Handle::drain`] stops it at once, as a crash would.
pub struct Handle {
    local_addr: SocketAddr,
    ingress: Arc<Ingress>,
    stop: Option<oneshot::Sender<()>>,
    /// What must not end, and why it did.
    tasks: JoinSet<Error>,
    server: Server,
    shipped: watch::Receiver<Position>,
}

/// The task that serves; gone with its handle.
struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Opens the outbox, binds the listener and begins to serve. The topics must exist: nothing is shipped until they do.
pub async fn start(deps: Deps) -> Result<Handle, Error> {
    let Deps { config, outbox_dir, outbox: outbox_config, policy, bus, codec, topic_prefix, detector, metrics } = deps;
    let metrics = Arc::new(metrics::Metrics::register(metrics)?);
    let made = |source| Error::File { action: "cannot create", path: outbox_dir.clone(), source };
    std::fs::create_dir_all(&outbox_dir).map_err(made)?;

    // The journal's lock guards the whole folder: the epoch must not rise under another process.
    let journal = outbox::open_journal(&outbox_dir, &outbox_config)?;
    let identity = Identity::begin(&outbox_dir, config.id.as_deref(), Timestamp::now())?;
    let cursor = Cursor::open(&outbox_dir.join("shipped"))?;
    if let Some(position) = cursor.position() {
        journal.advance_to(position)?;
    }
    let from = cursor.position().unwrap_or_default().max(journal.start());
    let (shipped_tx, shipped) = watch::channel(from);

    let at = config.listen;
    let failed = |source| Error::Listen { at, source };
    let listener = TcpListener::bind(at).await.map_err(failed)?;
    let local_addr = listener.local_addr().map_err(failed)?;

    let Identity { ingress: id, epoch, hmac_key } = identity;
    let quota = Arc::new(Quota::new(id.clone(), epoch));
    let outbox = Arc::new(Outbox::new(journal.clone(), &outbox_config, codec.clone(), id.clone(), epoch));
    let closed = recovery::close_left_open(&outbox, &codec)?;
    if closed > 0 {
        tracing::warn!(requests = closed, "closed the requests that the last end left open");
    }
    let max_body_bytes = config.max_body_bytes.min(MAX_EVENT_BODY_BYTES);
    tracing::info!(ingress = %id, boot_epoch = %epoch, %local_addr, max_body_bytes, "the ingress begins");
    let ingress = Arc::new(Ingress {
        max_body_bytes,
        config,
        policy,
        topic_prefix: topic_prefix.clone(),
        outbox: outbox.clone(),
        quota: quota.clone(),
        upstreams: Upstreams::new()?,
        detector,
        metrics: metrics.clone(),
        hmac_key,
        shipped: shipped.clone(),
        in_flight: Default::default(),
        draining: Default::default(),
        cut: Default::default(),
    });

    let mut tasks = JoinSet::new();
    let shipper = Shipper {
        bus: bus.clone(),
        outbox,
        cursor: Some(cursor),
        topic_prefix: topic_prefix.clone(),
        metrics: metrics.clone(),
        shipped: shipped_tx,
    };
    tasks.spawn(shipper.run());
    let listening = Listener {
        quota: quota.clone(),
        bus: bus.clone(),
        codec: codec.clone(),
        topic_prefix: topic_prefix.clone(),
        metrics: metrics.clone(),
    };
    tasks.spawn(async move {
        listening.run().await;
        Error::Stopped("reader of grants")
    });
    let telling = Teller { quota, bus, codec, topic_prefix, metrics };
    tasks.spawn(async move {
        telling.run().await;
        Error::Stopped("writer of intents")
    });
    let (stop, stopped) = oneshot::channel();
    let server = Server(tokio::spawn(server::serve(ingress.clone(), listener, stopped)));
    Ok(Handle { local_addr, ingress, stop: Some(stop), tasks, server, shipped })
}

impl Handle {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops accepting, waits for open streams (at most the configured time), gives leases back, ships what the outbox
    /// holds. What cannot be shipped now stays in the outbox for the next start.
    pub async fn drain(mut self) -> Result<(), Error> {
        self.ingress.draining.store(true, Ordering::Relaxed);
        // Not before it was asked to: [`Handle::failed`] may have told so, and a task can be waited for once.
        if self.server.0.is_finished() {
            return Err(Error::Stopped("server"));
        }
        drop(self.stop.take());
        if (&mut self.server.0).await.is_err() {
            return Err(Error::Stopped("server"));
        }
        self.ingress.quota.close(CLOSE_WAIT).await;
        let end = self.ingress.outbox.journal().end();
        match tokio::time::timeout(SHIP_WAIT, self.shipped.wait_for(|shipped| *shipped >= end)).await {
            Ok(_) => {}
            Err(_) => tracing::warn!("the outbox could not be shipped in time; the next start goes on from here"),
        }
        self.ingress.outbox.journal().sync()?;
        self.tasks.shutdown().await;
        Ok(())
    }

    /// Resolves when a part of the ingress has failed for good; pending for ever while all is well. Safe to drop.
    pub async fn failed(&mut self) -> Error {
        tokio::select! {
            ended = self.tasks.join_next() => match ended {
                Some(Ok(error)) => error,
                _ => Error::Stopped("background of the ingress"),
            },
            _ = &mut self.server.0 => Error::Stopped("server"),
        }
    }
}

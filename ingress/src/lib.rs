//! The proxy: authenticate, inspect, admit, forward, observe, settle. The way of one request is `completions`.
//!
//! Invariants
//! - Outbox before socket: an event is appended to the local journal before the byte it tells of leaves the process.
//! - Every authenticated call of the completions endpoint leaves exactly one Request and one Outcome, however it ends.
//! - One path: a plain answer is a stream of one chunk. What is logged is what was sent.
//! - Destinations come from the configuration only, and a provider's key goes to that provider's origin only.
//!
//! Not promised: an Outcome for what kill -9 cut off (a sweeper closes it from the log), and events of calls that the
//! audit itself had no room for: those are refused with 503 and counted.

mod error;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use weir_bus::Bus;
use weir_detect::Detector;
use weir_policy::{IngressConfig, OutboxConfig, Snapshot};
use weir_schemas::Codec;
use weir_telemetry::Metrics;

pub use error::Error;

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
}

/// Opens the outbox, binds the listener and begins to serve. The topics must exist.
pub async fn start(_deps: Deps) -> Result<Handle, Error> {
    unimplemented!()
}

impl Handle {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops accepting, waits for open streams (at most the configured time), ships what the outbox holds.
    pub async fn drain(self) -> Result<(), Error> {
        unimplemented!()
    }

    /// Resolves when a part of the ingress has failed for good; pending for ever while all is well.
    pub async fn failed(&mut self) -> Error {
        unimplemented!()
    }
}

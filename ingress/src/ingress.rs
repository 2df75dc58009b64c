//! What all requests of an ingress share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use weir_detect::Detector;
use weir_journal::Position;
use weir_policy::{IngressConfig, Snapshot};

use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::quota::Quota;
use crate::upstream::Upstreams;

/// Of the log's largest record, what a Request has besides its body: the findings, the ids, and what a dead letter adds.
const BESIDE_BODY_BYTES: usize = 256 * 1024;

/// The largest body of a request that fits into one event, whatever the configuration allows.
pub const MAX_EVENT_BODY_BYTES: usize = weir_bus::MAX_RECORD_BYTES - BESIDE_BODY_BYTES;

pub(crate) struct Ingress {
    pub(crate) config: IngressConfig,
    /// The smaller of what is configured and what fits into one event.
    pub(crate) max_body_bytes: usize,
    pub(crate) policy: Arc<ArcSwap<Snapshot>>,
    pub(crate) topic_prefix: String,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) quota: Arc<Quota>,
    pub(crate) upstreams: Upstreams,
    pub(crate) detector: Detector,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) hmac_key: [u8; 32],
    /// Up to where the log has the outbox.
    pub(crate) shipped: watch::Receiver<Position>,
    /// Calls that have begun and not ended.
    pub(crate) in_flight: AtomicUsize,
    /// No new calls.
    pub(crate) draining: AtomicBool,
    /// The time to end was over: what is dropped now is dropped by Weir, not by its clients.
    pub(crate) cut: AtomicBool,
}

impl Ingress {
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    pub(crate) fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed) && self.outbox.admits() && self.outbox.is_writable()
    }
}

//! What the ingress counts. Label sets are bounded: outcomes, kinds of recognizers, actions, codes of `refusal`.

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};
use weir_schemas::event::{Action, OutcomeKind};
use weir_telemetry::metrics::CALL_SECONDS;

use crate::error::Error;

pub(crate) struct Metrics {
    registry: weir_telemetry::Metrics,
    outcomes: IntCounterVec,
    findings: IntCounterVec,
    pub(crate) refused: IntCounterVec,
    pub(crate) in_flight: IntGauge,
    pub(crate) connections: IntGauge,
    pub(crate) chunks: IntCounter,
    pub(crate) chunk_bytes: IntCounter,
    pub(crate) lost_endings: IntCounter,
    pub(crate) over_reservation: IntCounter,
    pub(crate) seconds: Histogram,
    pub(crate) first_byte_seconds: Histogram,
    pub(crate) outbox_bytes: IntGauge,
    pub(crate) unshipped_bytes: IntGauge,
    pub(crate) shipper_restarts: IntCounter,
    pub(crate) shipper_refused: IntCounter,
    pub(crate) quota_restarts: IntCounter,
    pub(crate) quota_undecodable: IntCounter,
}

impl Metrics {
    pub(crate) fn register(registry: weir_telemetry::Metrics) -> Result<Self, Error> {
        let m = &registry;
        let histogram =
            |name, help| m.histograms(name, help, &[], &CALL_SECONDS).map(|h| h.with_label_values::<&str>(&[]));
        Ok(Self {
            outcomes: m.counters("weir_ingress_requests_total", "Calls that ended, by outcome.", &["outcome"])?,
            findings: m.counters(
                "weir_ingress_findings_total",
                "What the inline guardrails saw, by kind and action.",
                &["kind", "action"],
            )?,
            refused: m.counters(
                "weir_ingress_refused_total",
                "Refusals that are no events: no or a wrong key, no room in the outbox, an unknown path.",
                &["code"],
            )?,
            in_flight: m.gauge("weir_ingress_in_flight", "Calls that have begun and not ended.")?,
            connections: m.gauge("weir_ingress_connections", "Open connections of clients.")?,
            chunks: m.counter("weir_ingress_chunks_total", "Chunks of answers in the log.")?,
            chunk_bytes: m.counter("weir_ingress_chunk_bytes_total", "Bytes of answers in the log.")?,
            lost_endings: m.counter(
                "weir_ingress_lost_endings_total",
                "Calls whose outcome the outbox did not take. Zero unless the disk failed.",
            )?,
            over_reservation: m.counter(
                "weir_ingress_over_reservation_total",
                "Calls that cost more than was set aside: the provider did not keep to its cap or price.",
            )?,
            seconds: histogram("weir_ingress_request_seconds", "From the head of a request to the end of its answer.")?,
            first_byte_seconds: histogram(
                "weir_ingress_first_byte_seconds",
                "From the head of a request to the first byte of its answer's body.",
            )?,
            outbox_bytes: m.gauge("weir_ingress_outbox_bytes", "Live bytes of the outbox.")?,
            unshipped_bytes: m
                .gauge("weir_ingress_unshipped_bytes", "Bytes of the outbox that the log has not acknowledged.")?,
            shipper_restarts: m.counter("weir_ingress_shipper_restarts_total", "Producers that had to be reopened.")?,
            shipper_refused: m.counter(
                "weir_ingress_shipper_refused_total",
                "Tries at events that the log does not take, such as of a missing topic.",
            )?,
            quota_restarts: m
                .counter("weir_ingress_quota_restarts_total", "Times that quota lost and regained the log.")?,
            quota_undecodable: m.counter(
                "weir_ingress_quota_undecodable_total",
                "Entries of the grants that could not be read and were passed over.",
            )?,
            registry,
        })
    }

    pub(crate) fn outcome(&self, kind: OutcomeKind) {
        self.outcomes.with_label_values(&[kind.as_str()]).inc();
    }

    pub(crate) fn finding(&self, kind: &str, action: Action) {
        self.findings.with_label_values(&[kind, action.as_str()]).inc();
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        Ok(self.registry.encode()?)
    }
}

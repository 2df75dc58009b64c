//! What the processors count. One [`Metrics`] serves all processors of a process.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::error::Error;

/// Counters by processor. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    pub(crate) processed: IntCounterVec,
    pub(crate) produced: IntCounterVec,
    pub(crate) dead_lettered: IntCounterVec,
    pub(crate) restarts: IntCounterVec,
    pub(crate) lag: IntGaugeVec,
    pub(crate) evicted: IntCounterVec,
    pub(crate) claims: IntCounterVec,
    pub(crate) lost_claims: IntCounterVec,
    pub(crate) answers: IntCounterVec,
}

impl Metrics {
    /// Makes the metrics and registers them.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, Error> {
            let made = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(made.clone()))?;
            Ok(made)
        };
        let lag = Opts::new("weir_processor_lag_records", "records of the partition that are still to be read");
        let lag = IntGaugeVec::new(lag, &["processor", "topic", "partition"])?;
        registry.register(Box::new(lag.clone()))?;
        Ok(Self {
            processed: counter("weir_processor_records_total", "records read and judged", &["processor", "topic"])?,
            produced: counter("weir_processor_events_total", "events written", &["processor"])?,
            dead_lettered: counter(
                "weir_processor_dead_letters_total",
                "records that could not be used and went to the dead letters",
                &["processor", "topic"],
            )?,
            restarts: counter(
                "weir_processor_restarts_total",
                "times that the processor began anew from its last commit",
                &["processor"],
            )?,
            lag,
            evicted: counter(
                "weir_dlp_evicted_requests_total",
                "open answers whose text was dropped before their end, by the bound that was met",
                &["bound"],
            )?,
            claims: counter("weir_quota_claims_total", "partitions of the ledger that were claimed", &["partition"])?,
            lost_claims: counter(
                "weir_quota_lost_claims_total",
                "claims that ended because another process claimed the partition",
                &["partition"],
            )?,
            answers: counter("weir_quota_answers_total", "ledger entries written, by kind", &["kind"])?,
        })
    }
}

//! What the processors count.

use std::sync::LazyLock;

use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::error::Error;

/// Counters by processor. Cheap to clone.
///
/// The processors of a process share them, whichever of them made it: a process counts as one.
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

static OF_THIS_PROCESS: LazyLock<Metrics> =
    LazyLock::new(|| Metrics::make().expect("names and labels are constants: a test makes them"));

impl Metrics {
    /// The metrics of this process, shown by `registry` too from now on.
    pub fn new(registry: &Registry) -> Result<Self, Error> {
        let metrics = OF_THIS_PROCESS.clone();
        for collector in metrics.collectors() {
            match registry.register(collector) {
                // Another processor of this process was here first.
                Ok(()) | Err(prometheus::Error::AlreadyReg) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(metrics)
    }

    fn collectors(&self) -> Vec<Box<dyn Collector>> {
        let counters = [
            &self.processed,
            &self.produced,
            &self.dead_lettered,
            &self.restarts,
            &self.evicted,
            &self.claims,
            &self.lost_claims,
            &self.answers,
        ];
        let counters = counters.map(|counter| Box::new(counter.clone()) as Box<dyn Collector>);
        counters.into_iter().chain([Box::new(self.lag.clone()) as Box<dyn Collector>]).collect()
    }

    fn make() -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let lag = Opts::new("weir_processor_lag_records", "Records of the partition that are still to be read.");
        Ok(Self {
            processed: counter("weir_processor_records_total", "Records read and judged.", &["processor", "topic"])?,
            produced: counter("weir_processor_events_total", "Events written.", &["processor"])?,
            dead_lettered: counter(
                "weir_processor_dead_letters_total",
                "Records that could not be used and went to the dead letters.",
                &["processor", "topic"],
            )?,
            restarts: counter(
                "weir_processor_restarts_total",
                "Times that the processor began anew from its last commit.",
                &["processor"],
            )?,
            lag: IntGaugeVec::new(lag, &["processor", "topic", "partition"])?,
            evicted: counter(
                "weir_dlp_evicted_answers_total",
                "Open answers whose text was dropped before their end, by the bound that was met.",
                &["bound"],
            )?,
            claims: counter(
                "weir_quota_claims_total",
                "Claims of partitions of the ledger that were written.",
                &["partition"],
            )?,
            lost_claims: counter(
                "weir_quota_lost_claims_total",
                "Claims that ended because another process claimed the partition.",
                &["partition"],
            )?,
            answers: counter("weir_quota_answers_total", "Answers written to the ledger, by kind.", &["kind"])?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_processor_of_a_process_may_make_them() {
        let registry = Registry::new();
        Metrics::new(&registry).unwrap();
        let again = Metrics::new(&registry).unwrap();
        again.answers.with_label_values(&["a test"]).inc();
        assert!(registry.gather().iter().any(|family| family.name() == "weir_quota_answers_total"));
    }
}

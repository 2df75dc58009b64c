//! Prometheus metrics of one process, whatever stages run in it.
//!
//! Invariants
//! - Each name is registered once; a second registration is an error, never a second series.
//! - Label sets are bounded by their callers: a label is a team, a model of the config, an outcome. Never an id of a
//!   request, never text that a client chose.

use prometheus::core::Collector;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::error::Error;

/// The `Content-Type` of what [`Metrics::encode`] gives.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Seconds, for calls to a model: from what a cache answers in to a long reasoning answer.
pub const CALL_SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Seconds, for work inside a process: from microseconds to a stall.
pub const WORK_SECONDS: [f64; 12] = [2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2, 0.25, 1.0];

/// Cheap to clone; clones share the registry.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// A registry with the figures of the process (CPU, memory, descriptors, threads; Linux only) and `weir_build_info`,
    /// whose label `process` is `up`, `ingress`, `dlp` …
    pub fn new(process: &str) -> Result<Self, Error> {
        let metrics = Self::empty();
        #[cfg(target_os = "linux")]
        {
            let collector = prometheus::process_collector::ProcessCollector::for_self();
            metrics.registry.register(Box::new(collector)).map_err(|source| failed("process_*", source))?;
        }
        let info = metrics.gauges(
            "weir_build_info",
            "Always 1; the labels tell version and process.",
            &["version", "process"],
        )?;
        info.with_label_values(&[env!("CARGO_PKG_VERSION"), process]).set(1);
        Ok(metrics)
    }

    /// A registry with nothing in it: for tests, and for parts that run without `/metrics`.
    pub fn empty() -> Self {
        Self { registry: Registry::new() }
    }

    /// For collectors of one's own.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        let metric = IntCounter::new(name, help).map_err(|source| failed(name, source))?;
        self.add(name, metric)
    }

    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        let metric = IntCounterVec::new(Opts::new(name, help), labels).map_err(|source| failed(name, source))?;
        self.add(name, metric)
    }

    pub fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        let metric = IntGauge::new(name, help).map_err(|source| failed(name, source))?;
        self.add(name, metric)
    }

    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        let metric = IntGaugeVec::new(Opts::new(name, help), labels).map_err(|source| failed(name, source))?;
        self.add(name, metric)
    }

    /// With no labels, take the one child by `with_label_values(&[])`.
    pub fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> Result<HistogramVec, Error> {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let metric = HistogramVec::new(opts, labels).map_err(|source| failed(name, source))?;
        self.add(name, metric)
    }

    /// Everything in the text form that Prometheus reads.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::with_capacity(8 * 1024);
        TextEncoder::new().encode(&self.registry.gather(), &mut out).map_err(Error::Encode)?;
        Ok(out)
    }

    fn add<C: Collector + Clone + 'static>(&self, name: &str, metric: C) -> Result<C, Error> {
        self.registry.register(Box::new(metric.clone())).map_err(|source| failed(name, source))?;
        Ok(metric)
    }
}

fn failed(name: &str, source: prometheus::Error) -> Error {
    Error::Register { name: name.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metrics: &Metrics) -> String {
        String::from_utf8(metrics.encode().unwrap()).unwrap()
    }

    #[test]
    fn the_text_form_tells_the_process_and_what_was_counted() {
        let metrics = Metrics::new("ingress").unwrap();
        let outcomes = metrics.counters("weir_requests_total", "Requests by outcome.", &["outcome"]).unwrap();
        outcomes.with_label_values(&["completed"]).inc_by(3);
        let text = text(&metrics);
        assert!(text.contains("weir_requests_total{outcome=\"completed\"} 3\n"), "{text}");
        assert!(text.contains("process=\"ingress\""), "{text}");
        #[cfg(target_os = "linux")]
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }

    #[test]
    fn a_name_is_registered_once() {
        let metrics = Metrics::empty();
        metrics.gauge("weir_live", "Live requests.").unwrap();
        let second = metrics.gauge("weir_live", "Live requests.");
        assert!(matches!(second, Err(Error::Register { name, .. }) if name == "weir_live"));
    }

    #[test]
    fn histograms_count_into_their_buckets() {
        let metrics = Metrics::empty();
        let seconds = metrics.histograms("weir_seconds", "Time.", &[], &WORK_SECONDS).unwrap();
        seconds.with_label_values::<&str>(&[]).observe(0.003);
        let text = text(&metrics);
        assert!(text.contains("weir_seconds_bucket{le=\"0.002\"} 0\n"), "{text}");
        assert!(text.contains("weir_seconds_bucket{le=\"0.005\"} 1\n"), "{text}");
    }

    #[test]
    fn buckets_rise() {
        assert!(CALL_SECONDS.is_sorted() && WORK_SECONDS.is_sorted());
    }
}

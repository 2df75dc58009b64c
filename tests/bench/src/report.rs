//! What a run showed, as one JSON object.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::histogram::Summary;
use crate::load::{Job, Seen, Target};
use crate::process::Cpu;

/// Figures of one run. Times are in microseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub url: String,
    pub stream: bool,
    pub connections: usize,
    pub seconds: f64,
    /// Requests whose answer was right.
    pub ok: u64,
    /// Content chunks of streams; 1 for a plain answer.
    pub chunks: u64,
    /// Wrong answers by kind; they are in no other figure.
    pub errors: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    pub rps: f64,
    pub latency: Summary,
    pub ttft: Summary,
    pub gap: Summary,
    /// Processor time of the process tree over the requests that ended well, while the load ran.
    pub cpu_us_per_req: Option<f64>,
    pub cpu_us_per_chunk: Option<f64>,
    /// The same with what the process did after the load, until it was quiet.
    pub cpu_settled_us_per_req: Option<f64>,
    pub cpu_settled_us_per_chunk: Option<f64>,
    /// By thread name, per request.
    pub threads_us_per_req: BTreeMap<String, f64>,
    pub rss_peak_mb: Option<f64>,
    /// Cores that the load generator itself used.
    pub load_cores: f64,
}

impl Report {
    #[allow(clippy::too_many_arguments, reason = "called once, with everything a run measured")]
    pub(crate) fn new(
        target: &Target,
        job: &Job,
        seen: Seen,
        took: Duration,
        used: Option<Cpu>,
        settled: Option<Duration>,
        peak: Option<u64>,
        load: Duration,
    ) -> Self {
        let micros = |d: Duration| d.as_nanos() as f64 / 1000.0;
        let over = |d: Duration, n: u64| (n > 0).then(|| micros(d) / n as f64);
        let chunks = if job.stream { seen.chunks } else { 0 };
        let total = used.as_ref().map(|u| u.total);
        let threads = used.map(|u| u.threads).unwrap_or_default();
        let threads = threads.into_iter().filter_map(|(name, time)| Some((name, over(time, seen.ok)?)));
        Self {
            url: target.url.clone(),
            stream: job.stream,
            connections: job.connections,
            seconds: took.as_secs_f64(),
            ok: seen.ok,
            chunks: seen.chunks,
            errors: seen.faults,
            first_error: seen.first_fault,
            rps: seen.ok as f64 / took.as_secs_f64().max(1e-9),
            latency: seen.latency.summary(),
            ttft: seen.first.summary(),
            gap: seen.gap.summary(),
            cpu_us_per_req: total.and_then(|t| over(t, seen.ok)),
            cpu_us_per_chunk: total.and_then(|t| over(t, chunks)),
            cpu_settled_us_per_req: settled.and_then(|t| over(t, seen.ok)),
            cpu_settled_us_per_chunk: settled.and_then(|t| over(t, chunks)),
            threads_us_per_req: threads.filter(|(_, us)| *us >= 0.1).collect(),
            rss_peak_mb: peak.map(|bytes| bytes as f64 / f64::from(1 << 20)),
            load_cores: load.as_secs_f64() / took.as_secs_f64().max(1e-9),
        }
    }

    /// Answers that were not right.
    pub fn faults(&self) -> u64 {
        self.errors.values().sum()
    }
}

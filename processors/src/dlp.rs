//! What the recognizers see in the log: one `FindingsFound` for each request or chunk in which there is something.
//!
//! - Requests: what the ingress saw inline is taken over; the body as it was sent is scanned again, string by string.
//! - Chunks: the text of each channel of an answer (`choices/0/content` …) is put together from the stream and scanned
//!   as one, so that a value that is cut across chunks is found; the finding belongs to the chunk that completes it.
//! - A finding that both saw is told once, as the ingress told it.
//!
//! The state of an open answer is its channels' undecided ends. It is bounded (`config::Limits`); the group's offset
//! stays at the first chunk of an open answer, so that a restart rebuilds it. What was undecided when an answer is
//! dropped by a bound, or when its last chunk never comes, is not found; later chunks of it are scanned as a new text.
//! Bounds are measured on the log alone, so that a replay comes to the same.

mod channels;
mod config;
mod request;
mod state;
mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use weir_bus::{Delivery, TopicPartition};
use weir_detect::Detector;
use weir_policy::Snapshot;
use weir_schemas::{Chunk, Codec, FindingsFound, Partition, Request, Topic, TopicName};

use crate::handle::{Deps, Kind};
use crate::metrics::Metrics;
use crate::runtime::{Poison, Processor, Stepped, value};
use config::Limits;
use state::OpenAnswers;

pub(crate) struct DlpProcessor {
    codec: Codec,
    detector: Detector,
    metrics: Metrics,
    requests: TopicName,
    /// By partition of the chunks.
    open: BTreeMap<Partition, OpenAnswers>,
    limits: Limits,
}

pub(crate) fn make(deps: &Deps) -> DlpProcessor {
    DlpProcessor {
        codec: deps.codec.clone(),
        detector: deps.detector.clone(),
        metrics: deps.metrics.clone(),
        requests: Topic::Requests.name(&deps.topic_prefix),
        open: BTreeMap::new(),
        limits: Limits::default(),
    }
}

impl Processor for DlpProcessor {
    const KIND: Kind = Kind::Dlp;
    const HEAVY: bool = true;
    type Out = FindingsFound;

    fn inputs() -> &'static [Topic] {
        &[Topic::Requests, Topic::Chunks]
    }

    fn forget(&mut self, at: &TopicPartition) {
        if at.topic != self.requests {
            self.open.remove(&at.partition);
        }
    }

    fn step(&mut self, delivery: &Delivery, policy: &Snapshot) -> Result<Stepped<FindingsFound>, Poison> {
        if delivery.topic == self.requests {
            let request: Request = self.codec.decode(value(delivery)?)?;
            return Ok(Stepped::done(step::of_request(&request, &self.detector, &policy.guardrails)));
        }
        let chunk: Chunk = self.codec.decode(value(delivery)?)?;
        let open = self.open.entry(delivery.partition).or_insert_with(|| OpenAnswers::new(self.limits));
        let seen = open.chunk(&chunk, delivery.offset, delivery.appended, &self.detector, &policy.guardrails);
        for bound in seen.evicted {
            self.metrics.evicted.with_label_values(&[bound.as_str()]).inc();
        }
        let out = step::event(&chunk.header, Topic::Chunks, seen.findings);
        Ok(Stepped::Done { out, hold: seen.hold, releases: seen.releases })
    }
}

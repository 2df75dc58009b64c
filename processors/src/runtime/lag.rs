//! How far behind the end of the log each partition of ours is, as a gauge.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use weir_bus::{Bus, TopicPartition};
use weir_schemas::Offset;

use crate::handle::{Deps, Kind};
use crate::metrics::Metrics;

/// The log is asked for its ends so often.
const INTERVAL: Duration = Duration::from_secs(5);

type Positions = Arc<Mutex<BTreeMap<TopicPartition, Offset>>>;

/// Dropping it ends the watch and takes the gauges away.
pub(super) struct Lag {
    kind: Kind,
    metrics: Metrics,
    positions: Positions,
    task: JoinHandle<()>,
}

impl Lag {
    pub(super) fn watch(kind: Kind, deps: &Deps) -> Self {
        let positions = Positions::default();
        let task = tokio::spawn(poll(kind, deps.bus.clone(), deps.metrics.clone(), positions.clone()));
        Self { kind, metrics: deps.metrics.clone(), positions, task }
    }

    /// Everything before `next` was read.
    pub(super) fn read(&self, at: &TopicPartition, next: Offset) {
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        match positions.get_mut(at) {
            Some(position) => *position = next,
            None => drop(positions.insert(at.clone(), next)),
        }
    }

    pub(super) fn forget(&self, at: &TopicPartition) {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).remove(at);
        let partition = at.partition.to_string();
        // It has no gauge where it was never read.
        let _ = self.metrics.lag.remove_label_values(&[self.kind.as_str(), at.topic.as_str(), &partition]);
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.task.abort();
        let known: Vec<_> = self.positions.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        known.iter().for_each(|at| self.forget(at));
    }
}

async fn poll(kind: Kind, bus: Bus, metrics: Metrics, positions: Positions) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let known: Vec<_> = positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(at, next)| (at.clone(), *next))
            .collect();
        for (at, next) in known {
            // A log that is away now answers the next time.
            let Ok((_, end)) = bus.offsets(&at).await else { continue };
            let partition = at.partition.to_string();
            let gauge = metrics.lag.with_label_values(&[kind.as_str(), at.topic.as_str(), &partition]);
            gauge.set((end.0 - next.0).max(0));
        }
    }
}

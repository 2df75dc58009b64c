//! The grantor of budgets: intents in, entries of the ledger out (P3).
//!
//! - Who owns a partition of the intents owns the budgets in it, and the partition of the same number of the grants is
//!   their ledger. State is the fold of that ledger; the group's offsets are not trusted.
//! - Taking over: fold the ledger to its end, append a claim of the next epoch, fold on to this claim, then answer
//!   intents from where the ledger says that answers end. The log's order decides races (`weir_quota::Fence`).
//! - While it owns, it reads the ledger back: a later claim of another process ends its answers. As long as the group
//!   still gives it the partition, it claims again after a pause; where two insist, the log still has one owner at any
//!   place, and the pauses grow.
//! - Answers are applied when they are enqueued, not when they are acknowledged: a producer keeps order, so what follows
//!   an entry stands behind it in the log. A producer that loses order ends the session, and its state.
//! - The window's clock is the intent's log-append time. Budgets come from the policy as it is when the intent is read.
//!
//! Fails closed: a ledger with an entry of an unknown schema is not claimed (its grants could be granted twice), an
//! intent in a partition that its budget does not belong to is a dead letter, and a changed partition count is an error.
//! Not promised: that an intent which could not be used is a dead letter only once.

mod config;
mod state;
mod step;
mod take_over;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio::time::Instant;
use weir_bus::{Bus, Delivery, Producer, TopicPartition};
use weir_policy::Snapshot;
use weir_schemas::{Codec, Intent, Offset, Partition, QuotaEntry, Topic};

use crate::handle::{Deps, Kind};
use crate::metrics::Metrics;
use crate::runtime::{Poison, Processor, Stepped, Stop, value};
use config::{CALM, FIRST_PAUSE, LAST_PAUSE};
use state::{Budgets, Owned};
use watch::{Notice, Watch};

/// What taking over and watching need of the process.
#[derive(Clone)]
pub(crate) struct Rim {
    bus: Bus,
    codec: Codec,
    prefix: String,
    instance: String,
    metrics: Metrics,
}

pub(crate) struct QuotaProcessor {
    rim: Rim,
    owned: BTreeMap<Partition, Owned>,
    budgets: Budgets,
    watches: Vec<Watch>,
    notify: mpsc::Sender<Notice>,
    notices: mpsc::Receiver<Notice>,
    /// Partitions that the group gives us and that we do not own: when to claim them.
    due: BTreeMap<Partition, Instant>,
    losses: BTreeMap<Partition, (u32, Instant)>,
}

pub(crate) fn make(deps: &Deps) -> QuotaProcessor {
    let (notify, notices) = mpsc::channel(config::MAX_NOTICES);
    QuotaProcessor {
        rim: Rim {
            bus: deps.bus.clone(),
            codec: deps.codec.clone(),
            prefix: deps.topic_prefix.clone(),
            instance: deps.instance.clone(),
            metrics: deps.metrics.clone(),
        },
        owned: BTreeMap::new(),
        budgets: Budgets::default(),
        watches: Vec::new(),
        notify,
        notices,
        due: BTreeMap::new(),
        losses: BTreeMap::new(),
    }
}

impl Rim {
    fn intents(&self, partition: Partition) -> TopicPartition {
        TopicPartition { topic: Topic::QuotaIntents.name(&self.prefix), partition }
    }

    fn grants(&self, partition: Partition) -> TopicPartition {
        TopicPartition { topic: Topic::QuotaGrants.name(&self.prefix), partition }
    }
}

impl Processor for QuotaProcessor {
    const KIND: Kind = Kind::Quota;
    // Microseconds: a hop to another thread would cost a waiting call more.
    const HEAVY: bool = false;
    type Out = QuotaEntry;

    fn inputs() -> &'static [Topic] {
        &[Topic::QuotaIntents]
    }

    async fn take_over(
        &mut self,
        producer: &Producer,
        partitions: &[TopicPartition],
    ) -> Result<Vec<(TopicPartition, Offset)>, Stop> {
        let numbers: Vec<Partition> = partitions.iter().map(|at| at.partition).collect();
        let taken = take_over::claim(&self.rim, producer, &numbers).await?;
        let mut seeks = Vec::with_capacity(taken.owned.len());
        for (owned, answered_to) in taken.owned {
            let partition = owned.partition();
            self.due.remove(&partition);
            seeks.push((self.rim.intents(partition), answered_to));
            self.owned.insert(partition, owned);
        }
        for (partition, why) in taken.refused {
            tracing::error!(
                partition = partition.0,
                why,
                "ledger cannot be taken over; its budgets are not granted from"
            );
            self.pause(partition);
        }
        if let Some(readers) = taken.readers {
            self.watches.push(Watch::start(&self.rim, readers, self.notify.clone()));
        }
        Ok(seeks)
    }

    async fn lost(&mut self) -> Vec<TopicPartition> {
        loop {
            let next = self.due.values().min().copied();
            let due = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(notice) = self.notices.recv() => self.noticed(&notice),
                () = due => {
                    let now = Instant::now();
                    let due = self.due.iter().filter(|(_, at)| **at <= now);
                    return due.map(|(partition, _)| self.rim.intents(*partition)).collect();
                }
            }
        }
    }

    fn forget(&mut self, at: &TopicPartition) {
        self.owned.remove(&at.partition);
        self.due.remove(&at.partition);
        self.watches.retain_mut(|watch| watch.drop_partition(at.partition));
    }

    fn step(&mut self, delivery: &Delivery, policy: &Snapshot) -> Result<Stepped<QuotaEntry>, Poison> {
        let Some(owned) = self.owned.get_mut(&delivery.partition) else { return Ok(Stepped::Left) };
        if owned.has_answered(delivery.offset) {
            return Ok(Stepped::done(None));
        }
        let intent: Intent = self.rim.codec.decode(value(delivery)?)?;
        let budget = self.budgets.of(policy, &intent.budget_id);
        let entry = step::answer(owned, &intent, budget, delivery.offset, delivery.appended)?;
        if let Some(entry) = &entry {
            self.rim.metrics.answers.with_label_values(&[step::kind(&entry.record)]).inc();
        }
        Ok(Stepped::done(entry))
    }
}

impl QuotaProcessor {
    fn noticed(&mut self, notice: &Notice) {
        let is_current = self.owned.get(&notice.partition).is_some_and(|owned| owned.claim().nonce == notice.nonce);
        if !is_current {
            return;
        }
        let partition = notice.partition;
        tracing::warn!(partition = partition.0, why = notice.why, "no longer the owner of the ledger");
        self.rim.metrics.lost_claims.with_label_values(&[&partition.to_string()]).inc();
        self.owned.remove(&partition);
        self.pause(partition);
    }

    /// Claims again after a pause, which doubles while losses come close upon each other.
    fn pause(&mut self, partition: Partition) {
        let now = Instant::now();
        let (count, last) = self.losses.get(&partition).copied().unwrap_or((0, now));
        let count = if now.duration_since(last) > CALM { 0 } else { count };
        let pause = FIRST_PAUSE.saturating_mul(1 << count.min(8)).min(LAST_PAUSE);
        self.losses.insert(partition, (count.saturating_add(1), now));
        self.due.insert(partition, now + pause.mul_f64(config::jitter()));
    }
}

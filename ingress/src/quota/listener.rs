//! Feeds the wallet with the grants' log, every partition from its start: who folds less could take a deposed grantor's word.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use weir_bus::{Bus, Start, TopicPartition};
use weir_schemas::{Codec, Offset, Partition, QuotaEntry, Topic};

use super::Quota;
use crate::metrics::Metrics;

const RETRY: Duration = Duration::from_millis(250);

pub(crate) struct Listener {
    pub(crate) quota: Arc<Quota>,
    pub(crate) bus: Bus,
    pub(crate) codec: Codec,
    pub(crate) topic_prefix: String,
    pub(crate) metrics: Arc<Metrics>,
}

impl Listener {
    /// Runs for ever.
    pub(crate) async fn run(self) {
        let mut next: HashMap<Partition, Offset> = HashMap::new();
        loop {
            let error = self.listen(&mut next).await;
            if let weir_bus::Error::OffsetGone { partition, .. } = &error {
                next.remove(partition);
            }
            self.metrics.quota_restarts.inc();
            tracing::warn!(error = &error as &dyn std::error::Error, "grants of budgets cannot be read; trying again");
            sleep(RETRY).await;
        }
    }

    /// Reads until the log fails; goes on at `next`.
    async fn listen(&self, next: &mut HashMap<Partition, Offset>) -> weir_bus::Error {
        let topic = Topic::QuotaGrants.name(&self.topic_prefix);
        let partitions = match self.bus.partitions(&topic).await {
            Ok(partitions) => partitions,
            Err(error) => return error,
        };
        let from = (0..partitions).map(Partition).map(|partition| {
            let start = next.get(&partition).map_or(Start::Earliest, |offset| Start::At(*offset));
            (TopicPartition { topic: topic.clone(), partition }, start)
        });
        let mut reader = match self.bus.reader(from.collect()) {
            Ok(reader) => reader,
            Err(error) => return error,
        };
        // Of these an entry cannot be read. It may be a claim, after which the grants of the one before are void: nothing
        // after it is believed. Leases run out, and the budgets of the partition fail closed, as with the grantor.
        let mut unreadable: HashSet<Partition> = HashSet::new();
        loop {
            let deliveries = match reader.next().await {
                Ok(deliveries) => deliveries,
                Err(error) => return error,
            };
            for delivery in deliveries {
                if unreadable.contains(&delivery.partition) {
                    continue;
                }
                match weir_bus::typed::decode::<QuotaEntry>(&self.codec, &delivery) {
                    Ok(entry) => self.quota.observe(&entry),
                    Err(error) => {
                        self.metrics.quota_undecodable.inc();
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            partition = %delivery.partition,
                            offset = %delivery.offset,
                            "an entry of the quota ledger cannot be read; budgets of its partition get no more leases here"
                        );
                        unreadable.insert(delivery.partition);
                        continue;
                    }
                }
                next.insert(delivery.partition, delivery.offset.next());
            }
            self.quota.granted.notify_waiters();
        }
    }
}

//! Carries intents to the log, in order, each until it is acknowledged.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};
use weir_bus::{Ack, Bus, Producer, Record};
use weir_schemas::Codec;
use weir_schemas::event::Intent;

use super::Quota;
use crate::metrics::Metrics;

const TICK: Duration = Duration::from_millis(200);
const RETRY: Duration = Duration::from_millis(100);

pub(crate) struct Teller {
    pub(crate) quota: Arc<Quota>,
    pub(crate) bus: Bus,
    pub(crate) codec: Codec,
    pub(crate) topic_prefix: String,
    pub(crate) metrics: Arc<Metrics>,
}

impl Teller {
    /// Runs for ever.
    pub(crate) async fn run(self) {
        let mut unsent: VecDeque<Record> = VecDeque::new();
        loop {
            let error = match self.bus.producer() {
                Ok(producer) => self.tell(&producer, &mut unsent).await,
                Err(error) => error,
            };
            self.metrics.quota_restarts.inc();
            tracing::warn!(error = &error as &dyn std::error::Error, "intents of budgets cannot be sent; trying again");
            sleep(RETRY).await;
        }
    }

    /// Tells until the producer fails; what is not acknowledged is then in `unsent`, in order.
    async fn tell(&self, producer: &Producer, unsent: &mut VecDeque<Record>) -> weir_bus::Error {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut under_way: VecDeque<(Record, Ack)> = VecDeque::new();
        let error = loop {
            self.collect(unsent);
            if let Err(error) = send_all(producer, unsent, &mut under_way) {
                break error;
            }
            tokio::select! {
                acked = async { (&mut under_way.front_mut().expect("the branch needs one").1).await }, if !under_way.is_empty() => {
                    if let Err(error) = acked {
                        break error;
                    }
                    under_way.pop_front();
                    self.acknowledged();
                }
                () = self.quota.outgoing.notified() => {}
                _ = ticks.tick() => self.quota.tick(),
            }
        };
        // Repeats are known by their ids: the grantor answers each intent once.
        for (record, _) in under_way.into_iter().rev() {
            unsent.push_front(record);
        }
        error
    }

    /// Takes what the wallet made.
    fn collect(&self, unsent: &mut VecDeque<Record>) {
        let intents: Vec<Intent> = {
            let mut desk = self.quota.desk();
            desk.under_way += desk.outgoing.len();
            desk.outgoing.drain(..).collect()
        };
        for intent in intents {
            match weir_bus::typed::record(&self.codec, &self.topic_prefix, &intent) {
                Ok(record) => unsent.push_back(record),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "an intent does not encode");
                    self.acknowledged();
                }
            }
        }
    }

    fn acknowledged(&self) {
        self.quota.desk().under_way -= 1;
        self.quota.delivered.notify_waiters();
    }
}

/// Sends until the queue is full; the rest goes with the next tick.
fn send_all(
    producer: &Producer,
    unsent: &mut VecDeque<Record>,
    under_way: &mut VecDeque<(Record, Ack)>,
) -> Result<(), weir_bus::Error> {
    while let Some(record) = unsent.front() {
        match producer.send(record.clone()) {
            Ok(ack) => {
                under_way.push_back((record.clone(), ack));
                unsent.pop_front();
            }
            Err(weir_bus::Error::QueueFull | weir_bus::Error::Unavailable(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

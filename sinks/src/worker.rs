//! The rim of one table: its consumer, its timers, its rebalances. It never gives up: after an error it pauses, and goes on from the
//! table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::{sleep, timeout};
use weir_bus::{Bus, Consumer, Delivery, Next, Producer, RevokeGuard, TopicPartition};
use weir_schemas::{Offset, Partition, TopicName};
use weir_telemetry::Drain;

use crate::error::Error;
use crate::intake::Turn;
use crate::settings::{BACKOFF, DRAIN_GRACE, LAG_EVERY, REVOKE_GRACE};
use crate::table_sink::{DeadLetters, Flushed, Parts, TableSink};

pub(crate) struct Worker {
    pub(crate) bus: Bus,
    pub(crate) group: String,
    pub(crate) drain: Drain,
    pub(crate) parts: Parts,
}

/// A growing pause between attempts.
struct Backoff(Duration);

impl Backoff {
    fn new() -> Self {
        Self(BACKOFF.0)
    }

    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(BACKOFF.1);
        pause
    }
}

/// Why a round ended.
enum Ended {
    Drained,
    /// Join the group anew, and go on from the table.
    Again(Error),
}

impl Worker {
    pub(crate) async fn run(self) -> Result<(), Error> {
        let mut backoff = Backoff::new();
        loop {
            let joined = Instant::now();
            let error = match self.round().await {
                Ended::Drained => {
                    self.parts.metrics.up.set(0);
                    return Ok(());
                }
                Ended::Again(error) => error,
            };
            self.parts.metrics.up.set(0);
            self.parts.metrics.failures.inc();
            if self.drain.is_triggered() {
                return Err(error);
            }
            let table = self.parts.table.name;
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(table, %error, cause, "the table is not written now; trying again");
            if joined.elapsed() > BACKOFF.1 * 2 {
                backoff = Backoff::new();
            }
            tokio::select! {
                () = sleep(backoff.next()) => {}
                () = self.drain.triggered() => return Err(error),
            }
        }
    }

    /// Opens the table, then reads until something fails for good or the sink is drained.
    async fn round(&self) -> Ended {
        let sink = match TableSink::open(self.parts.clone()).await {
            Ok(sink) => sink,
            Err(error) => return Ended::Again(error),
        };
        // The table opens before the group is joined: a member that cannot write would only hold partitions back.
        let consumer = match self.bus.consumer(&self.group, std::slice::from_ref(&self.parts.topic)) {
            Ok(consumer) => consumer,
            Err(error) => return Ended::Again(error.into()),
        };
        self.parts.metrics.up.set(1);
        Round { worker: self, sink, consumer, ours: BTreeSet::new(), ends: None }.run().await
    }

    fn at(&self, partition: Partition) -> TopicPartition {
        TopicPartition { topic: self.parts.topic.clone(), partition }
    }
}

struct Round<'a> {
    worker: &'a Worker,
    sink: TableSink,
    consumer: Consumer,
    /// What the group gave us. The sink may know of less: it drops everything where another writer moved the table.
    ours: BTreeSet<TopicPartition>,
    /// Once draining: where the log ended, and how long the way there may take.
    ends: Option<(BTreeMap<Partition, Offset>, Instant)>,
}

impl Round<'_> {
    async fn run(mut self) -> Ended {
        match self.read().await {
            Ok(()) => Ended::Drained,
            Err(error) => Ended::Again(error),
        }
    }

    async fn read(&mut self) -> Result<(), Error> {
        let mut measure = Instant::now();
        loop {
            if self.sink.must_flush() || self.sink.due().is_some_and(|due| due <= Instant::now()) {
                self.flush().await?;
            }
            if self.worker.drain.is_triggered() && self.is_drained().await? {
                self.flush().await?;
                return Ok(());
            }
            if measure <= Instant::now() {
                self.measure_lag().await;
                measure = Instant::now() + LAG_EVERY;
            }
            let wake = self.sink.due().map_or(measure, |due| due.min(measure));
            let wake = self.ends.as_ref().map_or(wake, |(_, deadline)| wake.min(*deadline));
            let draining = self.ends.is_some();
            tokio::select! {
                () = tokio::time::sleep_until(wake.into()) => {}
                () = self.worker.drain.triggered(), if !draining => {}
                next = self.consumer.next() => match next {
                    Ok(Next::Assigned(partitions)) => {
                        self.ours.extend(partitions.iter().cloned());
                        self.assigned(&partitions).await?;
                    }
                    Ok(Next::Revoked(partitions, guard)) => self.revoked(&partitions, guard).await?,
                    Ok(Next::Records(deliveries)) => self.records(deliveries).await?,
                    Err(weir_bus::Error::Unavailable(what)) => {
                        tracing::warn!(table = self.worker.parts.table.name, what, "the log is unavailable");
                        self.pause(&mut Backoff::new()).await;
                    }
                    // Retention was faster: what is gone is counted, and reading goes on at what is there.
                    Err(weir_bus::Error::OffsetGone { .. }) => self.reassign().await?,
                    Err(error) => return Err(error.into()),
                },
            }
        }
    }

    async fn pause(&self, backoff: &mut Backoff) {
        tokio::select! {
            () = sleep(backoff.next()) => {}
            () = self.worker.drain.triggered() => sleep(BACKOFF.0).await,
        }
    }

    /// New partitions: each goes on where the table stands.
    async fn assigned(&mut self, partitions: &[TopicPartition]) -> Result<(), Error> {
        if partitions.is_empty() {
            return Ok(());
        }
        self.sink.refresh().await?;
        for at in partitions {
            let reached = self.sink.reached(at.partition).await?;
            let (first, end) = self.worker.bus.offsets(at).await?;
            let wanted = reached.map_or(Offset(0), Offset::next);
            if let Some(reached) = reached
                && wanted > end
            {
                let (topic, partition) = (at.topic.clone(), at.partition);
                return Err(Error::LogBehind { topic, partition, reached, end });
            }
            if reached.is_some() && wanted < first {
                let gone = first.0 - wanted.0;
                tracing::error!(topic = %at.topic, partition = %at.partition, gone, "the log lost records before the sink came to them");
                self.worker.parts.metrics.lost.inc_by(gone.unsigned_abs());
            }
            let next = wanted.max(first);
            self.consumer.seek(at, next)?;
            self.sink.assign(at.partition, reached, next);
        }
        Ok(())
    }

    /// Drops what is not committed, and goes on from the table.
    async fn reassign(&mut self) -> Result<(), Error> {
        let ours: Vec<_> = self.ours.iter().cloned().collect();
        self.sink.reset();
        let done = self.assigned(&ours).await;
        if done.is_err() {
            // All or none, so that the next flush sees that it is still to be done.
            self.sink.reset();
        }
        done
    }

    /// Commits what is buffered, or drops it: the next owner reads it again. Dropping the guard passes the partitions on.
    async fn revoked(&mut self, partitions: &[TopicPartition], guard: RevokeGuard) -> Result<(), Error> {
        // Before the flush: one that finds the table moved takes up what stays ours, and may be cut off before that is done.
        self.ours.retain(|at| !partitions.contains(at));
        let kept: Vec<_> = self.ours.iter().cloned().collect();
        let flushed = timeout(REVOKE_GRACE, self.flush_once()).await;
        for at in partitions {
            self.sink.revoke(at.partition);
        }
        let failed = !matches!(flushed, Ok(Ok(())));
        if failed {
            self.sink.reset();
        }
        drop(guard);
        // A commit that was cut off may still go through: the guard then refuses whoever begins before it.
        if failed { self.assigned(&kept).await } else { Ok(()) }
    }

    async fn records(&mut self, deliveries: Vec<Delivery>) -> Result<(), Error> {
        for delivery in deliveries {
            let mut backoff = Backoff::new();
            let turn = loop {
                match self.sink.take(&delivery).await {
                    Ok(turn) => break turn,
                    Err(error) if self.worker.drain.is_triggered() => return Err(error),
                    Err(error) => {
                        self.worker.parts.metrics.failures.inc();
                        tracing::warn!(table = self.worker.parts.table.name, %error, "a record waits");
                        self.pause(&mut backoff).await;
                    }
                }
            };
            if let Turn::Missing(from) = turn {
                let (topic, partition) = (&delivery.topic, delivery.partition);
                tracing::warn!(%topic, %partition, %from, got = %delivery.offset, "records are missing; reading again");
                self.consumer.seek(&delivery.topic_partition(), from)?;
            }
            if self.sink.must_flush() {
                // The rest of the deliveries passes as old where a flush sets the place back.
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Flushes until it succeeds. While it does not, nothing is read.
    async fn flush(&mut self) -> Result<(), Error> {
        let mut backoff = Backoff::new();
        loop {
            let error = match self.flush_once().await {
                Ok(()) => {
                    self.worker.parts.metrics.up.set(1);
                    return Ok(());
                }
                Err(error) => error,
            };
            self.worker.parts.metrics.up.set(0);
            let draining = self.worker.drain.is_triggered();
            if draining && self.ends.as_ref().is_none_or(|(_, deadline)| *deadline <= Instant::now()) {
                return Err(error);
            }
            self.worker.parts.metrics.failures.inc();
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(table = self.worker.parts.table.name, %error, cause, "a flush failed; trying again");
            self.pause(&mut backoff).await;
        }
    }

    async fn flush_once(&mut self) -> Result<(), Error> {
        let flushed = self.sink.flush().await;
        // Another writer moved the table, or rows did not become a file: all was dropped, and is read again.
        if self.sink.partitions().is_empty() {
            self.reassign().await?;
        }
        match flushed? {
            Flushed::Nothing | Flushed::Moved => Ok(()),
            Flushed::Done(next) => {
                let next: Vec<_> = next.into_iter().map(|(p, offset)| (self.worker.at(p), offset)).collect();
                if let Err(error) = self.consumer.commit(&next).await {
                    // A hint for people who look at the group; the table has the truth.
                    tracing::debug!(table = self.worker.parts.table.name, %error, "group offsets were not committed");
                }
                Ok(())
            }
        }
    }

    /// True when everything is read that the log held when draining began, or the time for it is over.
    async fn is_drained(&mut self) -> Result<bool, Error> {
        if self.ends.is_none() {
            let mut ends = BTreeMap::new();
            for (partition, _) in self.sink.partitions() {
                ends.insert(partition, self.worker.bus.offsets(&self.worker.at(partition)).await?.1);
            }
            self.ends = Some((ends, Instant::now() + DRAIN_GRACE));
        }
        let Some((ends, deadline)) = &self.ends else { return Ok(false) };
        let read = |(partition, next): (Partition, Offset)| ends.get(&partition).is_none_or(|end| next >= *end);
        Ok(*deadline <= Instant::now() || self.sink.partitions().into_iter().all(read))
    }

    async fn measure_lag(&self) {
        let mut lag = 0;
        for (partition, next) in self.sink.partitions() {
            // A figure is worth a try, not a failure.
            if let Ok((_, end)) = self.worker.bus.offsets(&self.worker.at(partition)).await {
                lag += (end.0 - next.0).max(0);
            }
        }
        self.worker.parts.metrics.lag.set(lag);
    }
}

/// Dead letters through the log.
pub(crate) struct BusDeadLetters {
    pub(crate) producer: Producer,
    pub(crate) topic: TopicName,
}

#[async_trait::async_trait]
impl DeadLetters for BusDeadLetters {
    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), Error> {
        match self.producer.dead_letter(&self.topic, delivery, reason).await {
            // Such a record is not of ours, and whatever of it is large (the value, the headers, the key) would hold up the
            // table for ever: the letter then only tells where it is.
            Err(weir_bus::Error::TooLarge { .. }) => {
                let place = Delivery { key: Bytes::new(), value: None, headers: Vec::new(), ..delivery.clone() };
                let reason = format!("{reason}; the record is too large for a dead letter");
                Ok(self.producer.dead_letter(&self.topic, &place, &reason).await?)
            }
            other => Ok(other?),
        }
    }
}

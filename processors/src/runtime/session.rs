//! One session: a membership of the group with its producer and state, from the committed offsets on.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use weir_bus::{
    Ack, CommitTracker, Consumer, Delivery, Error as BusError, Next, Producer, Record, RevokeGuard, TopicPartition,
};
use weir_schemas::{Offset, Topic, TopicName};

use super::in_flight::{InFlight, Places, Refused};
use super::judge::{Judge, Poisoned, Verdict};
use super::lag::Lag;
use super::{COMMIT_INTERVAL, MAX_IN_FLIGHT, Processor, REVOKE_TIMEOUT, Stop, asked_to_stop};
use crate::handle::{Chain, Deps};

/// Between two tries of what the log refused for now.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Session<'a, P> {
    deps: &'a Deps,
    consumer: Consumer,
    producer: Producer,
    /// Away only while a blocking thread has it.
    judge: Option<Judge<P>>,
    tracker: CommitTracker,
    in_flight: InFlight,
    /// Committable, and not yet committed.
    commits: BTreeMap<TopicPartition, Offset>,
    poisoned: &'a mut Poisoned,
    progress: &'a mut bool,
    lag: Lag,
}

enum Happened {
    Stop,
    Done(Result<Places, Refused>),
    Tick,
    Lost(Vec<TopicPartition>),
    Next(Result<Next, BusError>),
}

impl<'a, P: Processor> Session<'a, P> {
    pub(super) fn open(
        deps: &'a Deps,
        processor: P,
        poisoned: &'a mut Poisoned,
        progress: &'a mut bool,
    ) -> Result<Self, Stop> {
        let prefix = &deps.topic_prefix;
        let group = format!("{prefix}.{}", P::KIND);
        let topics: Vec<TopicName> = P::inputs().iter().map(|topic| topic.name(prefix)).collect();
        Ok(Self {
            deps,
            // The producer first: what it knows of an earlier life is gone before a partition can be ours.
            producer: deps.bus.producer()?,
            consumer: deps.bus.consumer(&group, &topics)?,
            judge: Some(Judge::new(processor, deps.codec.clone(), prefix, poisoned.clone())),
            tracker: CommitTracker::default(),
            in_flight: InFlight::default(),
            commits: BTreeMap::new(),
            poisoned,
            progress,
            lag: Lag::watch(P::KIND, deps),
        })
    }

    pub(super) async fn run(mut self, mut stopped: watch::Receiver<bool>) -> Stop {
        match self.work(&mut stopped).await {
            Err(stop) => stop,
            Ok(()) => {
                // Others take over at once.
                self.consumer.close().await;
                Stop::Drained
            }
        }
    }

    async fn work(&mut self, stopped: &mut watch::Receiver<bool>) -> Result<(), Stop> {
        let mut tick = tokio::time::interval(COMMIT_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let room = self.in_flight.len() < MAX_IN_FLIGHT;
            let processor = &mut self.judge.as_mut().expect("it is back between batches").processor;
            let happened = tokio::select! {
                biased;
                () = asked_to_stop(stopped) => Happened::Stop,
                done = self.in_flight.next() => Happened::Done(done),
                _ = tick.tick() => Happened::Tick,
                lost = processor.lost() => Happened::Lost(lost),
                next = self.consumer.next(), if room => Happened::Next(next),
            };
            match happened {
                Happened::Stop => {
                    self.settle().await?;
                    self.commit().await;
                    return Ok(());
                }
                Happened::Done(done) => self.acknowledged(done)?,
                Happened::Tick => self.commit().await,
                Happened::Lost(partitions) => {
                    self.settle().await?;
                    self.forget(&partitions);
                    self.take_over(&partitions).await?;
                }
                Happened::Next(Ok(Next::Records(batch))) => self.records(batch).await?,
                Happened::Next(Ok(Next::Assigned(partitions))) => self.take_over(&partitions).await?,
                Happened::Next(Ok(Next::Revoked(partitions, guard))) => self.revoked(&partitions, guard).await?,
                Happened::Next(Err(error)) => self.unread(error).await?,
            }
        }
    }

    async fn take_over(&mut self, partitions: &[TopicPartition]) -> Result<(), Stop> {
        let processor = &mut self.judge.as_mut().expect("it is back between batches").processor;
        for (at, offset) in processor.take_over(&self.producer, partitions).await? {
            match self.consumer.seek(&at, offset) {
                // It went to another member meanwhile; the revocation is on its way.
                Ok(()) | Err(BusError::NotAssigned(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        tracing::debug!(processor = P::KIND.as_str(), ?partitions, "partitions taken over");
        Ok(())
    }

    async fn revoked(&mut self, partitions: &[TopicPartition], guard: RevokeGuard) -> Result<(), Stop> {
        let Ok(settled) = tokio::time::timeout(REVOKE_TIMEOUT, self.settle()).await else {
            return Err(Stop::Restart("acknowledgements did not come before a partition had to be given away".into()));
        };
        settled?;
        self.commit().await;
        self.forget(partitions);
        drop(guard);
        tracing::debug!(processor = P::KIND.as_str(), ?partitions, "partitions given away");
        Ok(())
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        for at in partitions {
            self.tracker.forget(at);
            self.commits.remove(at);
            self.lag.forget(at);
            self.judge.as_mut().expect("it is back between batches").processor.forget(at);
        }
    }

    async fn records(&mut self, batch: Vec<Delivery>) -> Result<(), Stop> {
        for delivery in &batch {
            self.tracker.begin(&delivery.topic_partition(), delivery.offset);
        }
        let policy = self.deps.policy.load_full();
        let mut judge = self.judge.take().expect("it is back between batches");
        let judged = if P::HEAVY {
            let work = tokio::task::spawn_blocking(move || {
                let judged = judge.batch(batch, &policy);
                (judge, judged)
            });
            let (back, judged) =
                work.await.map_err(|_| Stop::Restart("the thread that judged a batch was lost".into()))?;
            judge = back;
            judged
        } else {
            judge.batch(batch, &policy)
        };
        self.judge = Some(judge);
        for (at, offset, verdict) in judged {
            self.carry_out(at, offset, verdict).await?;
        }
        Ok(())
    }

    async fn carry_out(&mut self, at: TopicPartition, offset: Offset, verdict: Verdict) -> Result<(), Stop> {
        let name = P::KIND.as_str();
        let (record, hold, releases) = match verdict {
            Verdict::Write { record, hold, releases } => (record, hold, releases),
            Verdict::Leave => return Ok(()),
            Verdict::DeadLetter { delivery, reason } => {
                self.dead_letter(&delivery, &reason).await?;
                self.poisoned.remove(&(at.clone(), offset));
                (None, false, Vec::new())
            }
            Verdict::Broken => {
                let why = format!("the step panicked at offset {offset} of {}/{}", at.topic, at.partition);
                self.poisoned.insert((at, offset), "the step panicked".to_owned());
                return Err(Stop::Restart(why));
            }
        };
        self.deps.metrics.processed.with_label_values(&[name, at.topic.as_str()]).inc();
        self.lag.read(&at, offset.next());
        let mut done: Places = releases.into_iter().map(|held| (at.clone(), held)).collect();
        if !hold {
            done.push((at.clone(), offset));
        }
        match record {
            Some(record) => {
                let source = (at, offset);
                let ack = self.send(record, &source).await?;
                self.deps.metrics.produced.with_label_values(&[name]).inc();
                self.in_flight.push(ack, source, done);
            }
            None => {
                let done = self.in_flight.append(done);
                self.mark(done);
            }
        }
        Ok(())
    }

    /// Enqueues; waits where there is no room.
    async fn send(&mut self, record: Record, source: &(TopicPartition, Offset)) -> Result<Ack, Stop> {
        loop {
            match self.producer.send(record.clone()) {
                Ok(ack) => return Ok(ack),
                Err(error) if error.is_transient() && self.in_flight.is_empty() => {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(error) if error.is_transient() => {
                    let done = self.in_flight.next().await;
                    self.acknowledged(done)?;
                }
                Err(error) => return Err(self.refused(source.clone(), error)),
            }
        }
    }

    async fn dead_letter(&mut self, delivery: &Delivery, reason: &str) -> Result<(), Stop> {
        let (name, topic) = (P::KIND.as_str(), delivery.topic.as_str());
        tracing::warn!(
            processor = name,
            topic,
            partition = delivery.partition.0,
            offset = delivery.offset.0,
            reason,
            "record goes to the dead letters"
        );
        let to = dead_letters::<P>(&self.deps.topic_prefix, &delivery.topic);
        let mut reason = reason.to_owned();
        let mut delivery = delivery.clone();
        loop {
            match self.producer.dead_letter(&to, &delivery, &reason).await {
                Ok(()) => break,
                Err(error) if error.is_transient() => tokio::time::sleep(RETRY_PAUSE).await,
                // The raw bytes stay at their place in the source topic; the letter tells it.
                Err(BusError::TooLarge { bytes, .. }) if delivery.value.is_some() => {
                    reason = format!("{reason}; left out here: {bytes} bytes are too many for the dead letters");
                    delivery.value = None;
                    delivery.headers.clear();
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.deps.metrics.dead_lettered.with_label_values(&[name, topic]).inc();
        Ok(())
    }

    fn acknowledged(&mut self, done: Result<Places, Refused>) -> Result<(), Stop> {
        match done {
            Ok(done) => {
                self.mark(done);
                Ok(())
            }
            Err(Refused { source, error }) => Err(self.refused(source, error)),
        }
    }

    /// A derived event that can never be written makes its source a dead letter of the next session.
    fn refused(&mut self, source: (TopicPartition, Offset), error: BusError) -> Stop {
        if let BusError::TooLarge { .. } = error {
            let why = format!("what was derived from it cannot be written: {error}");
            self.poisoned.insert(source, why.clone());
            return Stop::Restart(why);
        }
        error.into()
    }

    fn mark(&mut self, done: Places) {
        for (at, offset) in done {
            *self.progress = true;
            self.tracker.done(&at, offset);
        }
    }

    /// Waits until everything under way is acknowledged.
    async fn settle(&mut self) -> Result<(), Stop> {
        while !self.in_flight.is_empty() {
            let done = self.in_flight.next().await;
            self.acknowledged(done)?;
        }
        Ok(())
    }

    /// A commit that fails is tried again with the next: it is a hint, and what it would save is work.
    async fn commit(&mut self) {
        self.commits.extend(self.tracker.committable());
        if self.commits.is_empty() {
            return;
        }
        let next: Vec<_> = self.commits.iter().map(|(at, offset)| (at.clone(), *offset)).collect();
        match self.consumer.commit(&next).await {
            Ok(()) => self.commits.clear(),
            // Its new owner does the rest again.
            Err(BusError::NotAssigned(at)) => {
                self.commits.remove(&at);
            }
            Err(error) => {
                tracing::warn!(processor = P::KIND.as_str(), error = %Chain(&error), "commit failed, tried again later");
            }
        }
    }

    /// The log does not answer, or lost what was not read yet.
    async fn unread(&mut self, error: BusError) -> Result<(), Stop> {
        match error {
            BusError::Unavailable(why) => {
                tracing::warn!(
                    processor = P::KIND.as_str(),
                    why,
                    "log is unavailable, reading goes on when it is back"
                );
                tokio::time::sleep(RETRY_PAUSE).await;
                Ok(())
            }
            BusError::OffsetGone { topic, partition, offset } => {
                let at = TopicPartition { topic, partition };
                let (first, _) = self.deps.bus.offsets(&at).await?;
                tracing::error!(
                    processor = P::KIND.as_str(),
                    topic = at.topic.as_str(),
                    partition = partition.0,
                    lost = first.0 - offset.0,
                    "records were deleted by the log before they were read"
                );
                self.consumer.seek(&at, first)?;
                Ok(())
            }
            other => Err(other.into()),
        }
    }
}

fn dead_letters<P: Processor>(prefix: &str, source: &TopicName) -> TopicName {
    let input = P::inputs().iter().find(|topic| topic.name(prefix) == *source);
    // A consumer delivers only what it was subscribed to; the first input is as good a place as any.
    input.or(P::inputs().first()).map_or_else(|| Topic::Requests.dead_letters(prefix), |t| t.dead_letters(prefix))
}

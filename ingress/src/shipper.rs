//! Carries the outbox into the log, in its order, and frees what has arrived.
//!
//! Invariants
//! - The cursor on disk never passes a record that the log has not acknowledged. A crash sends some again: readers drop
//!   repeats by their ids.
//! - Nothing is dropped. What the log refuses now is tried again for ever; meanwhile the outbox fills, and fails closed.
//! - Bounded: so many records and bytes are under way at most.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use weir_bus::{Ack, Bus, Producer, Record};
use weir_journal::{Cursor, Position, Reader};
use weir_schemas::TopicName;

use crate::error::Error;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::outbox::record::{self, Entry};

const MAX_RECORDS: usize = 4096;
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Storing the cursor forces the disk; a crash sends again at most what this time ships.
const STORE_EVERY: Duration = Duration::from_millis(200);
/// After new events were announced, for more to come: one wake-up for many.
const LINGER: Duration = Duration::from_millis(1);
/// Between two looks at the acknowledgements: they come one by one, and each would be a wake-up.
const ACKS_EVERY: Duration = Duration::from_millis(2);
const RETRY: Duration = Duration::from_millis(50);
const RETRY_SLOWLY: Duration = Duration::from_secs(1);

pub(crate) struct Shipper {
    pub(crate) bus: Bus,
    pub(crate) outbox: Arc<Outbox>,
    /// Away while it is being stored.
    pub(crate) cursor: Option<Cursor>,
    pub(crate) topic_prefix: String,
    pub(crate) metrics: Arc<Metrics>,
    /// Up to where the log has acknowledged.
    pub(crate) shipped: watch::Sender<Position>,
}

/// Rings when the journal grew, and only if somebody sleeps.
#[derive(Default)]
struct Bell {
    asleep: AtomicBool,
    rung: Notify,
}

struct UnderWay {
    ack: Ack,
    bytes: usize,
    /// Set on the last entry of a journal record: where the next record stands.
    ends: Option<Position>,
}

/// Why sending stopped, and what is to be done.
enum Stop {
    /// Everything in the journal is sent.
    AtEnd,
    /// Enough is under way.
    Busy,
    /// Try again later with what is in hand.
    Later(Duration),
    /// The producer is of no more use: a new one sends everything that is not acknowledged.
    Reopen,
}

impl Shipper {
    /// Runs until it cannot go on for reasons that time does not mend.
    pub(crate) async fn run(mut self) -> Error {
        let bell = Arc::new(Bell::default());
        let ringer = bell.clone();
        let _subscription = self.outbox.journal().subscribe(move |_| {
            if ringer.asleep.swap(false, Ordering::AcqRel) {
                ringer.rung.notify_one();
            }
        });
        loop {
            let producer = match self.bus.producer() {
                Ok(producer) => producer,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the outbox has no way to the log");
                    sleep(RETRY_SLOWLY).await;
                    continue;
                }
            };
            let from = *self.shipped.borrow();
            let reader = match self.outbox.journal().read_from(from) {
                Ok(reader) => reader,
                Err(error) => return error.into(),
            };
            let run = Run {
                producer,
                reader,
                topics: Topics::new(&self.topic_prefix),
                metrics: self.metrics.clone(),
                unsent: VecDeque::new(),
                under_way: VecDeque::new(),
                bytes: 0,
            };
            if let Err(error) = self.ship(run, &bell).await {
                return error;
            }
            self.metrics.shipper_restarts.inc();
            sleep(RETRY).await;
        }
    }

    /// Ships with one producer. Returns when another is needed.
    async fn ship(&mut self, mut run: Run, bell: &Bell) -> Result<(), Error> {
        let mut storing: Option<JoinHandle<Cursor>> = None;
        let mut store_at = Instant::now();
        let mut acks_at = Instant::now();
        loop {
            // Armed before the look: what is appended after the look rings.
            bell.asleep.store(true, Ordering::Release);
            let stop = run.send()?;
            let pause = match stop {
                Stop::Reopen => {
                    self.stored(&mut storing).await;
                    return Ok(());
                }
                Stop::Later(pause) => Some(pause),
                Stop::AtEnd | Stop::Busy => None,
            };
            let shipped = *self.shipped.borrow();
            let dirty = self.cursor.as_ref().is_some_and(|cursor| cursor.position() != Some(shipped));
            if dirty && Instant::now() >= store_at {
                store_at = Instant::now() + STORE_EVERY;
                storing = self.store(shipped);
            }
            let dirty = dirty && storing.is_none();
            tokio::select! {
                acked = acknowledged_from(&mut run, acks_at), if !run.under_way.is_empty() => match acked {
                    Ok(reached) => {
                        acks_at = Instant::now() + ACKS_EVERY;
                        if let Some(position) = reached {
                            self.shipped.send_replace(position);
                        }
                    }
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "the log refused an event; sending again");
                        self.stored(&mut storing).await;
                        return Ok(());
                    }
                },
                () = bell.rung.notified(), if matches!(stop, Stop::AtEnd) => sleep(LINGER).await,
                () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
                () = tokio::time::sleep_until(store_at), if dirty => {}
                () = self.stored(&mut storing), if storing.is_some() => {}
            }
        }
    }

    /// Stores the place and frees what is before it, off the runtime's threads. What fails is tried again with the next place.
    fn store(&mut self, position: Position) -> Option<JoinHandle<Cursor>> {
        let mut cursor = self.cursor.take()?;
        let outbox = self.outbox.clone();
        Some(tokio::task::spawn_blocking(move || {
            if let Err(error) = cursor.store(position).and_then(|()| outbox.journal().trim(outbox.keep_from(position)))
            {
                tracing::warn!(error = &error as &dyn std::error::Error, "the outbox cannot free what was shipped");
            }
            cursor
        }))
    }

    async fn stored(&mut self, storing: &mut Option<JoinHandle<Cursor>>) {
        let Some(task) = storing else { return };
        // A panic in there leaves no cursor: nothing is freed any more, and the outbox fails closed in time.
        self.cursor = task.await.ok();
        *storing = None;
    }
}

/// What was acknowledged, not before `at`.
async fn acknowledged_from(run: &mut Run, at: Instant) -> Result<Option<Position>, weir_bus::Error> {
    tokio::time::sleep_until(at).await;
    run.acknowledged().await
}

/// The state of one producer's life.
struct Run {
    producer: Producer,
    reader: Reader,
    topics: Topics,
    metrics: Arc<Metrics>,
    unsent: VecDeque<(Entry, Option<Position>)>,
    under_way: VecDeque<UnderWay>,
    bytes: usize,
}

impl Run {
    /// Sends as much as there is and may be under way.
    fn send(&mut self) -> Result<Stop, Error> {
        loop {
            if self.under_way.len() >= MAX_RECORDS || self.bytes >= MAX_BYTES {
                return Ok(Stop::Busy);
            }
            if self.unsent.is_empty() && !self.read()? {
                return Ok(Stop::AtEnd);
            }
            let Some((entry, ends)) = self.unsent.front() else { continue };
            let bytes = entry.value.len();
            let record = Record {
                topic: self.topics.name(entry),
                partition: None,
                key: entry.key.clone(),
                value: Some(entry.value.clone()),
                headers: Vec::new(),
            };
            match self.producer.send(record) {
                Ok(ack) => {
                    self.under_way.push_back(UnderWay { ack, bytes, ends: *ends });
                    self.bytes += bytes;
                    self.unsent.pop_front();
                }
                Err(weir_bus::Error::QueueFull | weir_bus::Error::Unavailable(_)) => return Ok(Stop::Later(RETRY)),
                Err(error @ weir_bus::Error::Fatal(_)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "opening a new producer");
                    return Ok(Stop::Reopen);
                }
                Err(error) => {
                    // Somebody has to create a topic, or raise its limit. Until then nothing may pass this event.
                    self.metrics.shipper_refused.inc();
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        topic = entry.topic.suffix(),
                        bytes,
                        "the log does not take an event of the outbox; nothing is shipped until it does"
                    );
                    return Ok(Stop::Later(RETRY_SLOWLY));
                }
            }
        }
    }

    /// Reads the entries of the next journal record; false at the end.
    fn read(&mut self) -> Result<bool, Error> {
        let Some((after, record)) = self.reader.next()? else { return Ok(false) };
        let entries = record::entries(&record).ok_or(Error::BadRecord(after))?;
        let last = entries.len().saturating_sub(1);
        let placed = entries.into_iter().enumerate().map(|(i, entry)| (entry, (i == last).then_some(after)));
        self.unsent.extend(placed);
        Ok(true)
    }

    /// Waits for the oldest acknowledgement and takes all that have come. Where a journal record is complete: its end.
    fn acknowledged(&mut self) -> Acknowledged<'_> {
        Acknowledged(self)
    }
}

struct Acknowledged<'a>(&'a mut Run);

impl Future for Acknowledged<'_> {
    type Output = Result<Option<Position>, weir_bus::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let run = &mut *self.0;
        let (mut any, mut reached) = (false, None);
        while let Some(oldest) = run.under_way.front_mut() {
            match Pin::new(&mut oldest.ack).poll(cx) {
                Poll::Ready(Ok(_)) => {
                    reached = oldest.ends.or(reached);
                    run.bytes -= oldest.bytes;
                    run.under_way.pop_front();
                    any = true;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        if any { Poll::Ready(Ok(reached)) } else { Poll::Pending }
    }
}

/// The physical names of the topics that the outbox feeds.
struct Topics(Vec<(weir_schemas::Topic, TopicName)>);

impl Topics {
    fn new(prefix: &str) -> Self {
        Self(weir_schemas::Topic::ALL.into_iter().map(|topic| (topic, topic.name(prefix))).collect())
    }

    fn name(&self, entry: &Entry) -> TopicName {
        let found = self.0.iter().find(|(topic, _)| *topic == entry.topic);
        found.map(|(_, name)| name.clone()).expect("every topic is listed")
    }
}

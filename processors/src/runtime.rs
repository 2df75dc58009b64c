//! The consumer loop that the processors share: read, judge, write, and commit when it is durable.
//!
//! Invariants
//! - Records of a partition are judged in offset order, and what is derived from them is written in that order, to the
//!   same partition number of the output topic. So a reader of the output sees the places of one origin rise, but for
//!   repeats.
//! - An offset is committed when the events derived from everything up to it are acknowledged. A processor may hold an
//!   offset back ([`Stepped::Done`]'s `hold`) until a later record releases it.
//! - Every undecodable or unusable record is acknowledged in the dead letters before its offset is done.
//! - What is under way is bounded: [`MAX_IN_FLIGHT`] writes, and one batch of the consumer.
//!
//! Whatever breaks the order (a producer that lost its place, acknowledgements that do not come before a partition is
//! given away, a panic of a step) ends the session: a new one begins at the committed offsets with a new producer and
//! fresh state. Ids and places are derived from the source, so what is written twice is known for one.

mod check;
mod in_flight;
mod judge;
mod lag;
mod session;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use weir_bus::{Delivery, Producer, TopicPartition};
use weir_policy::Snapshot;
use weir_schemas::{Event, Offset, Topic};

use crate::error::Error;
use crate::handle::{Chain, Deps, Kind};
pub(crate) use judge::value;
use session::Session;

/// Writes whose acknowledgement is awaited; reading pauses at the bound.
const MAX_IN_FLIGHT: usize = 4096;
/// A crash repeats at most so much work; each commit is a round trip.
const COMMIT_INTERVAL: Duration = Duration::from_millis(500);
/// Longer than any healthy acknowledgement, shorter than a group's patience with a member.
const REVOKE_TIMEOUT: Duration = Duration::from_secs(5);
/// After the request to stop; what is not durable then is done again by the next start.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LAST_BACKOFF: Duration = Duration::from_secs(5);

/// One processor: a pure step, and the state that its partitions have.
pub(crate) trait Processor: Send + Sized + 'static {
    const KIND: Kind;
    /// The step is heavy (scanning, tokenizing): batches are judged on a thread for blocking work.
    const HEAVY: bool;
    type Out: Event;

    fn inputs() -> &'static [Topic];

    /// Partitions became ours. Returns where to read on, where that is not the group's offset.
    fn take_over(
        &mut self,
        _producer: &Producer,
        _partitions: &[TopicPartition],
    ) -> impl Future<Output = Result<Vec<(TopicPartition, Offset)>, Stop>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// Resolves when partitions of ours are to be taken over anew. Cancel-safe.
    fn lost(&mut self) -> impl Future<Output = Vec<TopicPartition>> + Send {
        std::future::pending()
    }

    /// The partition is no longer ours: its state goes.
    fn forget(&mut self, at: &TopicPartition);

    /// Judges one record. No I/O, no clock.
    fn step(&mut self, delivery: &Delivery, policy: &Snapshot) -> Result<Stepped<Self::Out>, Poison>;
}

/// What a step came to.
pub(crate) enum Stepped<E> {
    Done {
        out: Option<E>,
        /// The record is done, but its offset waits until a later one releases it.
        hold: bool,
        /// Held offsets of this partition that are done when this record is.
        releases: Vec<Offset>,
    },
    /// Another process answers for this partition now: nothing is written, and the offset stays.
    Left,
}

impl<E> Stepped<E> {
    pub(crate) fn done(out: Option<E>) -> Self {
        Self::Done { out, hold: false, releases: Vec::new() }
    }
}

/// A record that cannot be used, and why. Never holds payload text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Poison(pub(crate) String);

impl From<weir_schemas::Error> for Poison {
    fn from(error: weir_schemas::Error) -> Self {
        Self(error.to_string())
    }
}

/// Why a session ended.
#[derive(Debug)]
pub(crate) enum Stop {
    /// In good order, as asked.
    Drained,
    /// A new session may do better.
    Restart(String),
    /// No session will.
    Failed(Error),
}

impl From<weir_bus::Error> for Stop {
    fn from(error: weir_bus::Error) -> Self {
        use weir_bus::Error as Bus;
        match error {
            Bus::Fatal(_) | Bus::OffsetGone { .. } | Bus::NotAssigned(_) => Self::Restart(Chain(&error).to_string()),
            _ if error.is_transient() => Self::Restart(Chain(&error).to_string()),
            other => Self::Failed(other.into()),
        }
    }
}

/// Runs a processor until it is asked to stop or cannot go on.
pub(crate) async fn run<P: Processor>(
    deps: Deps,
    mut stopped: watch::Receiver<bool>,
    make: fn(&Deps) -> P,
) -> Result<(), Error> {
    let name = P::KIND.as_str();
    let mut backoff = FIRST_BACKOFF;
    let mut poisoned = judge::Poisoned::default();
    loop {
        let mut progress = false;
        let ended = tokio::select! {
            ended = one_session(&deps, stopped.clone(), make, &mut poisoned, &mut progress) => ended,
            () = overdue(stopped.clone()) => {
                tracing::warn!(processor = name, "stopped before everything was durable; it will be done again");
                Stop::Drained
            }
        };
        match ended {
            Stop::Drained => return Ok(()),
            Stop::Failed(error) => return Err(error),
            Stop::Restart(why) => {
                deps.metrics.restarts.with_label_values(&[name]).inc();
                tracing::warn!(processor = name, why, "begins anew from the last commit");
            }
        }
        backoff = if progress { FIRST_BACKOFF } else { (backoff * 2).min(LAST_BACKOFF) };
        tokio::select! {
            () = tokio::time::sleep(backoff) => {}
            () = asked_to_stop(&mut stopped) => return Ok(()),
        }
    }
}

async fn one_session<P: Processor>(
    deps: &Deps,
    stopped: watch::Receiver<bool>,
    make: fn(&Deps) -> P,
    poisoned: &mut judge::Poisoned,
    progress: &mut bool,
) -> Stop {
    if let Err(stop) = check::topics::<P>(deps).await {
        return stop;
    }
    match Session::open(deps, make(deps), poisoned, progress) {
        Ok(session) => session.run(stopped).await,
        Err(stop) => stop,
    }
}

/// Resolves when the owner asks to stop, or is gone.
async fn asked_to_stop(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn overdue(mut stopped: watch::Receiver<bool>) {
    asked_to_stop(&mut stopped).await;
    tokio::time::sleep(DRAIN_TIMEOUT).await;
}

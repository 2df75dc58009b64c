//! The wallet of this ingress at work: reservations on the way of a request, grants and intents over the log.
//!
//! Invariants
//! - Intents go to the log in the order in which the wallet made them, each until it is acknowledged.
//! - Whoever was given a reservation settles it exactly once, however the call ends.
//! - Bounded: past [`MAX_BACKLOG`] intents that the log did not take, no more are made for calls.
//! - When the log cannot be asked a call waits for `lease_wait` and is then refused (`FailClosed`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use weir_policy::Budget;
use weir_quota::{Reserve, Wallet};
use weir_schemas::event::{Intent, QuotaEntry, ReservationRef};
use weir_schemas::{BootEpoch, IngressId, Money, Timestamp};

use crate::refusal::Refusal;

mod listener;
mod teller;

pub(crate) use listener::Listener;
pub(crate) use teller::Teller;

/// Intents that the log has not acknowledged. Past it nothing is asked or reserved: the log is away, and the asks of
/// hours would only be answered with leases that nobody waits for any more.
const MAX_BACKLOG: usize = 10_000;

pub(crate) struct Quota {
    desk: Mutex<Desk>,
    /// Rings for all who wait for a grant.
    granted: Notify,
    /// Rings for the teller.
    outgoing: Notify,
    /// Rings when everything is acknowledged.
    delivered: Notify,
    /// The zero of the monotonic clock.
    origin: Instant,
}

struct Desk {
    wallet: Wallet,
    /// In the order of making.
    outgoing: VecDeque<Intent>,
    /// Sent, not acknowledged.
    under_way: usize,
}

impl Quota {
    pub(crate) fn new(ingress: IngressId, epoch: BootEpoch) -> Self {
        let desk = Desk { wallet: Wallet::new(ingress, epoch), outgoing: VecDeque::new(), under_way: 0 };
        Self {
            desk: Mutex::new(desk),
            granted: Notify::new(),
            outgoing: Notify::new(),
            delivered: Notify::new(),
            origin: Instant::now(),
        }
    }

    /// Sets `amount` aside on every budget, or on none. What is returned must come back to [`Quota::settle`].
    pub(crate) async fn reserve(
        &self,
        budgets: &[Arc<Budget>],
        amount: Money,
        wait: Duration,
    ) -> Result<Vec<ReservationRef>, Refusal> {
        let budgets: Vec<weir_quota::Budget> = budgets.iter().map(|budget| budget.to_quota()).collect();
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let granted = self.granted.notified();
            tokio::pin!(granted);
            // Before the try: a grant between the try and the wait is not missed.
            granted.as_mut().enable();
            match self.try_reserve(&budgets, amount) {
                Reserve::Held(reserved) => return Ok(reserved),
                Reserve::Spent { budget, retry_after_ms } => {
                    let retry_after = retry_after_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
                    return Err(Refusal::BudgetSpent { budget: budget.to_string(), retry_after });
                }
                Reserve::Wait(_) => {}
            }
            if tokio::time::timeout_at(deadline, granted).await.is_err() {
                return Err(Refusal::BudgetUnavailable);
            }
        }
    }

    fn try_reserve(&self, budgets: &[weir_quota::Budget], amount: Money) -> Reserve {
        let now = self.now_ms();
        let mut desk = self.desk();
        if desk.outgoing.len() + desk.under_way >= MAX_BACKLOG {
            return Reserve::Wait(Vec::new());
        }
        let reserve = desk.wallet.reserve(budgets, amount, now, Timestamp::now());
        if let Reserve::Wait(intents) = &reserve {
            self.post(&mut desk, intents.clone());
        }
        reserve
    }

    /// The call is over: `spent` of the reservations is gone.
    pub(crate) fn settle(&self, reserved: &[ReservationRef], spent: Money) {
        if reserved.is_empty() {
            return;
        }
        let now = self.now_ms();
        let mut desk = self.desk();
        let intents = desk.wallet.settle(reserved, spent, now, Timestamp::now());
        self.post(&mut desk, intents);
        drop(desk);
        // What came free may be what another call waits for.
        self.granted.notify_waiters();
    }

    /// Gives back what is not in use and waits until the log has it, at most so long.
    pub(crate) async fn close(&self, wait: Duration) {
        {
            let now = self.now_ms();
            let mut desk = self.desk();
            let intents = desk.wallet.close(now, Timestamp::now());
            self.post(&mut desk, intents);
        }
        let delivered = async {
            loop {
                let ring = self.delivered.notified();
                tokio::pin!(ring);
                ring.as_mut().enable();
                if self.is_delivered() {
                    return;
                }
                ring.await;
            }
        };
        if tokio::time::timeout(wait, delivered).await.is_err() {
            tracing::warn!("leases could not be given back; they count as spent until their budgets' windows end");
        }
    }

    fn observe(&self, entry: &QuotaEntry) {
        let now = self.now_ms();
        self.desk().wallet.observe(entry, now);
    }

    fn tick(&self) {
        let now = self.now_ms();
        let mut desk = self.desk();
        let intents = desk.wallet.tick(now, Timestamp::now());
        self.post(&mut desk, intents);
    }

    fn post(&self, desk: &mut Desk, intents: Vec<Intent>) {
        if !intents.is_empty() {
            desk.outgoing.extend(intents);
            self.outgoing.notify_one();
        }
    }

    fn is_delivered(&self) -> bool {
        let desk = self.desk();
        desk.outgoing.is_empty() && desk.under_way == 0
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests;

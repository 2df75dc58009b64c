//! What one holder has of one budget.

use weir_schemas::event::{Deny, Grant, ReservationRef};
use weir_schemas::{BudgetId, IntentId, LeaseId, Money};

/// An unanswered ask is repeated after this: many times a trip over the log, and well within a request's patience.
const ASK_PATIENCE_MS: i64 = 2_000;
/// Asks under way per budget. More tell the grantor nothing new; a need past that waits for their answers.
const MAX_ASKS: usize = 4;
/// An unused lease goes back after this, for others to have.
const IDLE_MS: i64 = 15_000;
/// A refusal because others hold the money is believed so long: leases come back at any time.
const REFUSED_MS: i64 = 1_000;
/// A refusal because the money is spent is believed so long: only the window's end or another limit changes it.
const SPENT_MS: i64 = 15_000;
/// The first ask wants so many times the need; it doubles while asks follow each other closely.
const WANT_FACTOR: i64 = 8;
const MAX_WANT_FACTOR: i64 = 64;
/// Asks nearer to each other than this mean that leases are too small.
const CLOSE_ASKS_MS: i64 = 15_000;
/// A lease in use is renewed so long before it ends, so that no call waits for it.
const RENEW_AHEAD_MS: i64 = 10_000;
/// Past so many leases no refill is asked for; calls that need one still ask.
const MAX_REFILLED: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Purse {
    leases: Vec<Lease>,
    asks: Vec<AskUnderWay>,
    refused: Option<Refused>,
    /// The largest recent need, falling slowly.
    typical: Money,
    factor: i64,
    last_ask_ms: Option<i64>,
}

/// `spent + reserved ≤ amount`, always.
#[derive(Debug)]
struct Lease {
    id: LeaseId,
    amount: Money,
    spent: Money,
    reserved: Money,
    ends_ms: i64,
    used_ms: i64,
}

#[derive(Debug)]
struct AskUnderWay {
    intent: IntentId,
    need: Money,
    sent_ms: i64,
}

/// What a denial said, as of then.
#[derive(Debug)]
struct Refused {
    remaining: Money,
    /// The limit less what is charged: what returns could free at best.
    uncharged: Money,
    until_ms: i64,
    window_ends_ms: Option<i64>,
}

pub(super) struct Refusal {
    pub(super) retry_after_ms: Option<i64>,
}

pub(super) struct Wish {
    pub(super) need: Money,
    pub(super) want: Money,
}

/// A lease that goes back.
pub(super) struct Given {
    pub(super) lease_id: LeaseId,
    pub(super) spent: Money,
}

impl Lease {
    fn free(&self) -> Money {
        self.amount.minus_or_zero(self.spent.saturating_add(self.reserved))
    }
}

fn sum(amounts: impl Iterator<Item = Money>) -> Money {
    amounts.fold(Money::ZERO, Money::saturating_add)
}

impl Purse {
    /// What a reservation of `amount` lacks.
    pub(super) fn missing(&mut self, amount: Money, now_ms: i64) -> Money {
        self.typical = amount.max(Money(self.typical.0 - self.typical.0 / 8));
        amount.minus_or_zero(self.free(now_ms))
    }

    /// Sets `amount` aside; the caller has seen that nothing is missing.
    pub(super) fn take(&mut self, budget: &BudgetId, amount: Money, now_ms: i64, held: &mut Vec<ReservationRef>) {
        let mut rest = amount;
        // What ends first is used first.
        for lease in self.leases.iter_mut().filter(|lease| now_ms < lease.ends_ms) {
            let part = lease.free().min(rest);
            if part == Money::ZERO {
                continue;
            }
            lease.reserved = lease.reserved.saturating_add(part);
            lease.used_ms = now_ms;
            rest = rest.minus_or_zero(part);
            held.push(ReservationRef { budget_id: budget.clone(), lease_id: lease.id, amount: part });
        }
        debug_assert_eq!(rest, Money::ZERO);
    }

    pub(super) fn settle(&mut self, part: &ReservationRef, spent: Money, now_ms: i64) {
        let Some(lease) = self.leases.iter_mut().find(|lease| lease.id == part.lease_id) else { return };
        let reserved = part.amount.min(lease.reserved);
        lease.reserved = lease.reserved.minus_or_zero(reserved);
        lease.spent = lease.spent.saturating_add(spent.clamp(Money::ZERO, reserved));
        lease.used_ms = now_ms;
    }

    /// Why a reservation of `amount`, of which so much is missing, need not ask.
    pub(super) fn refuses(&mut self, amount: Money, missing: Money, now_ms: i64) -> Option<Refusal> {
        let spent = self.unreturned();
        let refused = self.refused.as_ref()?;
        if now_ms >= refused.until_ms {
            self.refused = None;
            return None;
        }
        if missing <= refused.remaining {
            return None;
        }
        let window_ends = refused.window_ends_ms.map(|end| (end - now_ms).max(1));
        let retry_after_ms = if amount.saturating_add(spent) > refused.uncharged {
            window_ends
        } else {
            Some(window_ends.map_or(REFUSED_MS, |end| end.min(REFUSED_MS)))
        };
        Some(Refusal { retry_after_ms })
    }

    /// Whether to wait for an answer that is under way rather than to ask.
    pub(super) fn has_asked_for(&self, missing: Money, now_ms: i64) -> bool {
        let mut fresh = 0;
        for ask in self.asks.iter().filter(|ask| now_ms - ask.sent_ms < ASK_PATIENCE_MS) {
            if ask.need >= missing {
                return true;
            }
            fresh += 1;
        }
        fresh >= MAX_ASKS
    }

    /// Notes an ask for `missing`, on behalf of a call that costs `amount`.
    pub(super) fn ask(&mut self, intent: IntentId, missing: Money, amount: Money, now_ms: i64) -> Wish {
        let close = self.last_ask_ms.is_some_and(|last| now_ms - last < CLOSE_ASKS_MS);
        self.factor = match self.factor {
            0 => WANT_FACTOR,
            factor if close => (factor * 2).min(MAX_WANT_FACTOR),
            factor => (factor / 2).max(WANT_FACTOR),
        };
        self.last_ask_ms = Some(now_ms);
        if self.asks.len() >= MAX_ASKS {
            // The oldest is past patience. Should its answer come after all, the lease goes straight back.
            self.asks.remove(0);
        }
        self.asks.push(AskUnderWay { intent, need: missing, sent_ms: now_ms });
        let want = Money(amount.max(self.typical).0.saturating_mul(self.factor));
        Wish { need: missing, want: want.max(missing) }
    }

    /// What a refill should bring at least, where one is due: less than half of what is held is free for some time to come.
    pub(super) fn refill(&mut self, now_ms: i64) -> Option<Money> {
        let waits = self.asks.iter().any(|ask| now_ms - ask.sent_ms < ASK_PATIENCE_MS);
        let refused = self.refused.as_ref().is_some_and(|refused| now_ms < refused.until_ms);
        if waits || refused || self.leases.len() >= MAX_REFILLED || self.typical == Money::ZERO {
            return None;
        }
        let held = sum(self.live(now_ms).map(|lease| lease.amount));
        if held == Money::ZERO {
            return None;
        }
        let free = self.free(now_ms);
        let low = free.saturating_add(free) < held;
        let ends_soon = self.live(now_ms).all(|lease| lease.ends_ms - now_ms < RENEW_AHEAD_MS);
        // Near a window's end every lease ends soon: once is enough.
        let renew = ends_soon && self.last_ask_ms.is_none_or(|last| now_ms - last >= RENEW_AHEAD_MS);
        (low || renew).then_some(self.typical)
    }

    pub(super) fn granted(&mut self, grant: &Grant, now_ms: i64) {
        if self.leases.iter().any(|lease| lease.id == grant.lease_id) {
            return;
        }
        let ask = self.asks.iter().position(|ask| ask.intent == grant.intent_id).map(|at| self.asks.remove(at));
        // An ask that was given up on: when it was sent is forgotten, so its lease is over.
        let ends_ms = ask.map_or(now_ms, |ask| ask.sent_ms.saturating_add(grant.ttl_ms));
        let (id, amount) = (grant.lease_id, grant.amount.max(Money::ZERO));
        let lease = Lease { id, amount, spent: Money::ZERO, reserved: Money::ZERO, ends_ms, used_ms: now_ms };
        let at = self.leases.partition_point(|other| other.ends_ms <= ends_ms);
        self.leases.insert(at, lease);
    }

    pub(super) fn denied(&mut self, deny: &Deny, now_ms: i64) {
        let Some(at) = self.asks.iter().position(|ask| ask.intent == deny.intent_id) else { return };
        let ask = self.asks.remove(at);
        let uncharged = deny.limit.minus_or_zero(deny.charged);
        let remaining = uncharged.minus_or_zero(deny.outstanding);
        let hopeless = ask.need.saturating_add(self.unreturned()) > uncharged;
        let believed = if hopeless { SPENT_MS } else { REFUSED_MS };
        let until_ms = now_ms.saturating_add(deny.retry_after_ms.map_or(believed, |end| end.min(believed)));
        let window_ends_ms = deny.retry_after_ms.map(|end| now_ms.saturating_add(end));
        self.refused = Some(Refused { remaining, uncharged, until_ms, window_ends_ms });
    }

    /// Takes out the leases that go back: nothing is reserved on them, and they are over.
    pub(super) fn drain_over(&mut self, now_ms: i64, idle_too: bool, closing: bool) -> Vec<Given> {
        let over = |lease: &Lease| {
            lease.reserved == Money::ZERO
                && (closing
                    || now_ms >= lease.ends_ms
                    || lease.spent >= lease.amount
                    || (idle_too && now_ms - lease.used_ms >= IDLE_MS))
        };
        let mut given = Vec::new();
        self.leases.retain(|lease| {
            let goes = over(lease);
            if goes {
                given.push(Given { lease_id: lease.id, spent: lease.spent });
            }
            !goes
        });
        given
    }

    /// Free, reserved, and spent but not given back.
    pub(super) fn standing(&self, now_ms: i64) -> (Money, Money, Money) {
        (self.free(now_ms), sum(self.leases.iter().map(|lease| lease.reserved)), self.unreturned())
    }

    /// Nothing is held or awaited here.
    pub(super) fn is_forgettable(&self, now_ms: i64) -> bool {
        let awaited = self.asks.iter().any(|ask| now_ms - ask.sent_ms < IDLE_MS);
        let refused = self.refused.as_ref().is_some_and(|refused| now_ms < refused.until_ms);
        self.leases.is_empty() && !awaited && !refused
    }

    fn live(&self, now_ms: i64) -> impl Iterator<Item = &Lease> {
        self.leases.iter().filter(move |lease| now_ms < lease.ends_ms)
    }

    fn free(&self, now_ms: i64) -> Money {
        sum(self.live(now_ms).map(Lease::free))
    }

    fn unreturned(&self) -> Money {
        sum(self.leases.iter().map(|lease| lease.spent))
    }
}

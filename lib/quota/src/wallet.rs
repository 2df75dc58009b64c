//! The holder's side, for all budgets of one ingress process.
//!
//! `now_ms` is a monotonic clock of the caller's choosing; wall time is only written down. Intents that come out are to be
//! produced in the order in which they come, at once: a lease's time runs from the making of its ask.
//!
//! - A call reserves on all its budgets or on none. One budget's share may stand on several leases.
//! - Where too little is held the wallet asks: once, until an answer comes, the ask grows old or a larger need arrives.
//! - A refusal is remembered for a while: in a storm of retries each one costs a look-up, not a trip over the log.
//! - What is over (ended, used up, idle) and has no reservation open goes back. A crash keeps it, and then it counts as spent.

mod purse;

use std::collections::HashMap;

use weir_schemas::event::{Ask, Header, Intent, QuotaEntry, ReservationRef, Return};
use weir_schemas::{BootEpoch, BudgetId, IngressId, IntentId, Money, Seq, Timestamp, Topic};

use crate::{Budget, Fence, place};
use purse::{Given, Purse, Refusal, Wish};

/// How long a lease is asked for. Long against a trip over the log, short against an hour's budget that a crash holds back.
const LEASE_TTL_MS: i64 = 60_000;

/// The leases of one life of one ingress. See the module's words.
#[derive(Debug)]
pub struct Wallet {
    ingress: IngressId,
    life: BootEpoch,
    stream: u64,
    next: Seq,
    purses: HashMap<BudgetId, Purse>,
    fences: HashMap<i32, Fence>,
    closing: bool,
}

/// What came of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// Set aside, on every budget asked for.
    Held(Vec<ReservationRef>),
    /// Ask with these intents (to be produced at once), then try again when grants arrive.
    /// Empty where asks for it are under way already.
    Wait(Vec<Intent>),
    /// The grantor refused: this budget has not so much left.
    Spent { budget: BudgetId, retry_after_ms: Option<i64> },
}

impl Wallet {
    pub fn new(ingress: IngressId, epoch: BootEpoch) -> Self {
        Self {
            stream: Header::stream_id(&ingress, epoch, Topic::QuotaIntents),
            ingress,
            life: epoch,
            next: Seq(0),
            purses: HashMap::new(),
            fences: HashMap::new(),
            closing: false,
        }
    }

    /// Takes `amount` from each budget, in the given (fixed) order, or none.
    pub fn reserve(&mut self, budgets: &[Budget], amount: Money, now_ms: i64, wall: Timestamp) -> Reserve {
        if amount <= Money::ZERO {
            return Reserve::Held(Vec::new());
        }
        let mut wishes = Vec::new();
        let mut short = false;
        for (index, budget) in budgets.iter().enumerate() {
            if amount > budget.limit {
                return Reserve::Spent { budget: budget.id.clone(), retry_after_ms: None };
            }
            if budgets[..index].iter().any(|other| other.id == budget.id) {
                continue;
            }
            let purse = self.purses.entry(budget.id.clone()).or_default();
            let missing = purse.missing(amount, now_ms);
            if missing == Money::ZERO {
                continue;
            }
            short = true;
            if let Some(Refusal { retry_after_ms }) = purse.refuses(amount, missing, now_ms) {
                return Reserve::Spent { budget: budget.id.clone(), retry_after_ms };
            }
            if !purse.has_asked_for(missing, now_ms) {
                wishes.push((budget.id.clone(), missing));
            }
        }
        if short {
            return Reserve::Wait(self.ask_for(wishes, amount, now_ms, wall));
        }
        let mut held = Vec::with_capacity(budgets.len());
        for (index, budget) in budgets.iter().enumerate() {
            if budgets[..index].iter().any(|other| other.id == budget.id) {
                continue;
            }
            if let Some(purse) = self.purses.get_mut(&budget.id) {
                purse.take(&budget.id, amount, now_ms, &mut held);
            }
        }
        Reserve::Held(held)
    }

    /// The call is over: `spent` of each budget's reservation is gone (capped at what was reserved), the rest is free again.
    /// Exactly once for what one [`Reserve::Held`] gave.
    /// Returns what is to be produced (returns of leases that are over, asks for refills).
    pub fn settle(&mut self, reserved: &[ReservationRef], spent: Money, now_ms: i64, wall: Timestamp) -> Vec<Intent> {
        for (index, part) in reserved.iter().enumerate() {
            // One budget's reservation may stand on several leases: the spend fills them in order.
            let before = reserved[..index].iter().filter(|other| other.budget_id == part.budget_id);
            let filled = before.fold(Money::ZERO, |sum, other| sum.saturating_add(other.amount));
            let here = spent.minus_or_zero(filled).min(part.amount);
            if let Some(purse) = self.purses.get_mut(&part.budget_id) {
                purse.settle(part, here, now_ms);
            }
        }
        let mut intents = Vec::new();
        for (index, part) in reserved.iter().enumerate() {
            if reserved[..index].iter().any(|other| other.budget_id == part.budget_id) {
                continue;
            }
            let Some(purse) = self.purses.get_mut(&part.budget_id) else { continue };
            let over = purse.drain_over(now_ms, false, self.closing);
            let refill = if self.closing { None } else { purse.refill(now_ms) };
            self.give_back(&part.budget_id, over, wall, &mut intents);
            if let Some(need) = refill {
                intents.extend(self.ask_for(vec![(part.budget_id.clone(), need)], need, now_ms, wall));
            }
        }
        intents
    }

    /// An entry of the grants' log, of whatever partition, in log order per partition. Void ones are ignored.
    pub fn observe(&mut self, entry: &QuotaEntry, now_ms: i64) {
        if !self.fences.entry(entry.partition).or_default().admit(entry) {
            return;
        }
        let Some(budget) = &entry.budget_id else { return };
        if let Some(grant) = &entry.record.grant
            && self.is_mine(&grant.ingress_id, grant.boot_epoch)
        {
            self.purses.entry(budget.clone()).or_default().granted(grant, now_ms);
        }
        if let Some(deny) = &entry.record.deny
            && self.is_mine(&deny.ingress_id, deny.boot_epoch)
            && let Some(purse) = self.purses.get_mut(budget)
        {
            purse.denied(deny, now_ms);
        }
    }

    /// Time passes: what is to be produced (returns of expired and idle leases).
    pub fn tick(&mut self, now_ms: i64, wall: Timestamp) -> Vec<Intent> {
        let intents = self.drain_all(now_ms, wall);
        self.purses.retain(|_, purse| !purse.is_forgettable(now_ms));
        intents
    }

    /// The process ends in good order: returns of all leases without open reservations. The others come out of
    /// [`Wallet::settle`] as their calls end.
    pub fn close(&mut self, now_ms: i64, wall: Timestamp) -> Vec<Intent> {
        self.closing = true;
        self.drain_all(now_ms, wall)
    }

    /// What is free now, reserved now, and spent on leases that are not yet given back.
    pub fn standing(&self, budget: &BudgetId, now_ms: i64) -> (Money, Money, Money) {
        self.purses.get(budget).map(|purse| purse.standing(now_ms)).unwrap_or_default()
    }

    fn drain_all(&mut self, now_ms: i64, wall: Timestamp) -> Vec<Intent> {
        let mut over: Vec<(BudgetId, Vec<Given>)> = Vec::new();
        for (budget, purse) in &mut self.purses {
            let given = purse.drain_over(now_ms, true, self.closing);
            if !given.is_empty() {
                over.push((budget.clone(), given));
            }
        }
        // A map's order differs from run to run; what is written to the log should not.
        over.sort_by(|a, b| a.0.cmp(&b.0));
        let mut intents = Vec::new();
        for (budget, given) in over {
            self.give_back(&budget, given, wall, &mut intents);
        }
        intents
    }

    fn ask_for(&mut self, wishes: Vec<(BudgetId, Money)>, amount: Money, now_ms: i64, wall: Timestamp) -> Vec<Intent> {
        let mut intents = Vec::with_capacity(wishes.len());
        for (budget, missing) in wishes {
            let (intent_id, seq) = self.place();
            let Some(purse) = self.purses.get_mut(&budget) else { continue };
            let Wish { need, want } = purse.ask(intent_id, missing, amount, now_ms);
            let ask = Ask { need, want, ttl_ms: LEASE_TTL_MS };
            intents.push(self.intent(intent_id, seq, budget, wall, Some(ask), None));
        }
        intents
    }

    fn give_back(&mut self, budget: &BudgetId, over: Vec<Given>, wall: Timestamp, intents: &mut Vec<Intent>) {
        for Given { lease_id, spent } in over {
            let (intent_id, seq) = self.place();
            intents.push(self.intent(intent_id, seq, budget.clone(), wall, None, Some(Return { lease_id, spent })));
        }
    }

    fn place(&mut self) -> (IntentId, Seq) {
        let seq = self.next;
        self.next = Seq(seq.0 + 1);
        (place::in_stream(self.stream, seq), seq)
    }

    fn intent(
        &self,
        intent_id: IntentId,
        seq: Seq,
        budget_id: BudgetId,
        event_time: Timestamp,
        ask: Option<Ask>,
        back: Option<Return>,
    ) -> Intent {
        let (ingress_id, boot_epoch) = (self.ingress.clone(), self.life);
        Intent { intent_id, budget_id, ingress_id, boot_epoch, seq, event_time, ask, r#return: back }
    }

    fn is_mine(&self, ingress: &IngressId, life: BootEpoch) -> bool {
        self.life == life && self.ingress == *ingress
    }
}

#[cfg(test)]
mod tests;

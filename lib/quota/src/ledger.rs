//! The grantor's state of one partition: the fold of its entries in log order.
//!
//! A grantor decides one intent at a time: [`Ledger::decide`], append the entry, [`Ledger::apply`] it, then the next. It may
//! apply its own entry before it reads it back: if another claim came first, then all that it writes is void for everybody.
//! After a failed append its ledger is worth nothing; it starts over from the log.
//!
//! Each ask is answered once. Intents of one holder stand in the order of their `seq` in a partition, so one mark per holder
//! tells a repeat; a return is known by its lease, which ends with it. Asks of an earlier life of an ingress are not
//! answered: nobody would use the lease.

mod account;

use std::collections::HashMap;

use weir_schemas::event::{Ask, Deny, Grant, Intent, QuotaEntry, QuotaRecord, Return, Settle, Window};
use weir_schemas::{BootEpoch, BudgetId, IngressId, LeaseId, Money, Offset, Seq, Timestamp};

use crate::{Budget, Fence, place};
use account::{Account, Lease};

/// The longest lease. Money that a crashed holder had is lost to the others for at most the window, and a lease that is merely
/// unused should not come near to that.
const MAX_TTL_MS: i64 = 10 * 60_000;
/// A lease takes at most this part of what is left (but for what its holder needs): the nearer the limit, the smaller the
/// leases, and the less is stranded at holders who do not need it.
const SHARE: i64 = 4;
/// Ingresses whose last answer is remembered. Past it the one that was answered longest ago is forgotten; a repeat of its last
/// ask would then be a lease that it hands back.
const MAX_HOLDERS: usize = 4_096;

/// The grantor's state of one partition. See the module's words.
#[derive(Clone, Debug)]
pub struct Ledger {
    fence: Fence,
    intent_offset: Offset,
    accounts: HashMap<BudgetId, Account>,
    answered: HashMap<IngressId, Answered>,
    entries: u64,
}

/// The last ask of an ingress that was answered.
#[derive(Clone, Copy, Debug)]
struct Answered {
    life: BootEpoch,
    seq: Seq,
    /// When, counted in entries.
    entry: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            fence: Fence::default(),
            intent_offset: Offset(-1),
            accounts: HashMap::new(),
            answered: HashMap::new(),
            entries: 0,
        }
    }
}

impl Ledger {
    /// Folds one entry as it stands in the log. Void ones (see [`Fence`]) change nothing; returns whether it counted.
    pub fn apply(&mut self, entry: &QuotaEntry) -> bool {
        if !self.fence.admit(entry) {
            return false;
        }
        self.entries += 1;
        self.intent_offset = self.intent_offset.max(entry.intent_offset);
        if let Some(grant) = &entry.record.grant {
            self.mark_answered(grant.intent_id, &grant.ingress_id, grant.boot_epoch);
        }
        if let Some(deny) = &entry.record.deny {
            self.mark_answered(deny.intent_id, &deny.ingress_id, deny.boot_epoch);
        }
        if let Some(budget) = &entry.budget_id {
            if let Some(grant) = &entry.record.grant {
                let holder = (grant.ingress_id.clone(), grant.boot_epoch);
                let lease = Lease { holder, amount: grant.amount };
                self.accounts.entry(budget.clone()).or_default().grant(grant.window, grant.lease_id, lease);
            }
            if let Some(settle) = &entry.record.settle
                && let Some(account) = self.accounts.get_mut(budget)
            {
                account.settle(settle.lease_id, settle.spent);
            }
        }
        true
    }

    /// The epoch of the last claim; 0 before the first.
    pub fn epoch(&self) -> i64 {
        self.fence.epoch()
    }

    /// Whether the claim that counts is this very one: a grantor that reads up to its own claim asks so whether it won.
    pub fn is_held_by(&self, epoch: i64, owner: &str, nonce: &str) -> bool {
        self.fence.is_held_by(epoch, owner, nonce)
    }

    /// Everything in the intents' partition up to here has been answered; −1 before the first.
    pub fn intent_offset(&self) -> Offset {
        self.intent_offset
    }

    /// Decides on an intent appended at `appended` (log-append time) under `budget` (None: no such budget any more).
    /// `None` where nothing is to be written (a repeat that was answered, a return of an unknown lease).
    pub fn decide(
        &self,
        intent: &Intent,
        budget: Option<&Budget>,
        at: Offset,
        appended: Timestamp,
    ) -> Option<QuotaRecord> {
        if at <= self.intent_offset {
            return None;
        }
        match (&intent.ask, &intent.r#return) {
            (Some(ask), None) => self.answer(intent, ask, budget, appended),
            (None, Some(back)) => self.take_back(intent, back),
            _ => None,
        }
    }

    /// (charged, outstanding) of a budget in a window. Windows that ended long ago are forgotten.
    pub fn standing(&self, budget: &BudgetId, window: Window) -> (Money, Money) {
        self.accounts.get(budget).map(|account| account.standing(window)).unwrap_or_default()
    }

    /// The window that `at` falls into for a budget. Time does not go back: an append time before a window that has
    /// leases already counts into that one, since an older one may be closed.
    pub fn window_of(&self, budget: &Budget, at: Timestamp) -> Window {
        budget.window.window_at(self.not_before_latest(&budget.id, at))
    }

    fn not_before_latest(&self, budget: &BudgetId, at: Timestamp) -> Timestamp {
        self.accounts.get(budget).and_then(Account::latest).map_or(at, |latest| latest.max(at))
    }

    fn answer(&self, intent: &Intent, ask: &Ask, budget: Option<&Budget>, appended: Timestamp) -> Option<QuotaRecord> {
        let lease_id = LeaseId::of(intent.intent_id);
        let known = self.accounts.get(&intent.budget_id).is_some_and(|account| account.lease(lease_id).is_some());
        if known || self.was_answered(intent) {
            return None;
        }
        let Some(budget) = budget else {
            let window = Window { start: Timestamp(0), end: None };
            return Some(deny(intent, Money::ZERO, (Money::ZERO, Money::ZERO), None, window));
        };
        let now = self.not_before_latest(&intent.budget_id, appended);
        let window = budget.window.window_at(now);
        let left_us = window.end.map(|end| end.0.saturating_sub(now.0));
        let (charged, outstanding) = self.standing(&intent.budget_id, window);
        let remaining = budget.limit.minus_or_zero(charged.saturating_add(outstanding));
        // Nothing is not worth a lease: it would be a hold without end on an empty promise.
        let need = ask.need.max(Money(1));
        if need > remaining {
            let retry_after_ms = left_us.map(|us| us.saturating_add(999) / 1_000);
            return Some(deny(intent, budget.limit, (charged, outstanding), retry_after_ms, window));
        }
        let amount = ask.want.max(need).min(need.max(Money(remaining.0 / SHARE)));
        let ttl_ms = ask.ttl_ms.clamp(1, MAX_TTL_MS).min(left_us.map_or(i64::MAX, |us| us / 1_000));
        let grant = Grant {
            intent_id: intent.intent_id,
            lease_id,
            ingress_id: intent.ingress_id.clone(),
            boot_epoch: intent.boot_epoch,
            amount,
            ttl_ms,
            window,
        };
        Some(QuotaRecord { grant: Some(grant), ..QuotaRecord::default() })
    }

    fn take_back(&self, intent: &Intent, back: &Return) -> Option<QuotaRecord> {
        let (window, lease) = self.accounts.get(&intent.budget_id)?.lease(back.lease_id)?;
        if lease.holder != (intent.ingress_id.clone(), intent.boot_epoch) {
            return None;
        }
        let spent = back.spent.clamp(Money::ZERO, lease.amount);
        let settle = Settle { lease_id: back.lease_id, spent, window };
        Some(QuotaRecord { settle: Some(settle), ..QuotaRecord::default() })
    }

    fn was_answered(&self, intent: &Intent) -> bool {
        self.answered.get(&intent.ingress_id).is_some_and(|answered| {
            intent.boot_epoch < answered.life || (intent.boot_epoch == answered.life && intent.seq <= answered.seq)
        })
    }

    fn mark_answered(&mut self, id: weir_schemas::IntentId, ingress: &IngressId, life: BootEpoch) {
        let Some(seq) = place::seq_of(id, ingress, life) else { return };
        let now = Answered { life, seq, entry: self.entries };
        match self.answered.get_mut(ingress) {
            Some(last) if (last.life, last.seq) < (life, seq) => *last = now,
            Some(_) => {}
            None => {
                if self.answered.len() >= MAX_HOLDERS {
                    let oldest = self.answered.iter().min_by_key(|(_, a)| a.entry).map(|(ingress, _)| ingress.clone());
                    oldest.and_then(|ingress| self.answered.remove(&ingress));
                }
                self.answered.insert(ingress.clone(), now);
            }
        }
    }
}

fn deny(
    intent: &Intent,
    limit: Money,
    (charged, outstanding): (Money, Money),
    retry_after_ms: Option<i64>,
    window: Window,
) -> QuotaRecord {
    let deny = Deny {
        intent_id: intent.intent_id,
        ingress_id: intent.ingress_id.clone(),
        boot_epoch: intent.boot_epoch,
        limit,
        charged,
        outstanding,
        retry_after_ms,
        window,
    };
    QuotaRecord { deny: Some(deny), ..QuotaRecord::default() }
}

#[cfg(test)]
mod tests;

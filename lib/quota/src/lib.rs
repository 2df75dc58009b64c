//! Escrow leases, pure: [`Ledger`] is the grantor's state, [`Wallet`] the holder's. Time is passed in, events go in and come out.
//!
//! Invariant of the grantor, per budget and window: `charged + outstanding ≤ limit`.
//! Invariant of the holder: it never has more reserved and spent on a lease than the lease is worth.

use weir_schemas::event::{Intent, QuotaEntry, ReservationRef, Window};
use weir_schemas::{BootEpoch, BudgetId, IngressId, Money, Offset, Timestamp};

/// How a budget's window is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind { Minute, Hour, Day, Week, Month, Total }

impl WindowKind {
    /// The window in which `at` lies (UTC).
    pub fn window_at(self, _at: Timestamp) -> Window { unimplemented!() }
}

/// A budget as the configuration says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget { pub id: BudgetId, pub limit: Money, pub window: WindowKind }

/// The grantor's state of one partition: the fold of its entries in log order.
#[derive(Clone, Debug, Default)]
pub struct Ledger;

/// What a grantor's decision appends; the caller writes it to the grants' partition, then applies it with [`Ledger::apply`].
impl Ledger {
    /// Folds one entry as it stands in the log. Void ones (below the last claim) change nothing; returns whether it counted.
    pub fn apply(&mut self, _entry: &QuotaEntry) -> bool { unimplemented!() }
    /// The epoch of the last claim; 0 before the first.
    pub fn epoch(&self) -> i64 { unimplemented!() }
    /// Everything in the intents' partition up to here has been answered; −1 before the first.
    pub fn intent_offset(&self) -> Offset { unimplemented!() }
    /// Decides on an intent appended at `appended` (log-append time) under `budget` (None: no such budget any more).
    /// `None` where nothing is to be written (a repeat that was answered, a return of an unknown lease).
    pub fn decide(&self, _intent: &Intent, _budget: Option<&Budget>, _at: Offset, _appended: Timestamp) -> Option<weir_schemas::event::QuotaRecord> { unimplemented!() }
    /// (charged, outstanding) of a budget in a window.
    pub fn standing(&self, _budget: &BudgetId, _window: Window) -> (Money, Money) { unimplemented!() }
}

/// The holder's side, for all budgets of one ingress process. `now_ms` is a monotonic clock of the caller's choosing.
#[derive(Debug)]
pub struct Wallet;

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
    pub fn new(_ingress: IngressId, _epoch: BootEpoch) -> Self { Self }
    /// Takes `amount` from each budget, in the given (fixed) order, or none.
    pub fn reserve(&mut self, _budgets: &[Budget], _amount: Money, _now_ms: i64, _wall: Timestamp) -> Reserve { unimplemented!() }
    /// The call is over: `spent` of each reservation is gone (capped at what was reserved), the rest is free again.
    /// Returns what is to be produced (returns of leases that are over, asks for refills).
    pub fn settle(&mut self, _reserved: &[ReservationRef], _spent: Money, _now_ms: i64, _wall: Timestamp) -> Vec<Intent> { unimplemented!() }
    /// An entry of the grants' log, of whatever partition, in log order per partition. Void ones are ignored.
    pub fn observe(&mut self, _entry: &QuotaEntry, _now_ms: i64) { }
    /// Time passes: what is to be produced (returns of expired and idle leases).
    pub fn tick(&mut self, _now_ms: i64, _wall: Timestamp) -> Vec<Intent> { unimplemented!() }
    /// The process ends in good order: returns of all leases without open reservations.
    pub fn close(&mut self, _now_ms: i64, _wall: Timestamp) -> Vec<Intent> { unimplemented!() }
}

//! Escrow leases, pure: [`Ledger`] is the grantor's state, [`Wallet`] the holder's. Time is passed in, events go in and come out.
//!
//! A holder spends only what a lease in the log allows it; a grantor leases only what a budget still has. So P3 rests on two
//! local rules, and on nobody's clock:
//!
//! - grantor, per budget and window: `charged + outstanding ≤ limit`, also while the limit is lowered (then nothing is granted);
//! - holder, per lease: what is reserved and what is spent never add up to more than the lease.
//!
//! A lease that never comes back counts as spent until its window ends. Who may write to a ledger's partition is decided by
//! log order alone ([`Fence`]), so that a deposed grantor can do no harm.
//!
//! Not promised: that money freed by one holder reaches another before the lease is idle or over; that a change of a budget's
//! *window* carries over what was spent in the old one; that a holder that begins to read the grants in the middle of a
//! partition knows a claim which it did not see (feed it from the start).

mod fence;
mod ledger;
mod place;
mod wallet;
mod window;

use weir_schemas::{BudgetId, Money};

pub use fence::Fence;
pub use ledger::Ledger;
pub use place::intent_id;
pub use wallet::{Reserve, Wallet};
pub use window::WindowKind;

/// A budget as the configuration says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    pub id: BudgetId,
    pub limit: Money,
    pub window: WindowKind,
}

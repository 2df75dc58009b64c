//! The oracle: reads a partition of grants from its start and says what it means, as plainly as it can be said.

use std::collections::{BTreeMap, BTreeSet};

use weir_schemas::event::{QuotaEntry, Window};
use weir_schemas::{BudgetId, LeaseId};

#[derive(Debug, Default)]
pub(crate) struct Meaning {
    /// The leases that anybody may rely on.
    pub(crate) leases: BTreeMap<LeaseId, Lease>,
}

#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pub(crate) budget: BudgetId,
    pub(crate) window: Window,
    pub(crate) amount: i64,
    pub(crate) returned: Option<i64>,
}

impl Meaning {
    /// (charged, outstanding) of each budget and window.
    pub(crate) fn standing(&self) -> BTreeMap<(BudgetId, i64), (i64, i64)> {
        let mut sums: BTreeMap<(BudgetId, i64), (i64, i64)> = BTreeMap::new();
        for lease in self.leases.values() {
            let sum = sums.entry((lease.budget.clone(), lease.window.start.0)).or_default();
            match lease.returned {
                Some(spent) => sum.0 += spent,
                None => sum.1 += lease.amount,
            }
        }
        sums
    }
}

/// Folds the whole partition; `each` sees the meaning after each entry.
pub(crate) fn fold(log: &[QuotaEntry], mut each: impl FnMut(&Meaning)) -> Meaning {
    let mut meaning = Meaning::default();
    let mut claims: Vec<(i64, String)> = Vec::new();
    let mut seen: BTreeSet<(i64, String, i64)> = BTreeSet::new();
    for entry in log {
        if entry.record.claim.is_some() {
            if claims.iter().all(|(epoch, _)| *epoch < entry.epoch) {
                claims.push((entry.epoch, entry.owner.clone()));
            }
            continue;
        }
        let valid = claims.last().is_some_and(|(epoch, owner)| *epoch == entry.epoch && *owner == entry.owner);
        if !valid || !seen.insert((entry.epoch, entry.owner.clone(), entry.seq.0)) {
            continue;
        }
        if let Some(grant) = &entry.record.grant {
            let budget = entry.budget_id.clone().expect("a grant is of a budget");
            let lease = Lease { budget, window: grant.window, amount: grant.amount.0, returned: None };
            let before = meaning.leases.insert(grant.lease_id, lease);
            assert!(before.is_none(), "a lease is granted twice");
        }
        if let Some(settle) = &entry.record.settle {
            let lease = meaning.leases.get_mut(&settle.lease_id).expect("a settled lease was granted");
            assert!(lease.returned.is_none(), "a lease is settled twice");
            assert!((0..=lease.amount).contains(&settle.spent.0));
            lease.returned = Some(settle.spent.0);
        }
        each(&meaning);
    }
    meaning
}

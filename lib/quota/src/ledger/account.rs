use std::collections::HashMap;

use weir_schemas::event::Window;
use weir_schemas::{BootEpoch, IngressId, LeaseId, Money, Timestamp};

/// Ended windows that are kept so that late returns are still written down. Past it the oldest goes: it limits nothing any more.
const KEPT_ENDED: usize = 64;

/// One budget's standing in its windows.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// By start. More than one is open only where the configuration changed the kind of window.
    windows: Vec<(Window, Spend)>,
}

#[derive(Clone, Debug, Default)]
struct Spend {
    charged: Money,
    /// The sum of `leases`.
    outstanding: Money,
    leases: HashMap<LeaseId, Lease>,
}

/// What is out.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) holder: (IngressId, BootEpoch),
    pub(super) amount: Money,
}

impl Account {
    pub(super) fn standing(&self, window: Window) -> (Money, Money) {
        let spend = self.windows.iter().find(|(w, _)| *w == window).map(|(_, spend)| spend);
        spend.map(|spend| (spend.charged, spend.outstanding)).unwrap_or_default()
    }

    /// The start of the last window that had a lease.
    pub(super) fn latest(&self) -> Option<Timestamp> {
        self.windows.last().map(|(window, _)| window.start)
    }

    pub(super) fn lease(&self, id: LeaseId) -> Option<(Window, &Lease)> {
        self.windows.iter().rev().find_map(|(window, spend)| spend.leases.get(&id).map(|lease| (*window, lease)))
    }

    pub(super) fn grant(&mut self, window: Window, id: LeaseId, lease: Lease) {
        let at = match self.windows.iter().position(|(w, _)| *w == window) {
            Some(at) => at,
            None => self.open(window),
        };
        let spend = &mut self.windows[at].1;
        let amount = lease.amount;
        if spend.leases.insert(id, lease).is_none() {
            spend.outstanding = spend.outstanding.saturating_add(amount);
        }
    }

    pub(super) fn settle(&mut self, id: LeaseId, spent: Money) {
        for (_, spend) in &mut self.windows {
            if let Some(lease) = spend.leases.remove(&id) {
                spend.outstanding = spend.outstanding.minus_or_zero(lease.amount);
                spend.charged = spend.charged.saturating_add(spent.clamp(Money::ZERO, lease.amount));
                return;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.windows.len()
    }

    fn open(&mut self, window: Window) -> usize {
        let at = self.windows.partition_point(|(w, _)| w.start <= window.start);
        self.windows.insert(at, (window, Spend::default()));
        // Append times never fall behind the latest start, so a window that ended by then gets no lease any more.
        let latest = self.windows.last().map_or(window.start, |(w, _)| w.start);
        let over = |w: &Window| *w != window && w.end.is_some_and(|end| end <= latest);
        let mut excess = self.windows.iter().filter(|(w, _)| over(w)).count().saturating_sub(KEPT_ENDED);
        self.windows.retain(|(w, _)| {
            let drop = excess > 0 && over(w);
            excess -= usize::from(drop);
            !drop
        });
        self.windows.iter().position(|(w, _)| *w == window).expect("inserted above, and never dropped")
    }
}

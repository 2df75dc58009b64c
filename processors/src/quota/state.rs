//! What a grantor knows: the ledgers that it owns, and the budgets of the policy. Pure.

use std::collections::HashMap;

use weir_policy::Snapshot;
use weir_quota::{Budget, Fence, Ledger};
use weir_schemas::event::{Claim, QuotaRecord};
use weir_schemas::{BudgetId, Offset, Partition, QuotaEntry, Seq, Timestamp};

/// A claim as its maker knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClaimId {
    pub(super) epoch: i64,
    pub(super) owner: String,
    pub(super) nonce: String,
}

impl ClaimId {
    /// The owner is named by the claim as well as by its process: what two claims of one epoch write stays apart.
    pub(super) fn after(ledger: &Ledger, instance: &str, nonce: uuid::Uuid) -> Self {
        let nonce = nonce.simple().to_string();
        let short = &nonce[nonce.len() - 8..];
        Self { epoch: ledger.epoch() + 1, owner: format!("{instance}#{short}"), nonce }
    }

    pub(super) fn entry(&self, partition: Partition, ledger: &Ledger, now: Timestamp) -> QuotaEntry {
        QuotaEntry {
            epoch: self.epoch,
            seq: Seq(0),
            owner: self.owner.clone(),
            partition: partition.0,
            budget_id: None,
            intent_offset: ledger.intent_offset(),
            event_time: now,
            record: QuotaRecord { claim: Some(Claim { nonce: self.nonce.clone() }), ..QuotaRecord::default() },
        }
    }

    pub(super) fn holds(&self, fence: &Fence) -> bool {
        fence.is_held_by(self.epoch, &self.owner, &self.nonce)
    }
}

/// A ledger under a claim of ours.
#[derive(Debug)]
pub(super) struct Owned {
    partition: Partition,
    /// Of the topic: a budget belongs to one of them.
    partitions: i32,
    ledger: Ledger,
    claim: ClaimId,
    next: Seq,
}

impl Owned {
    /// `ledger` is folded up to and with `claim`.
    pub(super) fn new(partition: Partition, partitions: i32, ledger: Ledger, claim: ClaimId) -> Self {
        Self { partition, partitions, ledger, claim, next: Seq(1) }
    }

    pub(super) fn partition(&self) -> Partition {
        self.partition
    }

    pub(super) fn partitions(&self) -> i32 {
        self.partitions
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) fn claim(&self) -> &ClaimId {
        &self.claim
    }

    pub(super) fn has_answered(&self, at: Offset) -> bool {
        at <= self.ledger.intent_offset()
    }

    /// Makes a decision the next entry of the ledger, and applies it.
    pub(super) fn enter(&mut self, budget: &BudgetId, at: Offset, time: Timestamp, record: QuotaRecord) -> QuotaEntry {
        let entry = QuotaEntry {
            epoch: self.claim.epoch,
            seq: self.next,
            owner: self.claim.owner.clone(),
            partition: self.partition.0,
            budget_id: Some(budget.clone()),
            intent_offset: at,
            event_time: time,
            record,
        };
        self.next = Seq(self.next.0 + 1);
        let counted = self.ledger.apply(&entry);
        debug_assert!(counted, "an entry under the ledger's own last claim counts");
        entry
    }
}

/// The budgets of a snapshot by id; made anew when the snapshot is another.
#[derive(Default)]
pub(super) struct Budgets {
    version: Option<String>,
    by_id: HashMap<BudgetId, Budget>,
}

impl Budgets {
    pub(super) fn of(&mut self, policy: &Snapshot, id: &BudgetId) -> Option<&Budget> {
        if self.version.as_ref() != Some(&policy.version) {
            self.version = Some(policy.version.clone());
            let all = policy.budgets.iter();
            self.by_id =
                all.map(|b| (b.id.clone(), Budget { id: b.id.clone(), limit: b.limit, window: b.window })).collect();
        }
        self.by_id.get(id)
    }
}

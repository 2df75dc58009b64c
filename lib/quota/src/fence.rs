//! Who writes to a ledger's partition, decided by the order of the log alone.
//!
//! An entry counts if and only if it was written under the last claim before it:
//! - a claim counts if its epoch is above that of every claim before it; of two claims of one epoch the first in log order
//!   counts, and what the other's owner writes under that epoch is void;
//! - any other entry counts if its epoch and its owner are those of the last counting claim, and its `seq` is above that of the
//!   last counting entry of this claim (a repeat by the producer is void).
//!
//! `owner` must therefore name one life of one process. Everybody who folds a partition from its start comes to the same
//! verdict. Who starts later takes an entry of an epoch above all that it has seen as the sign of a claim that it missed.

use weir_schemas::Seq;
use weir_schemas::event::QuotaEntry;

/// The fence of one partition: the last claim that counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fence {
    epoch: i64,
    owner: String,
    nonce: Option<String>,
    last: Option<Seq>,
}

impl Fence {
    /// Takes the next entry of the partition in log order; whether it counts.
    pub fn admit(&mut self, entry: &QuotaEntry) -> bool {
        if let Some(claim) = &entry.record.claim {
            if entry.epoch <= self.epoch {
                return false;
            }
            *self =
                Self { epoch: entry.epoch, owner: entry.owner.clone(), nonce: Some(claim.nonce.clone()), last: None };
            return true;
        }
        if entry.epoch > self.epoch {
            *self = Self { epoch: entry.epoch, owner: entry.owner.clone(), nonce: None, last: Some(entry.seq) };
            return true;
        }
        let counts = entry.epoch == self.epoch
            && self.epoch > 0
            && entry.owner == self.owner
            && self.last.is_none_or(|last| entry.seq > last);
        if counts {
            self.last = Some(entry.seq);
        }
        counts
    }

    /// The epoch of the last claim; 0 before the first.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Whether the last claim is this very one.
    pub fn is_held_by(&self, epoch: i64, owner: &str, nonce: &str) -> bool {
        self.epoch == epoch && self.owner == owner && self.nonce.as_deref() == Some(nonce)
    }
}

#[cfg(test)]
mod tests {
    use weir_schemas::event::{Claim, QuotaRecord};
    use weir_schemas::{Offset, Timestamp};

    use super::*;

    fn entry(epoch: i64, owner: &str, seq: i64) -> QuotaEntry {
        QuotaEntry {
            epoch,
            seq: Seq(seq),
            owner: owner.into(),
            partition: 0,
            budget_id: None,
            intent_offset: Offset(-1),
            event_time: Timestamp(0),
            record: QuotaRecord::default(),
        }
    }

    fn claim(epoch: i64, owner: &str) -> QuotaEntry {
        let record = QuotaRecord { claim: Some(Claim { nonce: format!("{owner}'s") }), ..QuotaRecord::default() };
        QuotaEntry { record, ..entry(epoch, owner, 0) }
    }

    #[test]
    fn only_the_last_claim_counts_and_of_equal_claims_the_first() {
        let mut fence = Fence::default();
        let log = [
            (claim(1, "a"), true),
            (entry(1, "a", 0), true),
            (entry(1, "a", 0), false), // a repeat
            (claim(2, "b"), true),
            (claim(2, "c"), false), // lost the race
            (entry(2, "c", 1), false),
            (entry(1, "a", 1), false), // deposed
            (claim(1, "a"), false),
            (entry(2, "b", 1), true),
            (claim(2, "b"), false), // a repeat does not start the count anew
            (entry(2, "b", 1), false),
            (entry(2, "b", 2), true),
            (claim(5, "a"), true),
            (entry(2, "b", 3), false),
            (entry(5, "a", 1), true),
        ];
        for (number, (entry, counts)) in log.iter().enumerate() {
            assert_eq!(fence.admit(entry), *counts, "entry {number}");
        }
        assert!(fence.is_held_by(5, "a", "a's"));
        assert!(!fence.is_held_by(5, "a", "another's"));
    }

    #[test]
    fn a_late_reader_infers_the_claim_that_it_missed() {
        let mut fence = Fence::default();
        assert!(fence.admit(&entry(4, "b", 7)));
        assert!(!fence.admit(&entry(3, "a", 9)));
        assert!(!fence.admit(&entry(4, "a", 9)));
        assert!(!fence.admit(&claim(4, "b")));
        assert!(fence.admit(&entry(4, "b", 8)));
    }
}

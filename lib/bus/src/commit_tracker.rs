//! Ordered commit, pure: tells how far a partition may be committed while its records finish in any order.

use std::collections::{BTreeMap, VecDeque};

use weir_schemas::Offset;

use crate::TopicPartition;

/// Holds every offset from [`begin`](Self::begin) to [`done`](Self::done). What it offers to commit never lies past
/// an offset that is still under way. Offsets may have holes (compaction), and the caller bounds how many are open.
#[derive(Debug, Default)]
pub struct CommitTracker {
    partitions: BTreeMap<TopicPartition, Tracked>,
}

#[derive(Debug)]
struct Tracked {
    /// In rising order; the front one is not done.
    open: VecDeque<(Offset, bool)>,
    /// After the highest offset that was begun.
    end: Offset,
    /// How far was told; at first where reading began, which the group knows.
    returned: Offset,
}

impl CommitTracker {
    /// `offset` was read and is under way. Offsets are tracked in rising order; a repeated one is tracked once.
    pub fn begin(&mut self, at: &TopicPartition, offset: Offset) {
        let tracked = match self.partitions.get_mut(at) {
            Some(tracked) => tracked,
            None => {
                let new = Tracked { open: VecDeque::new(), end: offset, returned: offset };
                self.partitions.entry(at.clone()).or_insert(new)
            }
        };
        match tracked.open.back() {
            Some((last, _)) if *last >= offset => {
                // Read again after a seek back: it has to be done again before anything from here on is committed.
                match tracked.open.binary_search_by_key(&offset, |(offset, _)| *offset) {
                    Ok(i) => tracked.open[i].1 = false,
                    Err(i) => tracked.open.insert(i, (offset, false)),
                }
            }
            _ => tracked.open.push_back((offset, false)),
        }
        tracked.end = tracked.end.max(offset.next());
    }

    /// `offset` is durable.
    pub fn done(&mut self, at: &TopicPartition, offset: Offset) {
        let Some(tracked) = self.partitions.get_mut(at) else { return };
        if let Ok(i) = tracked.open.binary_search_by_key(&offset, |(offset, _)| *offset) {
            tracked.open[i].1 = true;
        }
        while tracked.open.front().is_some_and(|(_, done)| *done) {
            tracked.open.pop_front();
        }
    }

    /// What may be committed and has not been returned before: (partition, next offset).
    pub fn committable(&mut self) -> Vec<(TopicPartition, Offset)> {
        let mut out = Vec::new();
        for (at, tracked) in &mut self.partitions {
            let next = tracked.open.front().map_or(tracked.end, |(offset, _)| *offset);
            if next > tracked.returned {
                tracked.returned = next;
                out.push((at.clone(), next));
            }
        }
        out
    }

    /// Forgets a partition that is no longer ours.
    pub fn forget(&mut self, at: &TopicPartition) {
        self.partitions.remove(at);
    }

    /// How many offsets are under way: to bound them.
    pub fn open(&self) -> usize {
        self.partitions.values().map(|tracked| tracked.open.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use weir_schemas::{Partition, TopicName};

    use super::*;

    fn at(partition: i32) -> TopicPartition {
        TopicPartition { topic: TopicName::from("t"), partition: Partition(partition) }
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// Reads the next record of a partition, after a hole of so many offsets.
        Begin(i32, i64),
        /// Finishes some open record.
        Done(prop::sample::Index),
        Commit,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0..3i32, prop_oneof![4 => Just(0i64), 1 => 1..5i64]).prop_map(|(p, hole)| Step::Begin(p, hole)),
            3 => any::<prop::sample::Index>().prop_map(Step::Done),
            1 => Just(Step::Commit),
        ];
        prop::collection::vec(step, 0..200)
    }

    proptest! {
        #[test]
        fn nothing_is_committed_past_an_open_record_and_everything_is_in_the_end(steps in steps()) {
            let mut tracker = CommitTracker::default();
            let mut next = [100i64; 3];
            let mut open: Vec<(i32, i64)> = Vec::new();
            let mut done: [BTreeSet<i64>; 3] = Default::default();
            let mut committed = [100i64; 3];
            let mut commit = |tracker: &mut CommitTracker, open: &[(i32, i64)], next: &[i64; 3]| {
                for (at, offset) in tracker.committable() {
                    let p = at.partition.0 as usize;
                    let expected = open.iter().filter(|o| o.0 == at.partition.0).map(|o| o.1).min().unwrap_or(next[p]);
                    prop_assert_eq!(offset.0, expected);
                    prop_assert!(offset.0 > committed[p], "offered twice or backwards");
                    committed[p] = offset.0;
                }
                Ok(committed)
            };
            for step in steps {
                match step {
                    Step::Begin(p, hole) => {
                        let offset = next[p as usize] + if next[p as usize] == 100 { 0 } else { hole };
                        tracker.begin(&at(p), Offset(offset));
                        open.push((p, offset));
                        next[p as usize] = offset + 1;
                    }
                    Step::Done(_) if open.is_empty() => {}
                    Step::Done(which) => {
                        let (p, offset) = open.swap_remove(which.index(open.len()));
                        tracker.done(&at(p), Offset(offset));
                        done[p as usize].insert(offset);
                    }
                    Step::Commit => {
                        commit(&mut tracker, &open, &next)?;
                    }
                }
            }
            for (p, offset) in open.drain(..) {
                tracker.done(&at(p), Offset(offset));
            }
            prop_assert_eq!(commit(&mut tracker, &[], &next)?, next);
            prop_assert_eq!(tracker.open(), 0);
        }
    }

    #[test]
    fn a_forgotten_partition_offers_nothing() {
        let mut tracker = CommitTracker::default();
        tracker.begin(&at(0), Offset(5));
        tracker.forget(&at(0));
        tracker.done(&at(0), Offset(5));
        assert!(tracker.committable().is_empty());
    }

    #[test]
    fn a_record_read_again_has_to_be_done_again() {
        let mut tracker = CommitTracker::default();
        for offset in [5, 6, 7] {
            tracker.begin(&at(0), Offset(offset));
        }
        tracker.done(&at(0), Offset(6));
        tracker.begin(&at(0), Offset(6));
        tracker.done(&at(0), Offset(5));
        tracker.done(&at(0), Offset(7));
        assert_eq!(tracker.committable(), [(at(0), Offset(6))]);
        tracker.done(&at(0), Offset(6));
        assert_eq!(tracker.committable(), [(at(0), Offset(8))]);
    }
}

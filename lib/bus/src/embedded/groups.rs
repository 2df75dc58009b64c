//! Who reads what: groups, their members and the range assignment. Pure but for the wake-ups; time is passed in.
//!
//! - A partition has at most one owner. It passes on when its owner has let go, or has kept the group waiting for
//!   longer than [`REVOKE_WAIT`].
//! - Range per topic, members in order of joining: equal partitions of different topics go to the same member.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use weir_schemas::{Partition, TopicName};

use crate::TopicPartition;

/// How long a member may hold up the others.
pub(super) const REVOKE_WAIT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MemberId(u64);

#[derive(Default)]
pub(super) struct Groups {
    groups: Mutex<HashMap<String, Group>>,
}

#[derive(Default)]
struct Group {
    members: BTreeMap<MemberId, Member>,
    next_id: u64,
}

struct Member {
    /// With their partition counts.
    topics: BTreeMap<TopicName, i32>,
    wake: Arc<Notify>,
    target: BTreeSet<TopicPartition>,
    owned: BTreeSet<TopicPartition>,
    /// Of the owned: the member was told to let go.
    revoking: BTreeSet<TopicPartition>,
    /// Taken away without its consent, and not told yet.
    lost: BTreeSet<TopicPartition>,
    asked: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Assigned(Vec<TopicPartition>),
    /// To be let go with [`Groups::release`].
    Revoked(Vec<TopicPartition>),
    /// Gone already.
    Lost(Vec<TopicPartition>),
    /// Others hold what is to be ours: ask again at the latest after a while.
    Waiting,
    None,
}

impl Groups {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn join(
        &self,
        group: &str,
        topics: BTreeMap<TopicName, i32>,
        wake: Arc<Notify>,
        now: Instant,
    ) -> MemberId {
        let mut groups = self.lock();
        let group = groups.entry(group.to_owned()).or_default();
        let id = MemberId(group.next_id);
        group.next_id += 1;
        let member = Member {
            topics,
            wake,
            target: BTreeSet::new(),
            owned: BTreeSet::new(),
            revoking: BTreeSet::new(),
            lost: BTreeSet::new(),
            asked: None,
        };
        group.members.insert(id, member);
        group.rebalance(now);
        id
    }

    pub(super) fn leave(&self, group: &str, id: MemberId, now: Instant) {
        let mut groups = self.lock();
        if let Some(group) = groups.get_mut(group) {
            group.members.remove(&id);
            group.rebalance(now);
        }
    }

    /// What has changed for a member.
    pub(super) fn poll(&self, group: &str, id: MemberId, now: Instant) -> Change {
        let mut groups = self.lock();
        let Some(group) = groups.get_mut(group) else { return Change::None };
        group.take_from_the_unwilling(id, now);
        let elsewhere: BTreeSet<TopicPartition> = group
            .members
            .iter()
            .filter(|(other, _)| **other != id)
            .flat_map(|(_, m)| m.owned.iter().cloned())
            .collect();
        let Some(member) = group.members.get_mut(&id) else { return Change::None };
        if !member.lost.is_empty() {
            return Change::Lost(std::mem::take(&mut member.lost).into_iter().collect());
        }
        let losing: Vec<_> = member.owned.difference(&member.target).cloned().collect();
        let losing: Vec<_> = losing.into_iter().filter(|at| member.revoking.insert(at.clone())).collect();
        if !losing.is_empty() {
            return Change::Revoked(losing);
        }
        let wanted: Vec<_> = member.target.difference(&member.owned).cloned().collect();
        let count = wanted.len();
        let gained: Vec<_> = wanted.into_iter().filter(|at| !elsewhere.contains(at)).collect();
        if !gained.is_empty() {
            member.owned.extend(gained.iter().cloned());
            return Change::Assigned(gained);
        }
        if count > 0 { Change::Waiting } else { Change::None }
    }

    /// A member lets go.
    pub(super) fn release(&self, group: &str, id: MemberId, released: &[TopicPartition]) {
        let mut groups = self.lock();
        let Some(group) = groups.get_mut(group) else { return };
        if let Some(member) = group.members.get_mut(&id) {
            for at in released {
                // What was taken in the meantime is not ours to give.
                if member.revoking.remove(at) {
                    member.owned.remove(at);
                }
            }
            if member.owned.is_subset(&member.target) {
                member.asked = None;
            }
        }
        group.wake_all();
    }

    pub(super) fn owns(&self, group: &str, id: MemberId, at: &TopicPartition) -> bool {
        let groups = self.lock();
        groups.get(group).and_then(|group| group.members.get(&id)).is_some_and(|member| member.owned.contains(at))
    }
}

impl Group {
    fn rebalance(&mut self, now: Instant) {
        let mut targets: BTreeMap<MemberId, BTreeSet<TopicPartition>> = BTreeMap::new();
        let topics: BTreeMap<&TopicName, i32> = self
            .members
            .values()
            .flat_map(|member| member.topics.iter().map(|(topic, count)| (topic, *count)))
            .collect();
        for (topic, count) in topics {
            let takers: Vec<MemberId> =
                self.members.iter().filter(|(_, m)| m.topics.contains_key(topic)).map(|(id, _)| *id).collect();
            for (partition, taker) in range(count, &takers) {
                let at = TopicPartition { topic: topic.clone(), partition };
                targets.entry(taker).or_default().insert(at);
            }
        }
        for (id, member) in &mut self.members {
            member.target = targets.remove(id).unwrap_or_default();
            if member.owned.is_subset(&member.target) {
                member.asked = None;
            } else {
                member.asked = member.asked.or(Some(now));
            }
        }
        self.wake_all();
    }

    fn take_from_the_unwilling(&mut self, taker: MemberId, now: Instant) {
        for (_, other) in self.members.iter_mut().filter(|(id, _)| **id != taker) {
            if other.asked.is_some_and(|asked| now.duration_since(asked) >= REVOKE_WAIT) {
                let lost: Vec<_> = other.owned.difference(&other.target).cloned().collect();
                for at in lost {
                    other.owned.remove(&at);
                    other.revoking.remove(&at);
                    other.lost.insert(at);
                }
                other.asked = None;
                other.wake.notify_one();
            }
        }
    }

    fn wake_all(&self) {
        self.members.values().for_each(|member| member.wake.notify_one());
    }
}

/// Kafka's range assignment of one topic.
fn range(partitions: i32, takers: &[MemberId]) -> Vec<(Partition, MemberId)> {
    let count = takers.len() as i32;
    let mut out = Vec::new();
    let mut partition = 0;
    for (i, taker) in takers.iter().enumerate() {
        let share = partitions / count + i32::from((i as i32) < partitions % count);
        for _ in 0..share {
            out.push((Partition(partition), *taker));
            partition += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests;

use proptest::prelude::*;

use super::*;

fn join(groups: &Groups, partitions: i32, now: Instant) -> MemberId {
    groups.join("g", BTreeMap::from([(TopicName::from("t"), partitions)]), Arc::default(), now)
}

fn at(partition: i32) -> TopicPartition {
    TopicPartition { topic: TopicName::from("t"), partition: Partition(partition) }
}

#[test]
fn a_member_that_does_not_let_go_loses_its_partitions_after_a_while() {
    let (groups, now) = (Groups::default(), Instant::now());
    let one = join(&groups, 2, now);
    assert_eq!(groups.poll("g", one, now), Change::Assigned(vec![at(0), at(1)]));
    let two = join(&groups, 2, now);
    assert_eq!(groups.poll("g", one, now), Change::Revoked(vec![at(1)]));
    assert_eq!(groups.poll("g", two, now + REVOKE_WAIT / 2), Change::Waiting);
    assert!(groups.owns("g", one, &at(1)), "it may still commit");
    assert_eq!(groups.poll("g", two, now + REVOKE_WAIT), Change::Assigned(vec![at(1)]));
    assert!(!groups.owns("g", one, &at(1)));
    assert_eq!(groups.poll("g", one, now + REVOKE_WAIT), Change::Lost(vec![at(1)]));
    // The guard that was held too long gives nothing away any more.
    groups.release("g", one, &[at(1)]);
    assert!(groups.owns("g", two, &at(1)));
    assert_eq!(groups.poll("g", one, now + REVOKE_WAIT), Change::None);
}

#[test]
fn a_member_that_lets_go_in_time_keeps_what_stays_its_own() {
    let (groups, now) = (Groups::default(), Instant::now());
    let one = join(&groups, 3, now);
    assert!(matches!(groups.poll("g", one, now), Change::Assigned(_)));
    let two = join(&groups, 3, now);
    assert_eq!(groups.poll("g", one, now), Change::Revoked(vec![at(2)]));
    groups.release("g", one, &[at(2)]);
    assert_eq!(groups.poll("g", two, now + 2 * REVOKE_WAIT), Change::Assigned(vec![at(2)]));
    assert!(groups.owns("g", one, &at(0)) && groups.owns("g", one, &at(1)));
}

#[derive(Clone, Debug)]
enum Step {
    Join,
    Leave(prop::sample::Index),
    Poll(prop::sample::Index),
    /// Drops the oldest guard of a member.
    Release(prop::sample::Index),
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let which = any::<prop::sample::Index>;
    prop_oneof![
        2 => Just(Step::Join),
        1 => which().prop_map(Step::Leave),
        8 => which().prop_map(Step::Poll),
        4 => which().prop_map(Step::Release),
        1 => Just(Step::Wait),
    ]
}

/// A member as the stage behind it sees itself.
struct Stage {
    id: MemberId,
    reads: BTreeSet<TopicPartition>,
    guards: Vec<Vec<TopicPartition>>,
}

impl Stage {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Assigned(gained) => self.reads.extend(gained),
            Change::Revoked(losing) => {
                self.reads.retain(|at| !losing.contains(at));
                self.guards.push(losing);
            }
            Change::Lost(lost) => self.reads.retain(|at| !lost.contains(at)),
            Change::Waiting | Change::None => {}
        }
    }
}

proptest! {
    #[test]
    fn a_partition_never_has_two_owners_and_in_the_end_each_has_one(
        partitions in 1..9i32, steps in prop::collection::vec(step(), 1..120)
    ) {
        let groups = Groups::default();
        let mut now = Instant::now();
        let mut stages: Vec<Stage> = Vec::new();
        let all = || (0..partitions).map(at);
        for step in steps.into_iter().chain([Step::Join]) {
            match step {
                Step::Join => {
                    let id = join(&groups, partitions, now);
                    stages.push(Stage { id, reads: BTreeSet::new(), guards: Vec::new() });
                }
                Step::Wait => now += REVOKE_WAIT,
                _ if stages.is_empty() => {}
                Step::Leave(i) => groups.leave("g", stages.swap_remove(i.index(stages.len())).id, now),
                Step::Poll(i) => {
                    let i = i.index(stages.len());
                    let change = groups.poll("g", stages[i].id, now);
                    stages[i].apply(change);
                }
                Step::Release(i) => {
                    let i = i.index(stages.len());
                    if !stages[i].guards.is_empty() {
                        let guard = stages[i].guards.remove(0);
                        groups.release("g", stages[i].id, &guard);
                    }
                }
            }
            for at in all() {
                let owners = stages.iter().filter(|stage| groups.owns("g", stage.id, &at)).count();
                prop_assert!(owners <= 1);
            }
        }
        for _ in 0..3 * stages.len() + 3 {
            for stage in &mut stages {
                while let change @ (Change::Assigned(_) | Change::Revoked(_) | Change::Lost(_)) = groups.poll("g", stage.id, now) {
                    stage.apply(change);
                    stage.guards.drain(..).for_each(|guard| groups.release("g", stage.id, &guard));
                }
                stage.guards.drain(..).for_each(|guard| groups.release("g", stage.id, &guard));
            }
        }
        for at in all() {
            prop_assert_eq!(stages.iter().filter(|stage| groups.owns("g", stage.id, &at)).count(), 1);
            prop_assert_eq!(stages.iter().filter(|stage| stage.reads.contains(&at)).count(), 1);
        }
        let counts: Vec<usize> = stages.iter().map(|stage| stage.reads.len()).collect();
        prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{:?}", counts);
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::timeout;
use weir_bus::{CommitTracker, Consumer, Error, Next, TopicPartition};
use weir_schemas::{Offset, TopicName};

use super::world::{World, consume, next, number, numbered, place};

pub async fn a_new_group_starts_at_the_earliest_record(world: World) {
    let topic = world.topic(2).await;
    world.send_all((0..50).map(|i| numbered(&topic, i % 2, i as u32))).await;
    let mut consumer = world.consumer(std::slice::from_ref(&topic));
    let Next::Assigned(mut assigned) = next(&mut consumer).await else { panic!("not assigned first") };
    assigned.sort();
    assert_eq!(assigned, [place(&topic, 0), place(&topic, 1)]);
    let mut offsets: BTreeMap<TopicPartition, Vec<i64>> = BTreeMap::new();
    for delivery in consume(&mut consumer, 50).await {
        offsets.entry(delivery.topic_partition()).or_default().push(delivery.offset.0);
    }
    assert!(offsets.values().all(|offsets| offsets.iter().copied().eq(0..25)), "in order per partition");
}

pub async fn a_group_goes_on_from_its_commits(world: World) {
    let topic = world.topic(1).await;
    world.send_all((0..10).map(|i| numbered(&topic, 0, i))).await;
    let mut consumer = world.consumer(std::slice::from_ref(&topic));
    consume(&mut consumer, 10).await;
    consumer.commit(&[(place(&topic, 0), Offset(6))]).await.unwrap();
    consumer.close().await;
    // Offsets of a group are durable too.
    let world = world.reopen().await;
    let mut consumer = world.consumer(std::slice::from_ref(&topic));
    let numbers: Vec<u32> = consume(&mut consumer, 4).await.iter().map(number).collect();
    assert_eq!(numbers, [6, 7, 8, 9]);
}

/// A member that commits what it was given before it lets go.
struct Member {
    consumer: Consumer,
    owned: BTreeSet<TopicPartition>,
    done: BTreeMap<TopicPartition, Offset>,
    seen: BTreeSet<u32>,
}

impl Member {
    fn join(world: &World, topic: &TopicName) -> Self {
        let consumer = world.consumer(std::slice::from_ref(topic));
        Self { consumer, owned: BTreeSet::new(), done: BTreeMap::new(), seen: BTreeSet::new() }
    }

    async fn step(&mut self) {
        match next(&mut self.consumer).await {
            Next::Assigned(gained) => {
                for at in gained {
                    assert!(self.owned.insert(at), "assigned twice");
                }
            }
            Next::Revoked(lost, guard) => {
                self.commit(|at| lost.contains(at)).await;
                for at in &lost {
                    assert!(self.owned.remove(at), "revoked but not owned");
                    self.done.remove(at);
                }
                drop(guard);
            }
            Next::Records(records) => {
                for delivery in records {
                    let at = delivery.topic_partition();
                    assert!(self.owned.contains(&at), "a record of a partition that is not ours");
                    assert!(self.seen.insert(number(&delivery)), "seen twice by one member");
                    self.done.insert(at, delivery.offset.next());
                }
            }
        }
    }

    async fn commit(&mut self, which: impl Fn(&TopicPartition) -> bool) {
        let next: Vec<_> = self.done.iter().filter(|(at, _)| which(at)).map(|(at, o)| (at.clone(), *o)).collect();
        self.consumer.commit(&next).await.unwrap();
    }
}

pub async fn two_members_share_and_the_one_who_stays_takes_over_without_loss(world: World) {
    let topic = world.topic(4).await;
    let mut sent = 0..;
    let mut send = async |count: usize| {
        let records: Vec<_> = sent.by_ref().take(count).map(|i| numbered(&topic, i % 4, i as u32)).collect();
        world.send_all(records).await;
    };
    let mut one = Member::join(&world, &topic);
    send(100).await;
    while one.seen.len() < 100 {
        one.step().await;
    }
    let mut two = Member::join(&world, &topic);
    while one.owned.len() != 2 || two.owned.len() != 2 {
        tokio::select! {
            () = one.step() => {}
            () = two.step() => {}
        }
    }
    assert!(one.owned.is_disjoint(&two.owned));
    send(100).await;
    while one.seen.len() + two.seen.len() < 200 {
        tokio::select! {
            () = one.step() => {}
            () = two.step() => {}
        }
    }
    assert!(one.seen.is_disjoint(&two.seen), "what was committed came again");
    two.commit(|_| true).await;
    let from_two = two.seen;
    two.consumer.close().await;
    send(100).await;
    while one.seen.len() + from_two.len() < 300 {
        one.step().await;
    }
    assert_eq!(one.owned.len(), 4);
    assert!(one.seen.is_disjoint(&from_two));
    assert!(one.seen.union(&from_two).copied().eq(0..300));
}

pub async fn a_partition_passes_on_only_when_its_guard_is_dropped(world: World) {
    let topic = world.topic(2).await;
    let mut one = world.consumer(std::slice::from_ref(&topic));
    assert!(matches!(next(&mut one).await, Next::Assigned(all) if all.len() == 2));
    world.send_all((0..2).map(|i| numbered(&topic, i, i as u32))).await;
    consume(&mut one, 2).await;
    let mut two = world.consumer(std::slice::from_ref(&topic));
    let (lost, guard) = tokio::select! {
        event = next(&mut one) => match event {
            Next::Revoked(lost, guard) => (lost, guard),
            other => panic!("{other:?}"),
        },
        event = next(&mut two) => panic!("the second member got {event:?} before the first let go"),
    };
    assert!(timeout(Duration::from_millis(300), two.next()).await.is_err(), "assigned while the guard is held");
    // What is committed while the guard is held counts.
    one.commit(&lost.iter().map(|at| (at.clone(), Offset(1))).collect::<Vec<_>>()).await.unwrap();
    drop(guard);
    world.send_all((0..2).map(|i| numbered(&topic, i, 10 + i as u32))).await;
    let mut numbers = Vec::new();
    while numbers.len() < 2 {
        let event = tokio::select! {
            event = next(&mut one) => event,
            event = next(&mut two) => event,
        };
        if let Next::Records(records) = event {
            numbers.extend(records.iter().map(number));
        }
    }
    numbers.sort_unstable();
    if world.is_embedded() {
        // The partition that stayed was never away: its first record was read but not committed, and does not come again.
        assert_eq!(lost.len(), 1);
    }
    assert_eq!(numbers, [10, 11]);
}

pub async fn equal_partitions_of_two_topics_go_to_one_member(world: World) {
    let topics = [world.topic(4).await, world.topic(4).await];
    let mut one = world.consumer(&topics);
    let mut two = world.consumer(&topics);
    let (mut of_one, mut of_two) = (BTreeSet::new(), BTreeSet::new());
    let apply = |owned: &mut BTreeSet<TopicPartition>, event: Next| match event {
        Next::Assigned(gained) => owned.extend(gained),
        Next::Revoked(lost, _guard) => owned.retain(|at| !lost.contains(at)),
        Next::Records(_) => {}
    };
    while of_one.len() != 4 || of_two.len() != 4 {
        tokio::select! {
            event = next(&mut one) => apply(&mut of_one, event),
            event = next(&mut two) => apply(&mut of_two, event),
        }
    }
    for at in &of_one {
        let other = if at.topic == topics[0] { &topics[1] } else { &topics[0] };
        assert!(of_one.contains(&place(other, at.partition.0)));
    }
}

pub async fn reading_starts_where_the_member_seeks_on_assignment(world: World) {
    let topic = world.topic(1).await;
    world.send_all((0..100).map(|i| numbered(&topic, 0, i))).await;
    let mut consumer = world.consumer(std::slice::from_ref(&topic));
    assert!(matches!(next(&mut consumer).await, Next::Assigned(_)));
    consumer.seek(&place(&topic, 0), Offset(42)).unwrap();
    let numbers: Vec<u32> = consume(&mut consumer, 58).await.iter().map(number).collect();
    assert!(numbers.into_iter().eq(42..100));
}

pub async fn a_seek_in_the_middle_reads_on_from_there(world: World) {
    let topic = world.topic(1).await;
    world.send_all((0..1_000).map(|i| numbered(&topic, 0, i))).await;
    let mut consumer = world.consumer(std::slice::from_ref(&topic));
    while !matches!(next(&mut consumer).await, Next::Records(_)) {}
    for to in [17, 900, 0] {
        consumer.seek(&place(&topic, 0), Offset(to)).unwrap();
        let Next::Records(records) = next(&mut consumer).await else { panic!("no records") };
        assert_eq!(records[0].offset, Offset(to));
    }
    assert!(matches!(consumer.seek(&place(&topic, 5), Offset(0)), Err(Error::NotAssigned(_))));
}

pub async fn a_dropped_wait_loses_nothing(world: World) {
    let topic = world.topic(2).await;
    let mut consumer = world.consumer(std::slice::from_ref(&topic));
    let mut numbers = Vec::new();
    let producer = world.bus.producer().unwrap();
    let mut sent = 0;
    while numbers.len() < 500 {
        if sent < 500 {
            drop(producer.send(numbered(&topic, (sent % 2) as i32, sent)).unwrap());
            sent += 1;
        }
        // Mostly too short for anything to come: the wait is dropped again and again.
        match timeout(Duration::from_micros(300), consumer.next()).await {
            Ok(Ok(Next::Records(records))) => numbers.extend(records.iter().map(number)),
            Ok(other) => drop(other.unwrap()),
            Err(_) => {}
        }
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..500));
}

pub async fn ordered_commit_never_passes_an_open_record(world: World) {
    let topic = world.topic(1).await;
    world.send_all((0..10).map(|i| numbered(&topic, 0, i))).await;
    let mut consumer = world.consumer(std::slice::from_ref(&topic));
    let mut tracker = CommitTracker::default();
    let at = place(&topic, 0);
    for delivery in consume(&mut consumer, 10).await {
        tracker.begin(&at, delivery.offset);
    }
    for done in [9, 1, 0, 2, 5, 3] {
        tracker.done(&at, Offset(done));
    }
    let next = tracker.committable();
    assert_eq!(next, [(at.clone(), Offset(4))]);
    consumer.commit(&next).await.unwrap();
    consumer.close().await;
    let mut consumer = world.consumer(std::slice::from_ref(&topic));
    assert_eq!(number(&consume(&mut consumer, 6).await[0]), 4);
}

pub async fn a_partition_of_another_member_cannot_be_committed(world: World) {
    let topic = world.topic(1).await;
    let mut one = world.consumer(std::slice::from_ref(&topic));
    assert!(matches!(next(&mut one).await, Next::Assigned(_)));
    let mut two = world.consumer(std::slice::from_ref(&topic));
    let refused = two.commit(&[(place(&topic, 0), Offset(5))]).await;
    assert!(matches!(&refused, Err(Error::NotAssigned(at)) if *at == place(&topic, 0)), "{refused:?}");
}

//! The whole sink on the embedded log: start, rebalance, drain, start again.

use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use weir_bus::{Bus, BusConfig, Delivery, Producer, Record, Start, TopicPartition, TopicSpec};
use weir_schemas::{Codec, Event, Offset, Partition, Topic};

use super::world::*;
use crate::lake::Lake;
use crate::settings::Flush;
use crate::sink::{Deps, Handle, start};
use crate::table_sink::{DeadLetters, Flushed, TableSink};
use crate::worker::BusDeadLetters;

const PARTITIONS: i32 = 3;

async fn bus(dir: &Path) -> Bus {
    let bus = Bus::open(BusConfig::Embedded { dir: dir.to_owned() }).await.unwrap();
    let spec = |name| TopicSpec { name, partitions: PARTITIONS, replication: 1, cleanup: Topic::Outcomes.cleanup() };
    let topics: Vec<_> =
        Topic::ALL.into_iter().flat_map(|t| [t.name("weir"), t.dead_letters("weir")]).map(spec).collect();
    bus.create_topics(&topics).await.unwrap();
    bus
}

async fn sink(bus: &Bus, world: &World) -> Handle {
    sink_with(bus, world, Flush { interval: Duration::from_millis(50), rows: 40, bytes: 1 << 20 }).await
}

async fn sink_with(bus: &Bus, world: &World, flush: Flush) -> Handle {
    let deps = Deps {
        bus: bus.clone(),
        codec: Codec::embedded(),
        topic_prefix: "weir".into(),
        lake: Lake::local(world.dir.path()).unwrap(),
        flush,
        metrics: weir_telemetry::Metrics::empty(),
        schemas: None,
    };
    start(deps).await.unwrap()
}

async fn send<E: Event>(producer: &Producer, event: &E) {
    let record = Record {
        topic: E::TOPIC.name("weir"),
        partition: None,
        key: Bytes::from(event.key()),
        value: Some(Codec::embedded().encode(event).unwrap().into()),
        headers: vec![],
    };
    producer.send(record).unwrap().await.unwrap();
}

/// Waits, at most a minute, until the table holds so many events.
async fn until<F: Future<Output = usize>>(wanted: usize, count: impl Fn() -> F) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = count().await;
        if found >= wanted {
            assert_eq!(found, wanted);
            return;
        }
        assert!(Instant::now() < deadline, "only {found} of {wanted} came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_events_reach_the_tables_once_over_drains_crashes_and_rebalances() {
    let log = tempfile::tempdir().unwrap();
    let bus = bus(log.path()).await;
    let world = World::new(Topic::Outcomes);
    let producer = bus.producer().unwrap();
    let first = sink(&bus, &world).await;
    for seq in 0..100 {
        send(&producer, &outcome("a", seq)).await;
    }
    until(100, async || world.events().await.len()).await;

    // A second one joins while events come, and one of the two dies.
    let second = sink(&bus, &world).await;
    for seq in 80..200 {
        send(&producer, &outcome("a", seq)).await;
    }
    drop(first);
    for seq in 150..300 {
        send(&producer, &outcome("a", seq)).await;
    }
    until(300, async || world.events().await.len()).await;

    // What is in the log when draining begins is in the table when it ends.
    for seq in 0..40 {
        send(&producer, &outcome("b", seq)).await;
    }
    second.drain().await.unwrap();
    assert_eq!(world.events().await.len(), 340);

    let third = sink(&bus, &world).await;
    for seq in 30..50 {
        send(&producer, &outcome("b", seq)).await;
    }
    until(350, async || world.events().await.len()).await;
    third.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_lands_in_the_dead_letters_and_a_damaged_table_stops_no_other() {
    let log = tempfile::tempdir().unwrap();
    let bus = bus(log.path()).await;
    let world = World::new(Topic::Outcomes);
    let costs = world.dir.path().join("costs/_delta_log");
    std::fs::create_dir_all(&costs).unwrap();
    std::fs::write(costs.join("00000000000000000000.json"), b"{\"commitInfo\":{\n{\"prot").unwrap();
    let producer = bus.producer().unwrap();
    let poison = Record {
        topic: Topic::Outcomes.name("weir"),
        partition: None,
        key: Bytes::from_static(b"k"),
        value: Some(Bytes::from_static(b"poison")),
        headers: vec![],
    };
    producer.send(poison).unwrap().await.unwrap();
    let handle = sink(&bus, &world).await;
    for seq in 0..30 {
        send(&producer, &outcome("a", seq)).await;
    }
    until(30, async || world.events().await.len()).await;
    let dead = Topic::Outcomes.dead_letters("weir");
    let letters = async || {
        let mut count = 0;
        for partition in (0..PARTITIONS).map(Partition) {
            let at = TopicPartition { topic: dead.clone(), partition };
            count += usize::try_from(bus.offsets(&at).await.unwrap().1.0).unwrap();
        }
        count
    };
    until(1, letters).await;
    assert!(handle.drain().await.is_err(), "the damaged table says that it was not drained");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_a_sink_that_was_moved_reads_on_without_a_rebalance() {
    let log = tempfile::tempdir().unwrap();
    let bus = bus(log.path()).await;
    let world = World::new(Topic::Outcomes);
    let producer = bus.producer().unwrap();
    let by_rows = Flush { interval: Duration::from_secs(3_600), rows: 10, bytes: 1 << 20 };
    let moved = sink_with(&bus, &world, by_rows).await;
    for seq in 0..10 {
        send(&producer, &outcome("a", seq)).await;
    }
    until(10, async || world.events().await.len()).await;

    // Another writer commits what the first has buffered, or is about to.
    for seq in 10..15 {
        send(&producer, &outcome("a", seq)).await;
    }
    let mut other = TableSink::open(world.parts()).await.unwrap();
    let mut from = Vec::new();
    for partition in (0..PARTITIONS).map(Partition) {
        let reached = other.reached(partition).await.unwrap();
        let next = reached.map_or(Offset(0), Offset::next);
        other.assign(partition, reached, next);
        from.push((TopicPartition { topic: Topic::Outcomes.name("weir"), partition }, Start::At(next)));
    }
    let mut reader = bus.reader(from).unwrap();
    let mut taken = 0;
    while taken < 5 {
        for delivery in reader.next().await.unwrap() {
            other.take(&delivery).await.unwrap();
            taken += 1;
        }
    }
    assert!(matches!(other.flush().await.unwrap(), Flushed::Done(_)));

    // The first one's next flush is refused; from then on it reads from where the table stands.
    for seq in 15..25 {
        send(&producer, &outcome("a", seq)).await;
    }
    until(25, async || world.events().await.len()).await;
    moved.drain().await.unwrap();
}

#[tokio::test]
async fn a_record_that_is_too_large_for_a_dead_letter_does_not_hold_up_the_table() {
    let log = tempfile::tempdir().unwrap();
    let bus = bus(log.path()).await;
    let dead = BusDeadLetters { producer: bus.producer().unwrap(), topic: Topic::Outcomes.dead_letters("weir") };
    let huge = Bytes::from(vec![0; 3 << 20]);
    let record = |key: &Bytes, header: &Bytes| Delivery {
        topic: Topic::Outcomes.name("weir"),
        partition: Partition(1),
        offset: Offset(7),
        appended: NOON,
        key: key.clone(),
        value: Some(Bytes::from_static(b"poison")),
        headers: vec![("h".into(), header.clone())],
    };
    dead.bury(&record(&huge, &Bytes::new()), "poison").await.unwrap();
    dead.bury(&record(&Bytes::new(), &huge), "poison").await.unwrap();
}

//! kill -9: of the process that appends to the embedded log, and of the broker.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tokio::time::timeout;
use weir_bus::{Bus, BusConfig, Error, Next, Start, TopicSpec};
use weir_harness::kafka::Kafka;
use weir_harness::{Process, wait_until};
use weir_schemas::TopicName;
use weir_schemas::topic::Cleanup;

use super::world::{PATIENCE, next, number, numbered, place, take};

const CHILD_DIR: &str = "WEIR_TEST_APPEND_TO";

fn spec(topic: &TopicName) -> TopicSpec {
    TopicSpec { name: topic.clone(), partitions: 2, replication: 1, cleanup: Cleanup::Keep }
}

/// Not a test of its own: what the process does that is killed below. It acknowledges each record in a file.
#[tokio::test]
async fn child_that_appends_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR).map(PathBuf::from) else { return };
    let bus = Bus::open(BusConfig::Embedded { dir: dir.join("log") }).await.unwrap();
    let topic = TopicName::from("t");
    bus.create_topics(&[spec(&topic)]).await.unwrap();
    let producer = bus.producer().unwrap();
    let mut consumer = bus.consumer("g", std::slice::from_ref(&topic)).unwrap();
    let assigned = consumer.next().await.unwrap();
    assert!(matches!(assigned, Next::Assigned(_)));
    let (_, first) = bus.offsets(&place(&topic, 0)).await.unwrap();
    for i in first.0.. {
        let (_, offset) = producer.send(numbered(&topic, 0, i as u32)).unwrap().await.unwrap();
        consumer.commit(&[(place(&topic, 0), offset.next())]).await.unwrap();
        // Replaced as a whole: the kill may come at any point.
        std::fs::write(dir.join("fresh"), offset.0.to_string()).unwrap();
        std::fs::rename(dir.join("fresh"), dir.join("acknowledged")).unwrap();
    }
}

#[tokio::test]
async fn embedded_what_was_acknowledged_survives_kill_9_of_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let acknowledged =
        || -> Option<i64> { std::fs::read_to_string(dir.path().join("acknowledged")).ok()?.parse().ok() };
    let topic = TopicName::from("t");
    for round in 1..=5 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let child = "conformance::crashes::child_that_appends_until_it_is_killed";
        command.args(["--exact", child, "--nocapture"]).env(CHILD_DIR, dir.path());
        let mut process = Process::spawn("appender", &mut command, &dir.path().join("output")).unwrap();
        wait_until("acknowledged records", PATIENCE, || {
            assert!(process.is_running(), "{}", process.output());
            acknowledged().is_some_and(|n| n >= round * 300)
        })
        .unwrap();
        process.kill9().unwrap();

        let told = acknowledged().unwrap();
        let bus = Bus::open(BusConfig::Embedded { dir: dir.path().join("log") }).await.unwrap();
        let (_, end) = bus.offsets(&place(&topic, 0)).await.unwrap();
        assert!(end.0 > told, "acknowledged {told}, kept {end}");
        let mut reader = bus.reader(vec![(place(&topic, 0), Start::Earliest)]).unwrap();
        let numbers = take(&mut reader, end.0 as usize).await.iter().map(number).collect::<Vec<_>>();
        assert!(numbers.into_iter().eq(0..end.0 as u32), "whole and in order");
        // The commit of the acknowledged record came before it was told; the one after it may have come too.
        let ack = bus.producer().unwrap().send(numbered(&topic, 0, end.0 as u32)).unwrap();
        assert_eq!(ack.await.unwrap().1, end);
        let mut consumer = bus.consumer("g", std::slice::from_ref(&topic)).unwrap();
        assert!(matches!(next(&mut consumer).await, Next::Assigned(_)));
        let Next::Records(records) = next(&mut consumer).await else { panic!("no records") };
        assert!(records[0].offset.0 > told);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_what_was_acknowledged_survives_kill_9_of_the_broker() {
    let Some(kafka) = tokio::task::spawn_blocking(Kafka::own).await.unwrap() else { return };
    let config = BusConfig::Kafka { bootstrap: kafka.bootstrap().to_owned(), properties: Vec::new() };
    let bus = Bus::open(config).await.unwrap();
    let topic = TopicName::from("t");
    bus.create_topics(&[spec(&topic)]).await.unwrap();
    let producer = bus.producer().unwrap();
    let mut consumer = bus.consumer("g", std::slice::from_ref(&topic)).unwrap();
    let mut reader = bus.reader(vec![(place(&topic, 1), Start::Earliest)]).unwrap();

    let mut acks = Vec::new();
    let mut send = |count: u32| {
        for _ in 0..count {
            let i = acks.len() as u32;
            acks.push(Some(producer.send(numbered(&topic, (i % 2) as i32, i)).unwrap()));
        }
    };
    send(1_000);
    timeout(PATIENCE, producer.flush()).await.unwrap().unwrap();
    let mut seen = Vec::new();
    while seen.len() < 1_000 {
        if let Next::Records(records) = next(&mut consumer).await {
            seen.extend(records.iter().map(number));
        }
    }
    assert_eq!(take(&mut reader, 500).await.len(), 500);

    // Some are under way while it dies, and more are sent while it is down.
    send(500);
    kafka.kill9().unwrap();
    send(500);
    let down = timeout(PATIENCE, async {
        loop {
            match consumer.next().await {
                Err(Error::Unavailable(_)) => break,
                Ok(Next::Records(records)) => seen.extend(records.iter().map(number)),
                other => drop(other.unwrap()),
            }
        }
    });
    down.await.expect("told that the broker is down");
    let kafka = tokio::task::spawn_blocking(move || kafka.restart().map(|()| kafka)).await.unwrap().unwrap();

    // The same clients go on: nothing is lost, nothing is out of order.
    timeout(Duration::from_secs(90), producer.flush()).await.unwrap().unwrap();
    for ack in acks.iter_mut().map(|ack| ack.take().unwrap()) {
        timeout(PATIENCE, ack).await.unwrap().unwrap();
    }
    let mut of_reader = Vec::new();
    while of_reader.len() < 500 {
        match timeout(PATIENCE, reader.next()).await.unwrap() {
            Ok(records) => of_reader.extend(records.iter().map(number)),
            Err(Error::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(of_reader.into_iter().eq((500..1_000).map(|i| 2 * i + 1)));
    while seen.iter().filter(|i| **i >= 1_000).count() < 1_000 {
        match timeout(PATIENCE, consumer.next()).await.unwrap() {
            Ok(Next::Records(records)) => seen.extend(records.iter().map(number)),
            Ok(_) | Err(Error::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.into_iter().eq(0..2_000));
    drop(kafka);
}

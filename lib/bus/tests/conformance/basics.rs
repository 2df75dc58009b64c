use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use weir_bus::{Error, Record, Start, partitioner};
use weir_schemas::topic::Cleanup;
use weir_schemas::{Offset, Partition, TopicName};

use super::world::{PATIENCE, World, number, numbered, place, record, take};

pub async fn records_of_a_key_keep_their_order(world: World) {
    let topic = world.topic(4).await;
    let keys = 20u32;
    world.send_all((0..2_000u32).map(|i| record(&topic, format!("key {}", i % keys), i.to_be_bytes().to_vec()))).await;
    let mut of_key: HashMap<Bytes, Vec<u32>> = HashMap::new();
    for delivery in world.read(&topic, 2_000).await {
        of_key.entry(delivery.key.clone()).or_default().push(number(&delivery));
    }
    for i in 0..keys {
        let expected: Vec<u32> = (0..2_000).filter(|n| n % keys == i).collect();
        assert_eq!(of_key[format!("key {i}").as_bytes()], expected);
    }
}

pub async fn a_key_goes_to_the_same_partition_on_both_backends(world: World) {
    let topic = world.topic(7).await;
    let keys: Vec<Bytes> =
        (0..100u32).map(|i| Bytes::from(vec![b'k'; i as usize % 9].repeat(1 + i as usize / 50))).collect();
    let producer = world.bus.producer().unwrap();
    for key in keys {
        let ack = producer.send(record(&topic, key.clone(), "v")).unwrap();
        let (partition, _) = timeout(PATIENCE, ack).await.unwrap().unwrap();
        assert_eq!(partition, partitioner::partition_of(&key, 7), "{key:?}");
    }
}

pub async fn key_value_headers_and_deletions_come_back_as_they_were_sent(world: World) {
    let topic = world.topic(1).await;
    let bytes = Bytes::from((0..=255u8).collect::<Vec<_>>());
    let headers = vec![("a".to_owned(), Bytes::from_static(b"\x00\xff")), ("empty".to_owned(), Bytes::new())];
    let base = record(&topic, "", "");
    let sent = [
        Record { key: bytes.clone(), value: Some(bytes.clone()), headers, ..base.clone() },
        Record { key: Bytes::new(), value: Some(Bytes::new()), ..base.clone() },
        Record { key: Bytes::from_static(b"gone"), value: None, ..base },
    ];
    world.send_all(sent.clone()).await;
    for (i, (got, sent)) in world.read(&topic, 3).await.iter().zip(&sent).enumerate() {
        assert_eq!((&got.key, &got.value, &got.headers), (&sent.key, &sent.value, &sent.headers));
        assert_eq!((got.partition, got.offset), (Partition(0), Offset(i as i64)));
    }
}

pub async fn acknowledged_records_are_there_after_reopening(world: World) {
    let topic = world.topic_with(2, Cleanup::Delete { retention_ms: 3_600_000 }).await;
    for round in 0..3 {
        world.send_all((0..100).map(|i| numbered(&topic, i % 2, round * 100 + i as u32))).await;
    }
    let world = world.reopen().await;
    assert_eq!(world.bus.partitions(&topic).await.unwrap(), 2);
    let mut numbers: Vec<u32> = world.read(&topic, 300).await.iter().map(number).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..300));
    let ack = world.bus.producer().unwrap().send(numbered(&topic, 0, 300)).unwrap();
    assert_eq!(timeout(PATIENCE, ack).await.unwrap().unwrap(), (Partition(0), Offset(150)));
}

pub async fn a_reader_starts_where_it_was_told(world: World) {
    let topic = world.topic(3).await;
    world.send_all((0..30).map(|i| numbered(&topic, i % 3, i as u32))).await;
    let from = vec![
        (place(&topic, 0), Start::Earliest),
        (place(&topic, 1), Start::Latest),
        (place(&topic, 2), Start::At(Offset(7))),
    ];
    let mut reader = world.bus.reader(from).unwrap();
    world.send_all([numbered(&topic, 1, 100)]).await;
    let mut numbers: Vec<u32> = take(&mut reader, 10 + 1 + 3).await.iter().map(number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 3, 6, 9, 12, 15, 18, 21, 23, 24, 26, 27, 29, 100]);
}

pub async fn a_reader_waits_at_the_end_and_goes_on(world: World) {
    let topic = world.topic(1).await;
    let mut reader = world.bus.reader(vec![(place(&topic, 0), Start::Earliest)]).unwrap();
    assert!(timeout(Duration::from_millis(50), reader.next()).await.is_err(), "there is nothing yet");
    for i in 0..5 {
        world.send_all([numbered(&topic, 0, i)]).await;
        assert_eq!(number(&take(&mut reader, 1).await[0]), i);
    }
}

pub async fn offsets_tell_the_first_and_the_next_record(world: World) {
    let topic = world.topic(2).await;
    assert_eq!(world.bus.offsets(&place(&topic, 0)).await.unwrap(), (Offset(0), Offset(0)));
    world.send_all((0..5).map(|i| numbered(&topic, 0, i))).await;
    assert_eq!(world.bus.offsets(&place(&topic, 0)).await.unwrap(), (Offset(0), Offset(5)));
    assert_eq!(world.bus.offsets(&place(&topic, 1)).await.unwrap(), (Offset(0), Offset(0)));
}

pub async fn creating_topics_twice_changes_nothing(world: World) {
    let topic = world.topic(3).await;
    world.send_all([numbered(&topic, 2, 1)]).await;
    let again = weir_bus::TopicSpec { name: topic.clone(), partitions: 9, replication: 1, cleanup: Cleanup::Compact };
    world.bus.create_topics(&[again]).await.unwrap();
    assert_eq!(world.bus.partitions(&topic).await.unwrap(), 3);
    assert!(world.bus.topics().await.unwrap().contains(&(topic.clone(), 3)));
    assert_eq!(world.read(&topic, 1).await.len(), 1);
    let bad = weir_bus::TopicSpec { name: "a/b".into(), partitions: 1, replication: 1, cleanup: Cleanup::Keep };
    assert!(matches!(world.bus.create_topics(&[bad]).await, Err(Error::Config(_))));
}

pub async fn an_unknown_topic_is_named(world: World) {
    let missing = TopicName::from("there.is.no.such");
    let is_named = |error| matches!(error, Error::UnknownTopic(name) if name == missing);
    assert!(is_named(world.bus.partitions(&missing).await.unwrap_err()));
    assert!(is_named(world.bus.offsets(&place(&missing, 0)).await.unwrap_err()));
}

pub async fn time_of_appending_never_runs_backwards_in_a_partition(world: World) {
    let topic = world.topic(1).await;
    let before = weir_schemas::Timestamp::now();
    world.send_all((0..100).map(|i| numbered(&topic, 0, i))).await;
    let times: Vec<_> = world.read(&topic, 100).await.iter().map(|d| d.appended).collect();
    assert!(times.is_sorted());
    // Kafka tells milliseconds.
    assert!(times[0].millis() >= before.millis() && times[99] <= weir_schemas::Timestamp::now());
}

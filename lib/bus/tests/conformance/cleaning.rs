use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use weir_bus::Record;
use weir_schemas::topic::Cleanup;
use weir_schemas::{Offset, Partition};

use super::world::{PATIENCE, World, number, numbered, place, record};

pub async fn compaction_keeps_the_last_value_of_each_key(world: World) {
    let topic = world.topic_with(1, Cleanup::Compact).await;
    let value = |i: u32| [&i.to_be_bytes()[..], &[0; 100]].concat();
    world.send_all((0..1_000u32).map(|i| record(&topic, format!("key {}", i % 10), value(i)))).await;
    world.send_all([Record { value: None, ..record(&topic, "key 3", "") }]).await;

    // Kafka cleans only closed segments and in its own time, so records of another key keep coming.
    let deadline = Instant::now() + PATIENCE;
    let found = loop {
        world.send_all([record(&topic, "filler", value(0))]).await;
        world.bus.maintain().await.unwrap();
        let (_, end) = world.bus.offsets(&place(&topic, 0)).await.unwrap();
        let mut reader = world.bus.reader(vec![(place(&topic, 0), weir_bus::Start::Earliest)]).unwrap();
        let mut found = Vec::new();
        while found.last().is_none_or(|last: &weir_bus::Delivery| last.offset.next() < end) {
            found.extend(reader.next().await.unwrap());
        }
        let cleaned = found.iter().filter(|d| d.key != "filler").count() <= 10;
        if cleaned {
            break found;
        }
        assert!(Instant::now() < deadline, "not compacted: {} records left", found.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert!(found.is_sorted_by_key(|delivery| delivery.offset));
    let last: HashMap<Bytes, _> = found.iter().map(|delivery| (delivery.key.clone(), delivery)).collect();
    for key in (0..10u32).filter(|key| *key != 3) {
        let delivery = last[format!("key {key}").as_bytes()];
        assert_eq!(number(delivery), 990 + key);
        assert_eq!(delivery.offset, Offset(i64::from(990 + key)), "records keep their offsets");
    }
    assert!(last.get(&b"key 3"[..]).is_none_or(|delivery| delivery.value.is_none()));

    let world = world.reopen().await;
    let ack = world.bus.producer().unwrap().send(numbered(&topic, 0, 7)).unwrap();
    let (partition, offset) = ack.await.unwrap();
    assert_eq!(partition, Partition(0));
    assert_eq!(offset, found.last().unwrap().offset.next(), "offsets go on");
}

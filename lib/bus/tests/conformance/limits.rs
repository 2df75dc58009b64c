use bytes::Bytes;
use tokio::time::timeout;
use weir_bus::{Error, MAX_RECORD_BYTES, Record};
use weir_schemas::{Offset, Partition};

use super::world::{PATIENCE, World, record};

/// Bytes that no codec makes smaller.
fn noise(bytes: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend(state.to_le_bytes());
    }
    out.truncate(bytes);
    out.into()
}

pub async fn one_mebibyte_passes(world: World) {
    let topic = world.topic(1).await;
    let payload = noise(1024 * 1024);
    world.send_all((0..3).map(|_| record(&topic, "big", payload.clone()))).await;
    for delivery in world.read(&topic, 3).await {
        assert_eq!(delivery.value.as_ref(), Some(&payload));
    }
}

pub async fn a_record_over_the_limit_is_refused_and_the_next_one_passes(world: World) {
    let topic = world.topic(1).await;
    let producer = world.bus.producer().unwrap();
    let largest = noise(MAX_RECORD_BYTES - 3);
    let refused = producer.send(record(&topic, "four", largest.clone())).err().unwrap();
    assert!(
        matches!(refused, Error::TooLarge { bytes, limit: MAX_RECORD_BYTES } if bytes == MAX_RECORD_BYTES + 1),
        "{refused}"
    );
    let ack = producer.send(record(&topic, "key", largest.clone())).unwrap();
    assert_eq!(timeout(PATIENCE, ack).await.unwrap().unwrap(), (Partition(0), Offset(0)));
    assert_eq!(world.read(&topic, 1).await[0].value, Some(largest));
}

pub async fn dead_letters_keep_the_raw_bytes_and_the_place(world: World) {
    let (topic, dead) = (world.topic(3).await, world.topic(1).await);
    let poison = Bytes::from_static(b"\x00\xfe\xff not avro");
    let headers = vec![("trace".to_owned(), Bytes::from_static(b"abc"))];
    let sent = Record { partition: Some(Partition(2)), headers, ..record(&topic, "key", poison.clone()) };
    world.send_all([record(&topic, "other", "x"), sent]).await;
    let deliveries = world.read(&topic, 2).await;
    let delivery = deliveries.iter().find(|d| d.key == "key").unwrap();
    let producer = world.bus.producer().unwrap();
    let reason = "does not decode: ".repeat(200);
    timeout(PATIENCE, producer.dead_letter(&dead, delivery, &reason)).await.unwrap().unwrap();

    let letter = &world.read(&dead, 1).await[0];
    assert_eq!((letter.key.as_ref(), letter.value.as_ref()), (&b"key"[..], Some(&poison)));
    let header = |name| {
        let (_, value) = letter.headers.iter().find(|(found, _)| found == name).unwrap();
        std::str::from_utf8(value).unwrap().to_owned()
    };
    assert_eq!(header("trace"), "abc");
    assert_eq!(header("weir.source.topic"), topic.as_str());
    assert_eq!(header("weir.source.partition"), "2");
    assert_eq!(header("weir.source.offset"), delivery.offset.to_string());
    assert!(reason.starts_with(&header("weir.error")) && header("weir.error").len() == 1024);
}

pub async fn a_dead_letter_of_the_largest_record_passes(world: World) {
    let (topic, dead) = (world.topic(1).await, world.topic(1).await);
    let payload = noise(MAX_RECORD_BYTES - 3);
    world.send_all([record(&topic, "key", payload.clone())]).await;
    let delivery = &world.read(&topic, 1).await[0];
    let producer = world.bus.producer().unwrap();
    timeout(PATIENCE, producer.dead_letter(&dead, delivery, &"r".repeat(5_000))).await.unwrap().unwrap();
    assert_eq!(world.read(&dead, 1).await[0].value, Some(payload));
}

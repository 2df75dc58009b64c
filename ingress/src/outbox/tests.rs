use bytes::Bytes;
use weir_journal::Position;
use weir_schemas::{EventId, RequestId, TenantId, Timestamp};

use super::*;

fn chunk(index: i64, bytes: usize) -> Chunk {
    Chunk {
        header: Header {
            event_id: EventId(uuid::Uuid::nil()),
            ingress_id: IngressId::from(""),
            boot_epoch: BootEpoch(0),
            seq: Seq(-1),
            request_id: RequestId::fresh(),
            event_time: Timestamp(1),
            tenant: TenantId::from("t"),
            policy_version: "p".into(),
        },
        index,
        body: Bytes::from(vec![b'x'; bytes]),
        events: 0,
        last: false,
        findings: Vec::new(),
    }
}

fn outbox(dir: &Path, max_bytes: u64) -> Outbox {
    let config = OutboxConfig { fsync: FsyncSetting::Never, max_bytes };
    let journal = open_journal(dir, &config).unwrap();
    Outbox::new(journal, &config, Codec::embedded(), IngressId::from("i"), BootEpoch(4))
}

fn logged(outbox: &Outbox) -> Vec<Vec<Chunk>> {
    let mut reader = outbox.journal().read_from(Position(0)).unwrap();
    let mut records = Vec::new();
    while let Some((_, record)) = reader.next().unwrap() {
        let entries = record::entries(&record).unwrap();
        records.push(entries.iter().map(|entry| outbox.codec.decode(&entry.value).unwrap()).collect());
    }
    records
}

#[test]
fn events_get_their_place_and_stand_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = outbox(dir.path(), 1 << 20);
    outbox.write(|batch| batch.add(&mut chunk(0, 5))).unwrap();
    outbox
        .write(|batch| {
            batch.add(&mut chunk(1, 5));
            batch.add(&mut chunk(2, 5));
        })
        .unwrap();
    let records = logged(&outbox);
    assert_eq!(records.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
    let stream = Header::stream_id(&IngressId::from("i"), BootEpoch(4), Topic::Chunks);
    for (place, event) in (0..).map(Seq).zip(records.concat()) {
        assert_eq!((event.header.seq, event.index), (place, place.0));
        assert_eq!(event.header.event_id, Header::event_id(stream, place));
        assert_eq!((event.header.ingress_id.as_str(), event.header.boot_epoch), ("i", BootEpoch(4)));
    }
}

#[test]
fn a_refused_write_leaves_no_gap_in_the_places() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = outbox(dir.path(), 64 * 1024);
    outbox.write(|batch| batch.add(&mut chunk(0, 5))).unwrap();
    for _ in 0..3 {
        outbox.write(|batch| batch.add(&mut chunk(9, 128 * 1024))).unwrap_err();
    }
    outbox.write(|batch| batch.add(&mut chunk(1, 5))).unwrap();
    let seqs: Vec<i64> = logged(&outbox).concat().iter().map(|event| event.header.seq.0).collect();
    assert_eq!(seqs, [0, 1]);
}

#[test]
fn new_calls_are_refused_first_then_chunks_and_ends_last() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = outbox(dir.path(), 64 * 1024);
    while outbox.admits() {
        outbox.write(|batch| batch.add(&mut chunk(0, 1000))).unwrap();
    }
    while outbox.write(|batch| batch.add(&mut chunk(1, 1000))).is_ok() {}
    outbox.write_end(|batch| batch.add(&mut chunk(2, 1000))).unwrap();
}

#[test]
fn an_empty_batch_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = outbox(dir.path(), 64 * 1024);
    outbox.write(|_| {}).unwrap();
    assert!(logged(&outbox).is_empty());
}

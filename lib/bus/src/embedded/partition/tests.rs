use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::embedded::compaction::compact;

fn open(dir: &Path) -> Arc<PartitionLog> {
    Arc::new(PartitionLog::open(TopicName::from("t"), Partition(0), dir.to_owned()).unwrap())
}

fn record(key: u8, value: Option<u8>) -> Record {
    let value = value.map(|value| Bytes::from(vec![value; 20]));
    Record { topic: TopicName::from("t"), partition: None, key: vec![key].into(), value, headers: Vec::new() }
}

/// (offset, key, value) of all records from `from` on.
fn read(log: &Arc<PartitionLog>, from: i64) -> Vec<(i64, u8, Option<u8>)> {
    let mut cursor = log.cursor(Offset(from)).unwrap();
    let mut out = Vec::new();
    loop {
        let mut batch = Vec::new();
        cursor.read_into(&mut batch).unwrap();
        if batch.is_empty() {
            return out;
        }
        out.extend(batch.iter().map(|d| (d.offset.0, d.key[0], d.value.as_ref().map(|value| value[0]))));
    }
}

#[test]
fn what_is_too_old_goes_by_whole_segments_and_offsets_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let append = |value: u8, at: i64| log.append(&record(1, Some(value)), Timestamp(at)).unwrap();
    append(1, 100);
    append(2, 200);
    log.lock().roll().unwrap();
    // The index has a place only every so often: one in the second segment shows how old the first is.
    log.lock().index.truncate(1);
    let big = Record { value: Some(vec![3; INDEX_EVERY_BYTES as usize].into()), ..record(1, None) };
    log.append(&big, Timestamp(300)).unwrap();
    append(4, 400);
    log.expire(Timestamp(150)).unwrap();
    assert_eq!(log.offsets(), (Offset(0), Offset(4)));
    log.expire(Timestamp(450)).unwrap();
    assert_eq!(log.offsets(), (Offset(4), Offset(4)), "all of it is too old");
    drop(log);
    let log = open(dir.path());
    assert_eq!(log.offsets(), (Offset(4), Offset(4)));
    assert_eq!(log.append(&record(1, Some(5)), Timestamp(50)).unwrap(), Offset(4));
    assert_eq!(read(&log, 4), [(4, 1, Some(5))]);
    assert_eq!(open_first(dir.path(), log), Offset(4));
}

fn open_first(dir: &Path, log: Arc<PartitionLog>) -> Offset {
    drop(log);
    open(dir).offsets().0
}

#[test]
fn a_first_segment_that_is_too_old_goes_alone() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let big = |value: u8| Record { value: Some(vec![value; INDEX_EVERY_BYTES as usize].into()), ..record(1, None) };
    for i in 0..6u8 {
        log.append(&big(i), Timestamp(100 * i64::from(i))).unwrap();
        if i % 2 == 1 {
            log.lock().roll().unwrap();
        }
    }
    log.expire(Timestamp(350)).unwrap();
    assert_eq!(log.offsets(), (Offset(2), Offset(6)));
    assert_eq!(read(&log, 2).len(), 4);
    drop(log);
    let log = open(dir.path());
    assert_eq!(log.offsets(), (Offset(2), Offset(6)));
    assert_eq!(read(&log, 3)[0].0, 3);
}

#[test]
fn a_cursor_that_retention_overtook_says_that_its_offset_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let mut cursor = log.cursor(Offset(0)).unwrap();
    for i in 0..3 {
        log.append(&record(i, Some(i)), Timestamp(1)).unwrap();
    }
    log.expire(Timestamp(2)).unwrap();
    log.lock().roll().unwrap();
    let mut batch = Vec::new();
    let result = cursor.read_into(&mut batch);
    // What it had open may still be read; what is lost in between is told.
    let told = matches!(result, Err(Error::OffsetGone { .. }));
    assert!(told || batch.len() == 3, "{result:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compaction_leaves_the_last_of_each_key_and_reopening_changes_nothing(
        records in prop::collection::vec((0..6u8, prop::option::weighted(0.8, any::<u8>())), 1..80),
        cuts in prop::collection::btree_set(1..80usize, 0..3)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path());
        let mut reader = log.cursor(Offset(0)).unwrap();
        let mut expected: Vec<(i64, u8, Option<u8>)> = Vec::new();
        for (i, (key, value)) in records.iter().enumerate() {
            if cuts.contains(&i) {
                compact(&log, Timestamp(1_000), true).unwrap();
                expected = last_of_each_key(&expected);
            }
            log.append(&record(*key, *value), Timestamp(i as i64)).unwrap();
            expected.push((i as i64, *key, *value));
            // A reader that was open before a compaction goes on over it.
            let mut batch = Vec::new();
            reader.read_into(&mut batch).unwrap();
            prop_assert_eq!(batch.len(), 1);
            prop_assert_eq!(batch[0].offset, Offset(i as i64));
        }
        prop_assert_eq!(&read(&log, 0), &expected);
        compact(&log, Timestamp(1_000), true).unwrap();
        expected = last_of_each_key(&expected);
        prop_assert_eq!(&read(&log, 0), &expected);
        drop((log, reader));
        let log = open(dir.path());
        prop_assert_eq!(&read(&log, 0), &expected);
        prop_assert_eq!(log.offsets(), (Offset(0), Offset(records.len() as i64)));
    }
}

fn last_of_each_key(records: &[(i64, u8, Option<u8>)]) -> Vec<(i64, u8, Option<u8>)> {
    let is_last = |record: &&(i64, u8, Option<u8>)| records.iter().rfind(|other| other.1 == record.1) == Some(*record);
    records.iter().filter(is_last).copied().collect()
}

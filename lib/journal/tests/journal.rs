//! The journal as its users see it: order, bounds, trimming, tailing, one owner.
#![allow(clippy::unwrap_used)] // The helpers are tests too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use weir_journal::{Cursor, Error, Fsync, Journal, Options, Position};

fn options() -> Options {
    Options { segment_bytes: 4096, max_bytes: 1 << 20, fsync: Fsync::Never, max_record_bytes: 64 * 1024 }
}

fn all(journal: &Journal) -> Vec<Vec<u8>> {
    let mut reader = journal.read_from(journal.start()).unwrap();
    std::iter::from_fn(|| reader.next().unwrap().map(|(_, record)| record.to_vec())).collect()
}

#[test]
fn records_come_back_whole_and_in_order_over_segments_and_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..3 {
        let journal = Journal::open(dir.path(), options()).unwrap();
        for i in 0..200 {
            let body = vec![i as u8; i * 3];
            journal.append(&[&[round], &body]).unwrap();
            expected.push([&[round], &body[..]].concat());
        }
        assert_eq!(all(&journal), expected);
        assert!(journal.segment_starts().len() > 10);
    }
}

#[test]
fn a_reader_starts_at_the_position_that_append_gave() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), options()).unwrap();
    let positions: Vec<Position> =
        (0..500u32).map(|i| journal.append(&[&i.to_le_bytes(), &[0; 50]]).unwrap()).collect();
    for (i, at) in positions.iter().enumerate() {
        let mut reader = journal.read_from(*at).unwrap();
        assert_eq!(reader.position(), *at);
        let (after, record) = reader.next().unwrap().unwrap();
        assert_eq!(record[..4], (i as u32).to_le_bytes());
        assert_eq!(after, positions.get(i + 1).copied().unwrap_or(journal.end()));
    }
}

#[test]
fn a_full_journal_refuses_until_it_is_trimmed() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), Options { max_bytes: 20_000, ..options() }).unwrap();
    let refused = loop {
        if let Err(error) = journal.append(&[&[1; 100]]) {
            break error;
        }
    };
    assert!(matches!(refused, Error::Full { limit: 20_000, .. }), "{refused}");
    assert!(journal.live_bytes() <= 20_000);
    let before = journal.start();
    journal.trim(journal.end()).unwrap();
    journal.append(&[&[2; 100]]).unwrap();
    assert!(matches!(journal.read_from(before), Err(Error::Trimmed(_))));
    drop(journal);
    let journal = Journal::open(dir.path(), options()).unwrap();
    assert_eq!(all(&journal).last().unwrap(), &vec![2; 100]);
}

#[test]
fn whoever_trims_all_it_read_is_never_refused_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let journal =
        Journal::open(dir.path(), Options { max_bytes: 16_384, segment_bytes: 1 << 30, ..options() }).unwrap();
    for _ in 0..5_000 {
        journal.append(&[&[7; 500]]).unwrap();
        journal.trim(journal.end()).unwrap();
    }
}

#[test]
fn a_record_over_the_limit_is_refused_and_one_at_the_limit_passes() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), options()).unwrap();
    let big = vec![3; 64 * 1024];
    journal.append(&[&big]).unwrap();
    assert!(matches!(journal.append(&[&big, b"x"]), Err(Error::TooLarge { bytes: 65_537, limit: 65_536 })));
    assert_eq!(all(&journal), vec![big]);
}

#[test]
fn trimming_frees_only_whole_segments_before_the_place() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), options()).unwrap();
    let positions: Vec<_> = (0..300).map(|_| journal.append(&[&[9; 100]]).unwrap()).collect();
    let keep = positions[150];
    journal.trim(keep).unwrap();
    assert!(journal.start() <= keep && journal.start() > positions[0]);
    let mut reader = journal.read_from(keep).unwrap();
    let rest = std::iter::from_fn(|| reader.next().unwrap()).count();
    assert_eq!(rest, 150);
}

#[test]
fn a_reader_that_trimming_overtook_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), options()).unwrap();
    let mut reader = journal.read_from(journal.start()).unwrap();
    for _ in 0..300 {
        journal.append(&[&[9; 100]]).unwrap();
    }
    journal.trim(journal.end()).unwrap();
    let end = loop {
        match reader.next() {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(end, Err(Error::Trimmed(_))), "{end:?}");
}

#[test]
fn a_second_journal_on_the_same_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), options()).unwrap();
    let reader = journal.read_from(journal.start()).unwrap();
    assert!(matches!(Journal::open(dir.path(), options()), Err(Error::InUse { .. })));
    drop(journal);
    Journal::open(dir.path(), options()).unwrap();
    drop(reader);
}

#[test]
fn tailers_are_woken_and_see_every_record_of_many_writers_in_one_order() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), Options { max_bytes: 64 << 20, ..options() }).unwrap();
    let told = Arc::new(AtomicU64::new(0));
    let subscription = journal.subscribe({
        let told = told.clone();
        move |end| {
            told.fetch_max(end.0, Ordering::SeqCst);
        }
    });
    let tail = || {
        let journal = journal.clone();
        std::thread::spawn(move || {
            let mut reader = journal.read_from(Position(0)).unwrap();
            let mut seen = Vec::new();
            while seen.len() < 4_000 {
                match reader.next().unwrap() {
                    Some((_, record)) => seen.push(record),
                    None => {
                        let end = journal.wait_past(reader.position(), Duration::from_secs(10));
                        assert!(end > reader.position(), "not woken");
                    }
                }
            }
            seen
        })
    };
    let tailers = [tail(), tail()];
    let writers: Vec<_> = (0..4u32)
        .map(|writer| {
            let journal = journal.clone();
            std::thread::spawn(move || {
                for i in 0..1_000u32 {
                    journal.append(&[&writer.to_le_bytes(), &i.to_le_bytes()]).unwrap();
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let [one, two] = tailers.map(|tailer| tailer.join().unwrap());
    assert_eq!(one, two);
    for writer in 0..4u32 {
        let of_writer = one.iter().filter(|r| r[..4] == writer.to_le_bytes()).map(|r| r.slice(4..));
        assert!(of_writer.eq((0..1_000u32).map(|i| i.to_le_bytes().to_vec())));
    }
    assert_eq!(told.load(Ordering::SeqCst), journal.end().0);
    drop(subscription);
    journal.append(&[b"x"]).unwrap();
    assert!(told.load(Ordering::SeqCst) < journal.end().0);
}

#[test]
fn every_fsync_setting_keeps_what_was_appended() {
    for fsync in [Fsync::Always, Fsync::Interval(Duration::from_millis(1)), Fsync::Never] {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path(), Options { fsync, ..options() }).unwrap();
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let journal = journal.clone();
                std::thread::spawn(move || (0..50).for_each(|_| assert!(journal.append(&[&[5; 200]]).is_ok())))
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        drop(journal);
        assert_eq!(all(&Journal::open(dir.path(), Options { fsync, ..options() }).unwrap()).len(), 200);
    }
}

#[test]
fn positions_are_not_reused_after_the_tail_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path(), options()).unwrap();
    let first = journal.append(&[b"kept"]).unwrap();
    journal.advance_to(Position(10_000)).unwrap();
    assert_eq!(journal.append(&[b"new"]).unwrap(), Position(10_000));
    journal.advance_to(Position(5)).unwrap();
    drop(journal);
    let journal = Journal::open(dir.path(), options()).unwrap();
    assert_eq!(all(&journal), [b"kept".to_vec(), b"new".to_vec()]);
    let mut between = journal.read_from(Position(first.0 + 12)).unwrap();
    assert_eq!(between.next().unwrap().unwrap().1, "new");
    assert!(matches!(journal.read_from(Position(99_999)), Err(Error::PastEnd { .. })));
}

#[test]
fn a_cursor_holds_the_last_place_that_was_stored() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shipped.cursor");
    let mut cursor = Cursor::open(&path).unwrap();
    assert_eq!(cursor.position(), None);
    for place in [3, 9_000_000_000] {
        cursor.store(Position(place)).unwrap();
        assert_eq!(Cursor::open(&path).unwrap().position(), Some(Position(place)));
    }
    std::fs::write(&path, b"not a cursor").unwrap();
    assert!(matches!(Cursor::open(&path), Err(Error::Damaged { .. })));
}

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;

/// A partition as producers write it: runs of the stream's places, each beginning at or before the first that is missing.
fn runs() -> impl Strategy<Value = Vec<(u8, i64)>> {
    let places = prop::collection::btree_set(0_i64..400, 1..80);
    let cuts = prop::collection::vec((0_u8..3, 1_usize..30, 0_usize..20), 1..40);
    (prop::collection::vec(places, 3), cuts).prop_map(|(streams, cuts)| {
        let mut next = [0_usize; 3];
        let mut log = Vec::new();
        for (stream, length, back) in cuts {
            let places: Vec<i64> = streams[usize::from(stream)].iter().copied().collect();
            let at = &mut next[usize::from(stream)];
            let start = at.saturating_sub(back);
            let end = (start + length).min(places.len());
            log.extend(places[start.min(end)..end].iter().map(|p| (stream, *p)));
            *at = (*at).max(end);
        }
        log
    })
}

/// Feeds the log with commits and restarts at the given points; returns what was new.
fn replay(log: &[(u8, i64)], every: usize, restart: bool, keep: usize) -> Vec<(u8, i64)> {
    let mut table: BTreeMap<String, i64> = BTreeMap::new();
    let mut dedupe = Dedupe::default();
    let mut new = Vec::new();
    for (at, (stream, place)) in log.iter().enumerate() {
        let name = stream.to_string();
        if !dedupe.knows(&name) {
            dedupe.restore(&name, table.get(&name).copied());
        }
        if dedupe.judge(&name, *place) == Verdict::New {
            new.push((*stream, *place));
        }
        if (at + 1) % every == 0 {
            let marks = dedupe.marks();
            table.extend(marks.iter().cloned());
            dedupe.committed(&marks, keep);
            if restart {
                dedupe = Dedupe::default();
            }
        }
    }
    new
}

fn first_copies(log: &[(u8, i64)]) -> Vec<(u8, i64)> {
    let mut seen = HashSet::new();
    log.iter().copied().filter(|event| seen.insert(*event)).collect()
}

proptest! {
    #[test]
    fn p2_the_first_copy_of_each_is_new_and_no_other(
        log in runs(), every in 1_usize..50, restart: bool, keep in 0_usize..4,
    ) {
        prop_assert_eq!(replay(&log, every, restart, keep), first_copies(&log));
    }

    #[test]
    fn p2_no_order_makes_an_event_new_twice(
        log in prop::collection::vec((0_u8..3, 0_i64..60), 0..400), every in 1_usize..50, restart: bool, keep in 0_usize..4,
    ) {
        let new = replay(&log, every, restart, keep);
        let unique: HashSet<_> = new.iter().copied().collect();
        prop_assert_eq!(unique.len(), new.len());
    }

    #[test]
    fn p2_disorder_within_the_window_loses_nothing(mut places in prop::collection::vec(0_i64..500, 0..300), every in 1_usize..50) {
        places.dedup();
        let log: Vec<_> = places.into_iter().map(|p| (0, p)).collect();
        prop_assert_eq!(replay(&log, every, false, 8), first_copies(&log));
    }
}

#[test]
fn the_window_is_bounded_and_what_fell_out_of_it_is_seen() {
    let mut dedupe = Dedupe::default();
    let count = i64::try_from(WINDOW).unwrap() * 3;
    for place in 0..count {
        assert_eq!(dedupe.judge("a", place), Verdict::New);
    }
    assert_eq!(dedupe.streams["a"].seen.len(), WINDOW);
    for place in 0..count {
        assert_eq!(dedupe.judge("a", place), Verdict::Repeat);
    }
}

#[test]
fn streams_in_memory_are_bounded_and_dirty_ones_stay() {
    let mut dedupe = Dedupe::default();
    for stream in 0..10 {
        dedupe.judge(&stream.to_string(), 5);
    }
    let marks = dedupe.marks();
    assert_eq!(marks.len(), 10);
    dedupe.judge("0", 6);
    dedupe.committed(&marks, 2);
    assert!(dedupe.knows("0"), "its last mark is not in the table");
    assert_eq!(dedupe.streams.len(), 2);
    assert_eq!(dedupe.marks(), [("0".to_owned(), 6)]);
}

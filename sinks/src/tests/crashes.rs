//! P2: replays, random cuts, and a crash at each step between read and commit.

use proptest::prelude::*;
use weir_schemas::{Offset, Partition, Topic};

use super::world::*;
use crate::error::Error;
use crate::table_sink::Step;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_repeats_in_the_log_and_replays_of_all_of_it_add_no_row() {
    let log = log_with_repeats(3, 60);
    let world = World::new(Topic::Outcomes);
    let mut sink = world.start(&log).await;
    read(&mut sink, &log, &[17]).await.unwrap();
    assert_eq!(world.events().await, first_copies(&log));
    let version = world.open().await.version();
    // A new process reads nothing; one that is told to read from the start takes nothing.
    for next in [Offset(i64::MAX), Offset(0)] {
        let mut again = world.start(&log).await;
        for partition in (0..3).map(Partition) {
            let reached = again.reached(partition).await.unwrap();
            again.assign(partition, reached, next.min(reached.unwrap().next()));
        }
        read(&mut again, &log, &[5]).await.unwrap();
    }
    assert_eq!(world.open().await.version(), version);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_a_crash_at_any_step_loses_nothing_and_doubles_nothing() {
    for step in [Step::Buried, Step::Encoded, Step::FirstFile, Step::AllFiles, Step::Committed] {
        let mut log = log_with_repeats(2, 20);
        log.append_raw(0, Some(b"poison".as_slice().into()));
        for seq in 20..30 {
            log.append(&outcome("a", seq));
        }
        let world = World::new(Topic::Outcomes);
        let mut sink = world.start(&log).await;
        let mut crashes = 0;
        // Every other life crashes at the step, and gets a little further.
        for life in 0..40 {
            sink.trip = (life % 2 == 0).then_some(step);
            match read(&mut sink, &log, &[11]).await {
                Ok(()) => break,
                Err(Error::Tripped(_)) => crashes += 1,
                Err(other) => panic!("{step:?}: {other}"),
            }
            sink = world.start(&log).await;
        }
        assert!(crashes > 0, "{step:?} was never reached");
        assert_eq!(world.events().await, first_copies(&log), "{step:?}");
        assert!(!world.buried.0.lock().unwrap().is_empty(), "{step:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_what_a_restart_knows_of_streams_survives_checkpoints_and_new_handles() {
    let mut log = Log::new(Topic::Outcomes, 1);
    for seq in 0..104 {
        log.append(&outcome("a", seq));
    }
    let world = World::new(Topic::Outcomes);
    let mut sink = world.start(&log).await;
    read(&mut sink, &log, &[1]).await.unwrap();
    let checkpoint = world.folder().join("_delta_log/00000000000000000099.checkpoint.parquet");
    assert!(checkpoint.is_file(), "the handle was opened anew and a checkpoint was written");
    // Readers need the log's files after the checkpoint only; so does the sink.
    for version in 0..90 {
        std::fs::remove_file(world.folder().join(format!("_delta_log/{version:020}.json"))).unwrap();
    }
    for seq in 0..110 {
        log.append(&outcome("a", seq));
    }
    let mut sink = world.start(&log).await;
    assert_eq!(sink.reached(Partition(0)).await.unwrap(), Some(Offset(103)));
    read(&mut sink, &log, &[200]).await.unwrap();
    assert_eq!(world.events().await.len(), 110);
    assert_eq!(world.events().await, first_copies(&log));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn p2_rows_are_the_unique_events_however_flushes_and_restarts_cut_them(
        partitions in 1_usize..4, each in 1_i64..40, cuts in prop::collection::vec(5_usize..60, 1..5), restarts in 0_usize..3,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let log = log_with_repeats(partitions, each);
            let world = World::new(Topic::Outcomes);
            for _ in 0..restarts {
                // A life that ends in the middle: it reads a while, commits some of it, and is gone.
                let mut sink = world.start(&log).await;
                let some = log.from(&sink.partitions().into_iter().collect());
                for (at, delivery) in some.iter().take(cuts[0] + 7).enumerate() {
                    sink.take(delivery).await.unwrap();
                    if at + 1 == cuts[0] {
                        sink.flush().await.unwrap();
                    }
                }
            }
            let mut sink = world.start(&log).await;
            read(&mut sink, &log, &cuts).await.unwrap();
            assert_eq!(world.events().await, first_copies(&log));
        });
    }
}

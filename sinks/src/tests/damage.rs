//! Files that a crash or a person left half written.

use weir_schemas::Topic;
use weir_tables::Table;

use super::world::*;
use crate::error::Error;
use crate::table_sink::{Step, TableSink};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_written_files_that_no_commit_names_are_harmless() {
    let log = log_with_repeats(2, 20);
    let world = World::new(Topic::Outcomes);
    let mut sink = world.start(&log).await;
    sink.trip = Some(Step::AllFiles);
    assert!(read(&mut sink, &log, &[1000]).await.is_err());
    // The file is there, no commit names it, and it is torn.
    let folder = world.folder().join("date=2026-11-24/tenant=acme");
    let orphan = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&orphan).unwrap();
    std::fs::write(&orphan, &whole[..whole.len() / 2]).unwrap();
    std::fs::write(folder.join("part-0.parquet"), b"PAR1").unwrap();
    assert!(world.rows().await.is_empty());
    // The next life cuts the same batch: the same name, whole again.
    let mut sink = world.start(&log).await;
    read(&mut sink, &log, &[1000]).await.unwrap();
    assert_eq!(std::fs::read(&orphan).unwrap(), whole);
    assert_eq!(world.events().await, first_copies(&log));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_commit_log_is_named_and_the_other_tables_open() {
    let log = log_with_repeats(2, 20);
    let world = World::new(Topic::Outcomes);
    let mut sink = world.start(&log).await;
    read(&mut sink, &log, &[25]).await.unwrap();
    let commit = world.folder().join("_delta_log/00000000000000000002.json");
    let whole = std::fs::read(&commit).unwrap();
    std::fs::write(&commit, &whole[..whole.len() - 40]).unwrap();
    let Err(error) = TableSink::open(world.parts()).await else { panic!("it opened") };
    assert!(matches!(&error, Error::Damaged { table: "outcomes", .. }), "{error:?}");
    assert!(error.to_string().contains("_delta_log/00000000000000000002.json"), "{error}");
    for other in Table::all().iter().filter(|t| t.name != "outcomes") {
        world.lake.open(other).await.unwrap();
    }
    // A repaired file is all it takes.
    std::fs::write(&commit, whole).unwrap();
    assert_eq!(world.events().await, first_copies(&log));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p2_a_lost_last_commit_is_written_again() {
    let mut log = log_with_repeats(2, 20);
    for seq in 20..30 {
        log.append(&outcome("a", seq));
    }
    let world = World::new(Topic::Outcomes);
    let mut sink = world.start(&log).await;
    read(&mut sink, &log, &[25]).await.unwrap();
    let last = world.open().await.version().unwrap();
    std::fs::remove_file(world.folder().join(format!("_delta_log/{last:020}.json"))).unwrap();
    assert_ne!(world.events().await, first_copies(&log));
    // The group's offsets would say that all is read. The table says what is missing.
    let mut sink = world.start(&log).await;
    read(&mut sink, &log, &[25]).await.unwrap();
    assert_eq!(world.events().await, first_copies(&log));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_other_columns_is_refused() {
    let world = World::new(Topic::Outcomes);
    drop(world.open().await);
    let moved = world.dir.path().join("costs");
    std::fs::rename(world.folder(), &moved).unwrap();
    let refused = world.lake.open(Table::of(Topic::Costs)).await;
    assert!(matches!(refused, Err(Error::Columns { table: "costs", .. })), "{refused:?}");
}

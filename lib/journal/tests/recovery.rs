//! Whatever happened to the files, opening gives a prefix of what was appended or says that they are damaged.
#![allow(clippy::unwrap_used)] // The helpers are tests too.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use weir_journal::{Error, Fsync, Journal, Options, Position};

const HEADER_BYTES: u64 = 28;

fn options() -> Options {
    Options { segment_bytes: 4096, max_bytes: 1 << 20, fsync: Fsync::Never, max_record_bytes: 4096 }
}

fn write(dir: &Path, records: &[Vec<u8>], sync_after: Option<usize>) {
    let journal = Journal::open(dir, options()).unwrap();
    for (i, record) in records.iter().enumerate() {
        journal.append(&[record]).unwrap();
        if Some(i + 1) == sync_after {
            journal.sync().unwrap();
        }
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "seg"));
    files.sort();
    files
}

/// What opening and reading gives: the records, or the damage that was reported.
fn reopen(dir: &Path) -> Result<Vec<Vec<u8>>, Error> {
    let journal = Journal::open(dir, options())?;
    let mut reader = journal.read_from(journal.start())?;
    let mut found = Vec::new();
    while let Some((_, record)) = reader.next()? {
        found.push(record.to_vec());
    }
    Ok(found)
}

fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_last_segment_cut_anywhere_gives_a_prefix_and_takes_appends(records in records(), cut in any::<prop::sample::Index>()) {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &records, None);
        let last = segments(dir.path()).pop().unwrap();
        let size = fs::metadata(&last).unwrap().len();
        fs::File::options().write(true).open(&last).unwrap().set_len(cut.index(size as usize + 1) as u64).unwrap();

        let mut found = reopen(dir.path()).unwrap();
        prop_assert!(records.starts_with(&found));
        write(dir.path(), &[b"after".to_vec()], None);
        found.push(b"after".to_vec());
        prop_assert_eq!(reopen(dir.path()).unwrap(), found);
    }

    #[test]
    fn a_flipped_bit_anywhere_gives_a_prefix_or_is_reported(
        records in records(), file in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), bit in 0..8u8
    ) {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &records, None);
        let files = segments(dir.path());
        let which = file.index(files.len());
        let path = &files[which];
        let mut bytes = fs::read(path).unwrap();
        let at = byte.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(path, bytes).unwrap();

        match reopen(dir.path()) {
            Ok(found) => {
                prop_assert!(records.starts_with(&found));
                // Only a torn tail may go without a word.
                prop_assert_eq!(which, files.len() - 1);
            }
            Err(error) => prop_assert!(matches!(error, Error::Damaged { .. }), "{}", error),
        }
    }

    #[test]
    fn what_was_synced_is_never_cut_off(
        records in records(), synced in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), cut in any::<bool>()
    ) {
        let dir = tempfile::tempdir().unwrap();
        let synced = synced.index(records.len()) + 1;
        write(dir.path(), &records, Some(synced));
        let last = segments(dir.path()).pop().unwrap();
        let mut bytes = fs::read(&last).unwrap();
        let at = byte.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= 0x10 }
        fs::write(&last, bytes).unwrap();

        match reopen(dir.path()) {
            Ok(found) => prop_assert!(records.starts_with(&found) && found.len() >= synced),
            Err(error) => prop_assert!(matches!(error, Error::Damaged { .. }), "{}", error),
        }
    }

    #[test]
    fn any_bytes_after_the_header_neither_panic_nor_come_back_as_records(garbage in prop::collection::vec(any::<u8>(), 0..3000)) {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &[b"one".to_vec()], None);
        let path = segments(dir.path()).pop().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(&garbage);
        fs::write(&path, bytes).unwrap();
        prop_assert_eq!(reopen(dir.path()).unwrap(), vec![b"one".to_vec()]);
    }
}

#[test]
fn a_segment_missing_from_the_middle_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &vec![vec![1; 500]; 40], None);
    let files = segments(dir.path());
    assert!(files.len() > 3);
    fs::remove_file(&files[1]).unwrap();
    assert!(matches!(reopen(dir.path()), Err(Error::Damaged { .. })));
}

#[test]
fn a_segment_whose_creation_was_cut_short_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let records = vec![vec![1; 500]; 40];
    write(dir.path(), &records, None);
    let end = {
        let journal = Journal::open(dir.path(), options()).unwrap();
        journal.roll().unwrap();
        journal.end()
    };
    let last = segments(dir.path()).pop().unwrap();
    assert_eq!(fs::metadata(&last).unwrap().len(), HEADER_BYTES);
    fs::File::options().write(true).open(&last).unwrap().set_len(11).unwrap();
    assert_eq!(reopen(dir.path()).unwrap(), records);
    let journal = Journal::open(dir.path(), options()).unwrap();
    assert_eq!(journal.end(), end);
    assert_eq!(journal.start(), Position(0));
}

#[test]
fn damage_in_an_early_segment_is_met_when_it_is_read_and_not_skipped() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &vec![vec![1; 500]; 40], None);
    let first = &segments(dir.path())[0];
    let mut bytes = fs::read(first).unwrap();
    bytes[1_000] ^= 1;
    fs::write(first, bytes).unwrap();
    let journal = Journal::open(dir.path(), options()).unwrap();
    let mut reader = journal.read_from(journal.start()).unwrap();
    assert!(reader.next().unwrap().is_some());
    assert!(matches!(reader.next(), Err(Error::Damaged { .. })));
    assert!(matches!(reader.next(), Err(Error::Damaged { .. })), "an error is not stepped over");
}

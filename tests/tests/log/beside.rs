//! A log and the store beside it, which somebody has moved, restored or looked at.

use std::path::Path;

use segno_host::store::{LogTrouble, Store, StoreError};
use tempfile::TempDir;

use crate::{TABLE, whole};

/// A directory with a store of some rows, which was closed by nobody: all that is in it is in the log.
fn abandoned(rows: u8) -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    let store = Store::open(directory.path()).expect("the store opens");
    for row in 0..rows {
        let value = vec![row; 40 * usize::from(row % 32)];
        let written = store.change_raw(|rows| {
            rows.put(TABLE, &[row], &value)?;
            rows.put(TABLE, b"last", &[row])
        });
        written.expect("the disk is well");
    }
    let left = TempDir::new().expect("a temporary directory");
    copy(directory.path(), left.path());
    left
}

fn copy(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).expect("it is there") {
        let file = file.expect("it is there");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("it can be copied");
    }
}

/// All rows of a store, as a backup has them.
fn backup_of(data: &Path) -> Vec<u8> {
    let mut backup = Vec::new();
    let store = Store::open_to_look(data).expect("the store can be read");
    let dumped = store.dump(|bytes| {
        backup.extend_from_slice(bytes);
        std::ops::ControlFlow::Continue(())
    });
    dumped.expect("the store can be read");
    backup
}

fn trouble(directory: &Path) -> (LogTrouble, String) {
    let error = Store::open(directory).map(drop).expect_err("its log is not its own");
    let looked = Store::open_to_look(directory).map(drop).expect_err("its log is not its own");
    assert_eq!(looked.to_string(), error.to_string());
    let StoreError::Log { trouble, path } = error else { panic!("{error}") };
    (trouble, path)
}

#[test]
fn a_store_without_its_log_or_with_that_of_another_is_refused_and_says_what_to_do() {
    let one = abandoned(10);
    let other = abandoned(20);
    for segment in ["segno.0.log", "segno.1.log"] {
        let data = TempDir::new().expect("a temporary directory");
        copy(one.path(), data.path());
        std::fs::remove_file(data.path().join(segment)).expect("it is there");
        let (missing, path) = trouble(data.path());
        assert!(missing == LogTrouble::Missing && path.ends_with(segment), "{path}");
        assert!(!data.path().join(segment).exists(), "its name is free for who puts it back");
        std::fs::copy(other.path().join(segment), data.path().join(segment)).expect("it is copied");
        let (of_another, path) = trouble(data.path());
        assert!(of_another == LogTrouble::OfAnother && path.ends_with(segment), "{path}");
        // Put back, it is as it was.
        std::fs::copy(one.path().join(segment), data.path().join(segment)).expect("it is copied");
        assert_eq!(whole(&Store::open(data.path()).expect("the store opens")), 10);
    }
}

/// As when the file of a store is restored from one copy, and its log from an earlier one.
#[test]
fn a_log_that_is_older_than_the_store_beside_it_is_refused() {
    let data = abandoned(10);
    let older = TempDir::new().expect("a temporary directory");
    copy(data.path(), older.path());
    // The last stop brings all that is in the log into the file.
    let store = Store::open(data.path()).expect("the store opens");
    store.change_raw(|rows| rows.remove(TABLE, &[3])).expect("the disk is well");
    drop(store);
    let newer = data.path().join("segno.redb");
    std::fs::copy(&newer, older.path().join("segno.redb")).expect("it is copied");
    let (is_older, path) = trouble(older.path());
    assert!(is_older == LogTrouble::Older && path.ends_with("segno.0.log"), "{path}");
    // Whichever of the two is put back: the log of the store, or the store of the log.
    for segment in ["segno.0.log", "segno.1.log"] {
        let to = older.path().join(segment);
        std::fs::copy(data.path().join(segment), to).expect("it is copied");
    }
    let store = Store::open(older.path()).expect("the store opens");
    assert_eq!(store.raw_rows(TABLE).expect("it can be read").len(), 10);
}

#[test]
fn a_store_that_was_restored_makes_its_own_log_and_overwrites_none() {
    let old = abandoned(10);
    let backup = backup_of(abandoned(20).path());
    let file = old.path().join("segno.redb");
    std::fs::remove_file(&file).expect("it is there");
    Store::receive(&file, backup.as_slice()).expect("it is whole");
    let (foreign, path) = trouble(old.path());
    assert_eq!(foreign, LogTrouble::Foreign, "{path}");
    for segment in ["segno.0.log", "segno.1.log"] {
        std::fs::remove_file(old.path().join(segment)).expect("it is there");
    }
    assert_eq!(whole(&Store::open(old.path()).expect("the store opens")), 20);
}

/// A log that cannot be read may be the last that there is of what was acknowledged.
#[test]
fn a_log_that_is_damaged_or_newer_is_not_written_over_by_a_store_that_has_none() {
    for (at, bytes) in [(3, &[0][..]), (10, &[2, 0, 0, 0])] {
        let old = abandoned(10);
        for segment in ["segno.0.log", "segno.1.log"] {
            let path = old.path().join(segment);
            let mut log = std::fs::read(&path).expect("it is there");
            log[at..at + bytes.len()].copy_from_slice(bytes);
            let checksum = crc32fast::hash(&log[..30]);
            log[30..34].copy_from_slice(&checksum.to_le_bytes());
            std::fs::write(&path, log).expect("it can be written");
        }
        let data = TempDir::new().expect("a temporary directory");
        drop(Store::open(data.path()).expect("the store opens"));
        let backup = backup_of(data.path());
        let file = old.path().join("segno.redb");
        std::fs::remove_file(&file).expect("it is there");
        Store::receive(&file, backup.as_slice()).expect("it is whole");
        let log = || std::fs::read(old.path().join("segno.0.log")).expect("it is there");
        let before = log();
        let error = Store::open(old.path()).map(drop).expect_err("the log is not its own");
        let is_told = matches!(
            error,
            StoreError::Log { trouble: LogTrouble::Foreign, .. } | StoreError::Newer { .. }
        );
        assert!(is_told, "{error}");
        assert!(log() == before);
    }
}

#[test]
fn no_store_is_made_beside_a_log_that_is_left() {
    let data = abandoned(10);
    let file = data.path().join("segno.redb");
    let elsewhere = data.path().join("elsewhere");
    std::fs::rename(&file, &elsewhere).expect("it is there");
    let error = Store::open(data.path()).map(drop).expect_err("it was moved away");
    let is_told = matches!(error, StoreError::Log { trouble: LogTrouble::WithoutStore, .. });
    assert!(is_told, "{error}");
    assert!(!file.exists(), "its name is free for who puts it back");
    std::fs::rename(&elsewhere, &file).expect("it is there");
    assert_eq!(whole(&Store::open(data.path()).expect("the store opens")), 10);
}

/// What is only in the log must go into the file some time: whether the disk takes it is known then.
#[test]
fn a_store_that_is_opened_again_after_trouble_has_nothing_only_in_its_log() {
    let data = abandoned(10);
    let store = Store::reopen(data.path(), 1 << 20).expect("the store opens");
    let pages = std::fs::read(data.path().join("segno.redb")).expect("it is there");
    assert_eq!(whole(&store), 10);
    let left = TempDir::new().expect("a temporary directory");
    let copy = left.path().join("segno.redb");
    std::fs::write(&copy, pages).expect("it can be written");
    let file = redb::Database::open(copy).expect("it is whole");
    let moment = redb::ReadableDatabase::begin_read(&file).expect("it can be read");
    let table: redb::TableDefinition<'_, &[u8], &[u8]> = redb::TableDefinition::new(TABLE);
    let table = moment.open_table(table).expect("it is there");
    assert_eq!(redb::ReadableTableMetadata::len(&table).expect("it can be read"), 11);
}

#[test]
fn whoever_looks_at_a_store_sees_its_log_and_changes_nothing() {
    let left = abandoned(30);
    let files = || {
        let files = ["segno.redb", "segno.0.log", "segno.1.log"];
        files.map(|file| std::fs::read(left.path().join(file)).expect("it is there"))
    };
    let before = files();
    assert_eq!(whole(&Store::open_to_look(left.path()).expect("it can be read")), 30);
    assert!(files() == before);
    assert_eq!(whole(&Store::open(left.path()).expect("the store opens")), 30);
}

//! The log in front of the file of pages: what a crash, a damage or a mistake of somebody's may do to it.

use std::io::Result;
use std::path::Path;
use std::sync::{Arc, Barrier};

use segno_host::store::{LogTrouble, Storage, StorageBackend, Store, StoreError};
use segno_tests::faulty::{Disk, DiskFile, Kept};
use tempfile::TempDir;

/// The table that is written: it has no meaning for these tests.
const TABLE: &str = "workflows";

/// Where batches begin.
const BLOCK: usize = 4 << 10;

/// Writes rows from this number on, one after the other; gives after how many operations of the disk each
/// was acknowledged. Each row is as large as it needs to be for a segment to be full after some of them, and
/// takes an older one away.
fn write(store: &Store, disk: &Disk, rows: std::ops::Range<u8>) -> Vec<usize> {
    let write = |row: u8| {
        let written = store.change_raw(|rows| {
            rows.put(TABLE, &[row], &vec![row; 40 * usize::from(row % 32)])?;
            rows.put(TABLE, b"last", &[row])?;
            row.checked_sub(50).map_or(Ok(()), |old| rows.remove(TABLE, &[old]))
        });
        written.expect("the disk is well");
        disk.operations()
    };
    rows.map(write).collect()
}

/// How many rows were ever written, as a store says; all that belongs to them is there, and nothing else.
fn whole(store: &Store) -> u8 {
    let rows = store.raw_rows(TABLE).expect("the store can be read");
    let Some(((last, value), rows)) = rows.split_last() else { return 0 };
    assert_eq!(last, b"last");
    let written = value[0] + 1;
    let expected: Vec<_> = (written.saturating_sub(50)..written)
        .map(|row| (vec![row], vec![row; 40 * usize::from(row % 32)]))
        .collect();
    assert!(rows == expected, "{written} rows were written, and others are there");
    written
}

#[test]
fn a_crash_at_any_operation_keeps_all_that_was_acknowledged_and_nothing_by_halves() {
    const ROWS: u8 = 105;
    let disk = Disk::default();
    let store = Store::open_on(disk.clone()).expect("the store opens");
    let first = disk.operations();
    let acknowledged = write(&store, &disk, 0..ROWS);
    for operations in first..=disk.operations() {
        let least = acknowledged.iter().filter(|by| **by <= operations).count();
        for kept in [Kept::Nothing, Kept::All].into_iter().chain((0..4).map(Kept::Some)) {
            let left = match kept {
                Kept::All => disk.after_kill(operations),
                Kept::Nothing | Kept::Some(_) => disk.after_crash(operations, kept),
            };
            let after = Store::open_on(left.clone())
                .unwrap_or_else(|error| panic!("{operations} operations, {kept:?}: {error}"));
            let there = usize::from(whole(&after));
            assert!(
                there == least || there == least + 1,
                "{operations}, {kept:?}: {there}, {least}"
            );
            // What is read may be acted on: it stays, though the next crash comes at once.
            let again = Store::open_on(left.after_power_failure()).expect("the store opens");
            assert_eq!(usize::from(whole(&again)), there, "{operations} operations, {kept:?}");
        }
    }
}

#[test]
fn what_follows_a_crash_is_kept_in_the_next_one() {
    for seed in 0..60 {
        let disk = Disk::default();
        let store = Store::open_on(disk.clone()).expect("the store opens");
        write(&store, &disk, 0..60);
        let crash = disk.operations() - 1 - usize::try_from(seed).expect("it is small");
        let disk = match seed % 2 {
            0 => disk.after_crash(crash, Kept::Some(seed)),
            _ => disk.after_kill(crash),
        };
        let store = Store::open_on(disk.clone()).expect("the store opens");
        let there = whole(&store);
        let acknowledged = write(&store, &disk, there..there + 40);
        for (row, operations) in (there + 1..).zip(acknowledged) {
            let after = Store::open_on(disk.after_crash(operations, Kept::Some(seed)));
            let after = after.unwrap_or_else(|error| panic!("seed {seed}, row {row}: {error}"));
            assert!(whole(&after) >= row, "seed {seed}, row {row}");
        }
    }
}

/// A file whose next sync tells that it begins, and waits until it may go on, where it is told to.
#[derive(Debug)]
struct Held {
    file: DiskFile,
    syncs: Arc<Syncs>,
}

#[derive(Debug)]
struct Syncs {
    are_held: std::sync::atomic::AtomicBool,
    begins: Barrier,
    may_end: Barrier,
}

impl StorageBackend for Held {
    fn len(&self) -> Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<()> {
        if self.syncs.are_held.swap(false, std::sync::atomic::Ordering::AcqRel) {
            self.syncs.begins.wait();
            self.syncs.may_end.wait();
        }
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.file.write(offset, data)
    }
}

#[test]
fn nobody_sees_what_is_not_on_the_disk_yet() {
    let disk = Disk::default();
    let syncs = Arc::new(Syncs {
        are_held: false.into(),
        begins: Barrier::new(2),
        may_end: Barrier::new(2),
    });
    let held = |number| Box::new(Held { file: disk.file(number), syncs: Arc::clone(&syncs) });
    let storage = Storage { log: [held(1), held(2)], ..disk.clone().into() };
    let store = Store::open_on(storage).expect("the store opens");
    write(&store, &disk, 0..1);
    syncs.are_held.store(true, std::sync::atomic::Ordering::Release);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| write(&store, &disk, 1..2));
        syncs.begins.wait();
        let seen = whole(&store);
        syncs.may_end.wait();
        writing.join().expect("it is written");
        assert_eq!((seen, whole(&store)), (1, 2));
    });
}

#[test]
fn a_batch_that_is_larger_than_a_segment_is_kept_and_its_room_given_back() {
    let disk = Disk::default();
    let store = Store::open_on(disk.clone()).expect("the store opens");
    let large = vec![7; 300_000];
    store.change_raw(|rows| rows.put(TABLE, b"large", &large)).expect("the disk is well");
    let length = |disk: &Disk| {
        [1, 2].map(|segment| disk.file(segment).len().expect("it is there")).into_iter().max()
    };
    assert!(length(&disk) > Some(300_000));
    let after = Store::open_on(disk.after_power_failure()).expect("the store opens");
    let rows = after.raw_rows(TABLE).expect("it can be read");
    assert!(rows == [(b"large".to_vec(), large.clone())]);
    for row in 0..250 {
        let small = vec![row; 500];
        store.change_raw(|rows| rows.put(TABLE, &[row], &small)).expect("the disk is well");
    }
    assert!(length(&disk) < Some(200_000));
    let after = Store::open_on(disk.after_power_failure()).expect("the store opens");
    assert_eq!(after.raw_rows(TABLE).expect("it can be read").len(), 251);
}

#[test]
fn a_batch_that_is_damaged_before_others_is_damage_and_opens_nothing() {
    let disk = Disk::default();
    let store = Store::open_on(disk.clone()).expect("the store opens");
    write(&store, &disk, 0..10);
    let whole_disk = disk.after_power_failure();
    let log = |disk: &Disk| {
        let mut bytes =
            vec![0; usize::try_from(disk.file(1).len().expect("it is there")).expect("it fits")];
        disk.file(1).read(0, &mut bytes).expect("it can be read");
        bytes
    };
    let bytes = log(&whole_disk);
    let begins = |at: &usize| bytes[*at..].starts_with(b"bat\n");
    let batches: Vec<_> = (0..bytes.len()).step_by(BLOCK).filter(begins).collect();
    let (last, others) = batches.split_last().expect("there are some");
    for at in others {
        for within in [0, 5, 9, 17, 30] {
            let harmed = whole_disk.after_power_failure();
            harmed.change(1, |log| log[at + within] ^= 4);
            let before = log(&harmed);
            let error = Store::open_on(harmed.clone()).map(drop).expect_err("it is damaged");
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
            assert!(error.to_string().contains("behind it can"), "{error}");
            assert!(log(&harmed) == before, "who mends it finds it as it was");
        }
    }
    // The last one may as well be torn: it was perhaps never acknowledged.
    let torn = whole_disk.after_power_failure();
    torn.change(1, |log| log[last + 30] ^= 4);
    assert_eq!(whole(&Store::open_on(torn).expect("the store opens")), 9);
}

#[test]
fn a_segment_that_begins_as_none_does_is_damage() {
    let disk = Disk::default();
    drop(Store::open_on(disk.clone()).expect("the store opens"));
    for segment in [1, 2] {
        let harmed = disk.after_power_failure();
        harmed.change(segment, |log| log[3] ^= 1);
        let error = Store::open_on(harmed).map(drop).expect_err("it is damaged");
        assert!(error.to_string().contains("does not begin as a log does"), "{error}");
    }
}

#[test]
fn after_a_crash_nothing_of_the_file_of_pages_is_checked() {
    let disk = Disk::default();
    let store = Store::open_on(disk.clone()).expect("the store opens");
    let first = disk.operations();
    write(&store, &disk, 0..100);
    for operations in (first..disk.operations()).step_by(3) {
        let left = disk.after_crash(operations, Kept::Some(7));
        let opened = redb::Database::builder()
            .set_repair_callback(|_| panic!("it is checked"))
            .create_with_backend(left.file(0));
        opened.expect("the file is whole");
    }
}

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
        std::fs::copy(other.path().join(segment), data.path().join(segment)).expect("it is copied");
        let (of_another, path) = trouble(data.path());
        assert!(of_another == LogTrouble::OfAnother && path.ends_with(segment), "{path}");
        // Put back, it is as it was.
        std::fs::copy(one.path().join(segment), data.path().join(segment)).expect("it is copied");
        assert_eq!(whole(&Store::open(data.path()).expect("the store opens")), 10);
    }
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

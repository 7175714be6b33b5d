//! What a crash leaves of what was acknowledged: all of it.

use std::io::Result;
use std::sync::{Arc, Barrier};

use segno_host::store::{Checkpoints, Storage, StorageBackend, Store};
use segno_tests::faulty::{Disk, DiskFile, Kept};

use crate::{TABLE, whole, write};

/// So many rows are written that segments are full some times, and older rows go.
const ROWS: u8 = 105;

#[test]
fn a_crash_at_any_operation_keeps_all_that_was_acknowledged_and_nothing_by_halves() {
    let disk = Disk::default();
    write_and_crash(&disk, disk.clone().into());
}

#[test]
fn a_crash_keeps_what_was_acknowledged_while_a_thread_brings_it_into_the_file() {
    let disk = Disk::default();
    let storage = Storage { checkpoints: Checkpoints::InBackground, ..disk.clone().into() };
    write_and_crash(&disk, storage);
}

/// The room of a log is made by telling the disk how long its files are, which some disks only say they do.
#[test]
fn a_log_whose_length_the_disk_lies_about_keeps_what_was_acknowledged() {
    let disk = Disk::default();
    [1, 2].into_iter().for_each(|segment| disk.lie_about_length(segment));
    write_and_crash(&disk, disk.clone().into());
}

/// A host that begins on a log of which all is in the file tears no batch that says how far the file is.
#[test]
fn a_crash_after_orderly_stops_keeps_all_that_was_acknowledged() {
    let disk = Disk::default();
    drop(Store::open_on(disk.clone()).expect("the store opens"));
    let first = disk.operations();
    let live = |row| {
        let store = Store::open_on(disk.clone()).expect("the store opens");
        write(&store, &disk, row..row + 1)
    };
    let acknowledged: Vec<_> = (0..32).flat_map(live).collect();
    crash_at_each_operation(&disk, first, &acknowledged);
}

/// Fills a new store, and opens what a crash leaves of it.
fn write_and_crash(disk: &Disk, storage: Storage) {
    let store = Store::open_on(storage).expect("the store opens");
    let first = disk.operations();
    let acknowledged = write(&store, disk, 0..ROWS);
    crash_at_each_operation(disk, first, &acknowledged);
}

/// Opens what a crash leaves at each operation of the disk from the first one on.
fn crash_at_each_operation(disk: &Disk, first: usize, acknowledged: &[usize]) {
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

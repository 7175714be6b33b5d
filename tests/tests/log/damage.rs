//! A log that is damaged.

use segno_host::store::{StorageBackend as _, Store, StoreError};
use segno_tests::faulty::Disk;

use crate::{BLOCK, whole, write};

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

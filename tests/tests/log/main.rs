//! The log in front of the file of pages: what a crash, a damage or a mistake of somebody's may do to it.

mod beside;
mod crashes;
mod damage;

use segno_host::store::Store;
use segno_tests::faulty::Disk;

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

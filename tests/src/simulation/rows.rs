//! What is left on disk when all runs have ended, row by row.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use segno_host::store::{RawRow, Store};
use segno_journal::{RunId, Turn};

use crate::faulty::Disk;
use crate::simulation::cuts::Cuts;
use crate::simulation::damage::image;
use crate::simulation::turns::turns;

/// From this size on a payload is kept apart from its turn, in bytes.
const LARGE: usize = 8 << 10;

/// The rows of a table.
type Rows = Vec<RawRow>;

/// All rows of all tables.
pub(crate) fn of(disk: &Disk) -> BTreeMap<&'static str, Rows> {
    let store = Store::open_on(disk.clone()).expect("the store opens");
    let rows = |table| (table, store.raw_rows(table).expect("the store can be read"));
    Store::raw_tables().map(rows).collect()
}

/// The large payloads of the turns that are on disk, and how many turns have each.
pub(crate) fn payloads(store: &Store, runs: impl Iterator<Item = RunId>) -> BTreeMap<Vec<u8>, u64> {
    let mut payloads = BTreeMap::new();
    for mut turn in runs.flat_map(|run| all_turns(store, run)) {
        for payload in turn
            .payloads()
            .filter(|payload| payload.size() >= LARGE)
            .map(|mut payload| payload.take())
        {
            *payloads.entry(payload).or_default() += 1;
        }
    }
    payloads
}

/// The turns of a run, with those that were set aside.
fn all_turns(store: &Store, run: RunId) -> Vec<Turn> {
    let mut all = turns(store, run, 0);
    for number in 1..=store.set_aside_before(run).expect("the store can be read") {
        let visited = store.visit_set_aside((run, number), 0, |turn| {
            all.push(turn);
            ControlFlow::Continue(())
        });
        visited.expect("the store can be read");
    }
    all
}

/// No image is left, and no payload that no turn has; each is counted as often as turns have it.
pub(crate) fn nothing_is_left(
    rows: &BTreeMap<&'static str, Rows>,
    payloads: &BTreeMap<Vec<u8>, u64>,
    cuts: &Cuts,
) {
    for table in ["images", "blocks"] {
        // Of an image that was harmed, the one row may be gone that leads to the other.
        let left = rows[table]
            .iter()
            .map(|(key, _)| image(key))
            .find(|image| !cuts.harmed().contains(image));
        assert_eq!(left, None, "an image is left in `{table}`");
    }
    let posted = &rows["posted"];
    assert!(
        posted.is_empty(),
        "a signal of a batch lies before a run that has ended: {posted:02x?}"
    );
    let watched = &rows["losses"];
    assert!(watched.is_empty(), "all steps are over, and some are still watched: {watched:02x?}");
    assert_eq!(
        rows["payloads"].len(),
        payloads.len(),
        "another number of payloads than the turns have"
    );
    let counts = rows["payload_counts"].iter().map(|(_, count)| {
        u64::from_le_bytes(count.as_slice().try_into().expect("a count has 8 bytes"))
    });
    let mut counts: Vec<_> = counts.collect();
    let mut expected: Vec<_> = payloads.values().copied().filter(|count| *count > 1).collect();
    counts.sort_unstable();
    expected.sort_unstable();
    assert_eq!(counts, expected, "payloads are counted in another way than the turns have them");
}

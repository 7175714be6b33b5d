//! What the journal of a run has on disk.

use std::ops::ControlFlow;

use segno_host::store::Store;
use segno_journal::{RunId, Turn};

/// The turns of a run that are on disk, from one on.
pub(crate) fn turns(store: &Store, run: RunId, from: u64) -> Vec<Turn> {
    let mut turns = Vec::new();
    let visited = store.visit_turns(run, from, |turn| {
        turns.push(turn);
        ControlFlow::Continue(())
    });
    visited.expect("the store can be read");
    turns
}

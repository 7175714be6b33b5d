//! What all shards know of the recovery: how the host went down, and what was found, which the log
//! says once.

use std::sync::atomic::{AtomicUsize, Ordering};

use segno_journal::Timestamp;

/// A recovery of all shards.
pub(crate) struct Recovery {
    /// The host went down without a word, and not because its store had failed: what ran then may have
    /// taken it down.
    pub(crate) has_crashed: bool,
    since: Timestamp,
    /// How many shards have not set their runs going yet.
    left: AtomicUsize,
    runs: AtomicUsize,
    lost: AtomicUsize,
}

impl Recovery {
    /// A recovery that began then, of so many shards.
    pub(crate) fn new(has_crashed: bool, since: Timestamp, shards: usize) -> Self {
        Self {
            has_crashed,
            since,
            left: AtomicUsize::new(shards),
            runs: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
        }
    }

    /// A shard has set its runs going: so many, of which so many attempts were lost. After the last one
    /// this gives what was found in all.
    pub(crate) fn went_on(&self, runs: usize, lost: usize) -> Option<Found> {
        self.runs.fetch_add(runs, Ordering::AcqRel);
        self.lost.fetch_add(lost, Ordering::AcqRel);
        (self.left.fetch_sub(1, Ordering::AcqRel) == 1).then(|| Found {
            runs: self.runs.load(Ordering::Acquire),
            lost: self.lost.load(Ordering::Acquire),
            since: self.since,
        })
    }
}

/// What all shards together have found.
pub(crate) struct Found {
    /// How many runs that have not ended.
    pub(crate) runs: usize,
    /// How many attempts were lost in a crash.
    pub(crate) lost: usize,
    /// When the recovery began.
    pub(crate) since: Timestamp,
}

//! What all shards know of the recovery: how the host went down, and what was found, which the log
//! says once.

use std::sync::atomic::{AtomicUsize, Ordering};

use segno_journal::Timestamp;

use crate::engine::outside::Outside;

/// How many names of steps the log lists.
const NAMED: usize = 20;

/// A recovery of all shards.
pub(crate) struct Comeback {
    /// The host went down without a word, and not because its store had failed: what ran then may have
    /// taken it down.
    pub(crate) has_crashed: bool,
    since: Timestamp,
    /// How many shards have not set their runs going yet.
    left: AtomicUsize,
    runs: AtomicUsize,
    lost: AtomicUsize,
}

impl Comeback {
    /// A recovery that began then, of so many shards.
    pub(crate) fn new(has_crashed: bool, since: Timestamp, shards: usize) -> Self {
        let left = AtomicUsize::new(shards);
        let runs = AtomicUsize::new(0);
        let lost = AtomicUsize::new(0);
        Self { has_crashed, since, left, runs, lost }
    }

    /// A shard has set its runs going: so many, of which so many attempts were lost. After the last
    /// one the log says what was found.
    pub(crate) fn went_on(&self, runs: usize, lost: usize, outside: &Outside) {
        self.runs.fetch_add(runs, Ordering::AcqRel);
        self.lost.fetch_add(lost, Ordering::AcqRel);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.tell(outside);
        }
    }

    fn tell(&self, outside: &Outside) {
        let runs = self.runs.load(Ordering::Acquire);
        let lost = self.lost.load(Ordering::Acquire);
        let missing = outside.missing.steps();
        let seconds = outside.now().since_ms(self.since) as f64 / 1_000.0;
        let waiting: usize = missing.iter().map(|(_step, waiting)| waiting).sum();
        tracing::info!(
            unfinished_runs = runs,
            after_a_crash = self.has_crashed,
            lost_attempts = lost,
            waiting_for_missing_steps = waiting,
            seconds,
            "recovered"
        );
        for (step, waiting) in missing.iter().take(NAMED) {
            tracing::warn!(?step, waiting, "unfinished runs wait for a step that this host lacks");
        }
    }
}

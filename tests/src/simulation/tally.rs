//! What is counted in simulated lives: so that whoever says that something holds over so many crashes has
//! counted them.

use std::ops::AddAssign;

/// What became of a life, or of some of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many lives these are.
    pub lives: u64,
    /// How often a host went down without a word.
    pub kills: u64,
    /// How many batches were stored.
    pub batches: u64,
    /// How many runs were deleted.
    pub deletions: u64,
    /// What became of the signals that were acknowledged.
    pub signals: Signals,
    /// What runs undid that failed or were cancelled.
    pub endings: Endings,
    /// How often failed runs were tried again.
    pub retries: u64,
    /// How many runs are forks of others.
    pub forks: u64,
}

/// What runs undid that failed or were cancelled: last first, and each once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Endings {
    /// How many runs were told to end.
    pub told: u64,
    /// How many of them were ended before they had cleaned up.
    pub late: u64,
    /// How many compensations came to their ends.
    pub undone: u64,
}

/// What became of the signals that were acknowledged. One that was sent again with its key counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signals {
    /// How many had their turn. None had two.
    pub delivered: u64,
    /// How many had none, because their run ended first: these were held while that was blocked, or behind
    /// what ended it.
    pub missed: u64,
    /// How many were acknowledged and not delivered when a host went down, each counted each time.
    pub owed_at_kills: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        let Self {
            lives,
            kills,
            batches,
            deletions,
            signals: Signals { delivered, missed, owed_at_kills },
            endings: Endings { told, late, undone },
            retries,
            forks,
        } = other;
        self.lives += lives;
        self.kills += kills;
        self.batches += batches;
        self.deletions += deletions;
        self.signals.delivered += delivered;
        self.signals.missed += missed;
        self.signals.owed_at_kills += owed_at_kills;
        self.endings.told += told;
        self.endings.late += late;
        self.endings.undone += undone;
        self.retries += retries;
        self.forks += forks;
    }
}

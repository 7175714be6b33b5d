//! Of which runs a fork has its turns: each of them was told another name, and drew other random numbers.

use segno_journal::{RunId, Timestamp, grows};

/// How often a run is forked from a fork at most: its record names all that have turns in it.
pub const MAX_ANCESTORS: usize = 100;

/// Of which runs a fork has its turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The run that it was forked from.
    pub from: RunId,
    /// The turn that says so: those before it are copies.
    pub turn: u64,
    /// What all of them were told of when they were started: time in a run never goes back.
    pub started_at: Timestamp,
    /// The runs that had the turns first, in their order.
    pub ancestors: Vec<Ancestor>,
    /// The last number under which turns of them were set aside: those of the fork come behind it.
    pub set_aside: u32,
    /// What was asked for comes down to this, by which the same fork is known.
    pub fingerprint: u64,
}

grows!(Lineage { from, turn, started_at, ancestors, set_aside, fingerprint });

/// A run that has had turns of a fork, or the fork itself: what its guest was told of it in these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestor {
    /// Which run.
    pub run: RunId,
    /// What its random numbers grew from.
    pub seed: [u8; 32],
    /// The run that had started it, if one did.
    pub parent: Option<RunId>,
    /// The first turn that it has not had.
    pub until: u64,
}

grows!(Ancestor { run, seed, parent, until });

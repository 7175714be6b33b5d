//! The guests that are live, up to a budget: who was idle longest goes first.

use std::collections::{BTreeMap, HashMap};

use segno_journal::RunId;

use crate::engine::guests::pressure::Pressure;
use crate::engine::metrics::Gauge;
use crate::sandbox::Guest;

/// What a live guest holds besides its memory: tables, handles, the pages of its stack.
/// With ten thousand usual guests a host was measured to hold 1.2 GiB, the store and all else included.
const OVERHEAD: usize = 96 << 10;

/// How much memory a fresh guest has, mostly a stack that is hardly touched. What a module declares
/// beyond is counted whole: it may be touched. One that touches this, too, is found by [`Pressure`].
const FRESH: usize = 2 << 20;

/// The live guests of a shard.
pub(crate) struct Warm {
    budget: usize,
    /// How many there are room for.
    places: usize,
    held: usize,
    clock: u64,
    guests: HashMap<RunId, Entry>,
    /// By when they were last used.
    line: BTreeMap<u64, RunId>,
    /// How many there are over all shards, for those who watch the host.
    counted: Gauge,
    /// How much of a guest is not counted.
    free: usize,
}

struct Entry {
    guest: Guest,
    used: u64,
    size: usize,
}

impl Warm {
    /// Room for so many guests of this many bytes together, which are counted so.
    pub(crate) fn new(budget: usize, places: usize, pressure: &Pressure, counted: Gauge) -> Self {
        let free = if pressure.counts_whole() { 0 } else { FRESH };
        Self {
            budget,
            places,
            held: 0,
            clock: 0,
            guests: HashMap::new(),
            line: BTreeMap::new(),
            counted,
            free,
        }
    }

    /// How many guests there are at most in a budget of so many bytes.
    pub(crate) const fn most(budget: usize) -> usize {
        budget / OVERHEAD + 1
    }

    /// The live guest of a run, if there is one.
    pub(crate) fn take(&mut self, run: RunId) -> Option<Guest> {
        let entry = self.guests.remove(&run)?;
        self.line.remove(&entry.used);
        self.held -= entry.size;
        self.counted.dec();
        Some(entry.guest)
    }

    /// Keeps a guest in the place of the one that its run has, if it has one, and gives back those that were idle
    /// longest where there is no more room. It is kept even if it is larger than the budget: its next event may come
    /// at once.
    #[must_use]
    pub(crate) fn put(&mut self, run: RunId, guest: Guest) -> Vec<(RunId, Guest)> {
        self.remove(run);
        let size = OVERHEAD + guest.grown().max(guest.memory().saturating_sub(self.free));
        let used = self.clock;
        self.clock += 1;
        self.held += size;
        self.guests.insert(run, Entry { guest, used, size });
        self.counted.inc();
        self.line.insert(used, run);
        let mut idle = Vec::new();
        while (self.held > self.budget || self.guests.len() > self.places) && self.guests.len() > 1
        {
            let Some(run) = self.line.first_key_value().map(|(_, run)| *run) else { break };
            idle.extend(self.take(run).map(|guest| (run, guest)));
        }
        idle
    }

    /// Gives back the half of the guests that was idle longest: the host has no room left for another, or
    /// holds too much.
    #[must_use]
    pub(crate) fn make_room(&mut self) -> Vec<(RunId, Guest)> {
        let idlest: Vec<_> =
            self.line.values().take(self.guests.len().div_ceil(2)).copied().collect();
        idlest.into_iter().filter_map(|run| Some((run, self.take(run)?))).collect()
    }

    /// Drops the guest of a run, if there is one.
    pub(crate) fn remove(&mut self, run: RunId) {
        drop(self.take(run));
    }
}

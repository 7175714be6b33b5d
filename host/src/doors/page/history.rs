//! A part of the history of a run.

use segno_api::RunView;

/// One thing that happened.
pub(super) struct Entry {
    pub(super) turn: u64,
    /// How long after the start of the run.
    pub(super) offset: String,
    /// When.
    pub(super) at: String,
    pub(super) text: String,
}

/// Some turns of a run, and the ways to the others.
pub(super) struct History {
    pub(super) entries: Vec<Entry>,
    /// How many entries of these turns are not shown.
    pub(super) more: usize,
    pub(super) turns: u64,
    pub(super) first: Option<String>,
    pub(super) earlier: Option<String>,
    pub(super) later: Option<String>,
    pub(super) last: Option<String>,
}

impl History {
    /// How many turns are shown.
    pub(super) const TURNS: usize = 100;

    /// How many entries of them are shown: one turn may ask for thousands of steps.
    const ENTRIES: usize = 2_000;

    /// From which turn on a history is shown.
    pub(super) fn begins(wanted: Option<u64>, turns: u64) -> u64 {
        wanted.unwrap_or_else(|| turns.saturating_sub(Self::TURNS as u64))
    }

    /// What happened in the turns from one on.
    pub(super) fn new(
        view: &RunView,
        from: u64,
        next: Option<u64>,
        entries: impl Iterator<Item = Entry>,
    ) -> Self {
        let link = |turn: u64| format!("/runs/{}?turn={turn}#history", view.run_id);
        let mut entries: Vec<_> = entries.collect();
        let more = entries.len().saturating_sub(Self::ENTRIES);
        entries.truncate(Self::ENTRIES);
        let earlier = (from > 0).then(|| link(from.saturating_sub(Self::TURNS as u64)));
        Self {
            entries,
            more,
            turns: view.turns,
            first: (from > 0).then(|| link(0)),
            earlier,
            later: next.map(link),
            last: next.map(|_| format!("/runs/{}#history", view.run_id)),
        }
    }
}

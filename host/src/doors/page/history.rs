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
    pub(super) turns: u64,
    pub(super) first: Option<String>,
    pub(super) earlier: Option<String>,
    pub(super) later: Option<String>,
    pub(super) last: Option<String>,
}

/// Where a part of a history begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct From {
    pub(super) turn: u64,
    /// How many entries of that turn come before it.
    pub(super) entry: u64,
}

impl From {
    /// Where somebody wants it to begin; with the last turns, where nobody says. Behind the last turn there is nothing.
    pub(super) fn new(turn: Option<u64>, entry: u64, turns: u64) -> Self {
        let last = || turns.saturating_sub(History::TURNS as u64);
        let turn = turn.map_or_else(last, |turn| turn.min(turns.saturating_sub(1)));
        Self { turn, entry }
    }
}

impl History {
    /// How many turns are shown.
    pub(super) const TURNS: usize = 100;

    /// How many entries of them are shown: one turn may ask for thousands of steps.
    const ENTRIES: usize = 2_000;

    /// What happened from there on; behind what was read comes the turn `next`.
    pub(super) fn new(
        view: &RunView,
        from: From,
        next: Option<u64>,
        entries: impl Iterator<Item = Entry>,
    ) -> Self {
        let run = view.run_id;
        let link = |turn: u64| format!("/runs/{run}?turn={turn}#history");
        let mut before = from.entry;
        let mut entries: Vec<_> = entries
            .skip_while(|entry| {
                let is_before = entry.turn == from.turn && before > 0;
                before = before.saturating_sub(u64::from(is_before));
                is_before
            })
            .collect();
        let cut = (entries.len() > Self::ENTRIES).then(|| {
            let turn = entries[Self::ENTRIES].turn;
            let shown = entries[..Self::ENTRIES].iter().filter(|entry| entry.turn == turn).count();
            let before = if turn == from.turn { from.entry } else { 0 };
            format!("/runs/{run}?turn={turn}&entry={}#history", before + shown as u64)
        });
        entries.truncate(Self::ENTRIES);
        let later = cut.or_else(|| next.map(link));
        let is_first = from.turn == 0 && from.entry == 0;
        Self {
            entries,
            turns: view.turns,
            first: (!is_first).then(|| link(0)),
            earlier: (from.turn > 0).then(|| link(from.turn.saturating_sub(Self::TURNS as u64))),
            last: later.is_some().then(|| link(view.turns.saturating_sub(1))),
            later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_begins_where_it_is_wanted_and_never_behind_the_end() {
        for (turn, turns, begins) in [
            (None, 0, 0),
            (None, 99, 0),
            (None, 250, 150),
            (Some(7), 250, 7),
            (Some(250), 250, 249),
            (Some(u64::MAX), 250, 249),
            (Some(3), 0, 0),
        ] {
            assert_eq!(From::new(turn, 0, turns).turn, begins, "{turn:?} of {turns}");
        }
    }
}

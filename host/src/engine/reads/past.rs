//! Of when a run is asked, and what there still is of that.

use segno_journal::{RunId, Verdict};

use crate::engine::error::EngineError;
use crate::store::{Store, StoreError};

/// How far a run has come, and of when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past {
    /// How many turns it has had.
    had: u64,
    /// Whether it has ended with the last of them.
    pub(super) is_over: bool,
    /// After which turn it is asked.
    pub(super) at: u64,
    /// The first of its turns that is on disk, besides turn 0.
    first_turn: u64,
}

impl Past {
    pub(crate) fn of(store: &Store, run: RunId, at: Option<u64>) -> Result<Self, EngineError> {
        let last = store.last_turn(run)?;
        let had = last.as_ref().map_or(0, |last| last.seq + 1);
        let is_over = last.is_some_and(|last| last.verdict != Verdict::Waiting);
        let at = at.unwrap_or(had.saturating_sub(1));
        if at >= had {
            return Err(EngineError::NoSuchTurn { run, turns: had });
        }
        let first_turn = store.first_turn_after(run, 0)?.unwrap_or(1);
        Ok(Self { had, is_over, at, first_turn })
    }

    /// Whether it is asked as it is.
    pub(super) const fn is_now(&self) -> bool {
        self.at + 1 == self.had
    }

    /// Whether all turns between this one and the one that is asked for are on disk.
    pub(super) const fn is_known(&self, turn: u64) -> bool {
        self.first_turn <= turn + 1 || self.at == 0
    }

    /// How many turns a copy has had: of a run that has ended, there is nobody left after its last one.
    pub(crate) fn turns(&self) -> u64 {
        (self.at + 1).min(self.had - u64::from(self.is_over))
    }

    /// The first turn that a copy would miss, besides turn 0, if it had no image.
    pub(super) fn first_turn(&self) -> u64 {
        if self.turns() <= 1 { 1 } else { self.first_turn }
    }

    /// Whether a copy can be made: of all turns, or of an image that has not come further.
    pub(super) fn can_be_made_again(&self, store: &Store, run: RunId) -> Result<bool, StoreError> {
        let turns = self.turns();
        Ok(self.first_turn() <= 1
            || store.image_positions(run)?.iter().any(|position| *position <= turns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: Past = Past { had: 10, is_over: false, at: 9, first_turn: 1 };

    #[test]
    fn a_copy_has_had_the_turns_up_to_the_one_that_is_asked_for_and_never_the_last_word() {
        assert_eq!(RUNS.turns(), 10);
        assert_eq!(Past { at: 0, ..RUNS }.turns(), 1);
        let ended = Past { is_over: true, ..RUNS };
        assert_eq!(ended.turns(), 9);
        assert_eq!(Past { at: 8, ..ended }.turns(), 9);
        assert_eq!(Past { at: 7, ..ended }.turns(), 8);
        assert_eq!(Past { had: 1, at: 0, ..ended }.turns(), 0);
    }

    #[test]
    fn what_was_shown_in_a_turn_before_those_that_were_forgotten_may_have_been_replaced() {
        let cut = Past { first_turn: 6, ..RUNS };
        assert!(!cut.is_known(0));
        assert!(cut.is_known(5), "turn 6 follows, and all behind it are there");
        assert!(cut.is_known(7));
        assert!(Past { at: 0, ..cut }.is_known(0), "nothing lies between");
        assert!(RUNS.is_known(0));
    }
}

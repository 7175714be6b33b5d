//! A run as it is on disk, at one moment: what it takes to bring its state back.
//!
//! Nothing is read before it is asked for, and its turns are never all in memory: of a hundred
//! thousand runs that go on after a restart, most have a few turns and nothing else.

use std::ops::ControlFlow;

use segno_journal::retry::Attempt;
use segno_journal::{Op, RunId, Turn};

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::images::{FoundImage, ImageRecord};
use crate::store::records::{HeldEvent, RunRecord};

/// A run, as the store has it at one moment.
pub struct Recalled {
    /// At the moment.
    store: Store,
    run: RunId,
    /// Turns from this one on are not seen, nor images of them.
    until: u64,
}

impl Store {
    /// A run as it is now, or as it was at the moment that is pinned. To be dropped soon, as a moment
    /// is.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn recall(&self, run: RunId) -> Result<Recalled, StoreError> {
        Ok(Recalled { store: self.pinned()?, run, until: u64::MAX })
    }
}

impl Recalled {
    /// As it was before this turn.
    #[must_use]
    pub fn before(mut self, turn: u64) -> Self {
        self.until = turn;
        self
    }

    /// Which run it is.
    #[must_use]
    pub const fn run(&self) -> RunId {
        self.run
    }

    /// What is known of it without its turns; nothing where there is no such run.
    ///
    /// # Errors
    ///
    /// The store cannot be read. The same holds for all functions here.
    pub fn record(&self) -> Result<Option<RunRecord>, StoreError> {
        self.store.run(self.run)
    }

    /// Its images, newest first: the position of each, and what it says or why it cannot be read.
    pub fn images(&self) -> Result<Vec<FoundImage>, StoreError> {
        let mut images = self.store.images(self.run)?;
        images.retain(|(position, _)| *position <= self.until);
        Ok(images)
    }

    /// The blocks of one of its images.
    pub fn image_blocks(&self, position: u64, image: &ImageRecord) -> Result<Vec<u8>, StoreError> {
        self.store.image_blocks(self.run, position, image)
    }

    /// Whether the turn at a position is on disk.
    pub fn has_turn(&self, seq: u64) -> Result<bool, StoreError> {
        self.store.has_turn(self.run, seq)
    }

    /// Visits its turns in order, from a position on, until the visitor has enough. One is in memory at
    /// a time.
    pub fn visit_turns(
        &self,
        from: u64,
        mut visit: impl FnMut(Turn) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.store.visit_turns(self.run, from, |turn| match turn.seq < self.until {
            true => visit(turn),
            false => ControlFlow::Break(()),
        })
    }

    /// The first of its turns that is on disk, besides turn 0, which always is.
    pub fn first_turn(&self) -> Result<Option<u64>, StoreError> {
        self.store.first_turn_after(self.run, 0)
    }

    /// The last failed attempt of each of these operations that has one.
    pub fn last_attempts(
        &self,
        ops: impl IntoIterator<Item = Op>,
    ) -> Result<Vec<(Op, Attempt)>, StoreError> {
        let mut attempts = Vec::new();
        for op in ops {
            attempts.extend(self.store.last_attempt(self.run, op)?.map(|attempt| (op, attempt)));
        }
        Ok(attempts)
    }

    /// Visits the events that wait while it is blocked, in order. One is in memory at a time.
    pub fn visit_held(&self, mut visit: impl FnMut(u64, &HeldEvent)) -> Result<(), StoreError> {
        self.store.visit_held(self.run, 0, |position, held| {
            visit(position, &held);
            ControlFlow::Continue(())
        })
    }
}

#[cfg(test)]
mod tests {
    use segno_journal::{Event, Timestamp};

    use super::*;
    use crate::store::{Committer, Draft, Standing};

    fn record(standing: Standing) -> RunRecord {
        let module = segno_journal::Digest::from_bytes([1; 32]);
        RunRecord::new("w".into(), module, Timestamp(1), [0; 32], standing)
    }

    #[test]
    fn what_is_recalled_is_of_one_moment() {
        let store = Store::in_memory().expect("there is memory");
        let (committer, _thread) = Committer::start(store.clone()).expect("there is a thread");
        let run = RunId::from_parts(Timestamp(1), 7);
        let unknown = store.recall(run).expect("it can be read");
        let held = HeldEvent { at: Timestamp(2), event: Event::Slept { op: Op(1) } };
        let draft = Draft::nothing().with_run(run, &record(Standing::Running));
        committer.submit(draft.with_held(run, 3, &held), |written| assert!(written.is_ok()));
        committer.flush().expect("there is room");
        let recalled = store.recall(run).expect("it can be read");
        let over = record(Standing::Completed(Timestamp(3)));
        let draft = Draft::nothing().with_run(run, &over).without_held(run, Some(3));
        committer.submit(draft, |written| assert!(written.is_ok()));
        committer.flush().expect("there is room");

        let positions = |recalled: &Recalled| {
            let mut positions = Vec::new();
            recalled.visit_held(|position, _| positions.push(position)).expect("it can be read");
            (recalled.record().expect("it can be read"), positions)
        };
        assert_eq!(positions(&unknown), (None, vec![]));
        assert_eq!(positions(&recalled), (Some(record(Standing::Running)), vec![3]));
        let now = store.recall(run).expect("it can be read");
        assert_eq!(positions(&now), (Some(over), vec![]));
    }
}

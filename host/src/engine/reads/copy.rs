//! A copy of a run: made of what is on disk, asked once, and dropped. Neither the shard of the run nor its live
//! guest hears of it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use segno_journal::{BlockKind, Blocked, Digest, Run, RunId, Timestamp};

use crate::engine::admission::Admission;
use crate::engine::error::{EngineError, LoadError};
use crate::engine::guests::{CannotTurn, Images, Replay, RunAt};
use crate::engine::handle::Engine;
use crate::engine::reads::past::Past;
use crate::sandbox::{Answered, Guest, Module, Moment};
use crate::store::{RunRecord, Store, StoreError};

/// How long a copy may take to have its turns. Each of them has a bound of its own.
const COPY_TIMEOUT: Duration = Duration::from_secs(30);

/// How many turns a kept copy is behind before another one is kept. Each costs a copy of the memory.
const NEAR: u64 = 16;

/// From how many turns on a kept copy is too far behind to be of use: there is an image on disk by then.
const FAR: u64 = 256;

/// The random numbers of a copy: not those that the run draws in its next turn.
const COPY_STREAM: u64 = u64::MAX;

/// What a copy is made of, all of one moment.
pub(crate) struct Original {
    pub(crate) store: Store,
    pub(crate) run: RunId,
    pub(crate) record: RunRecord,
    pub(crate) past: Past,
}

/// For how long a copy is worth making.
pub(crate) struct Worth {
    asker: Weak<()>,
    until: Timestamp,
}

impl Worth {
    /// As long as this one is there, and it does not take too long.
    pub(crate) fn new(asker: &Arc<()>, now: Timestamp) -> Self {
        Self { asker: Arc::downgrade(asker), until: now.plus_ms(COPY_TIMEOUT.as_secs() * 1_000) }
    }

    /// # Errors
    ///
    /// Why nobody needs it any more.
    pub(crate) fn check(&self, admission: &Admission, now: Timestamp) -> Result<(), String> {
        if self.asker.strong_count() == 0 || admission.asks_no_more() {
            return Err("nobody waits for it any more".into());
        }
        if now > self.until {
            return Err(format!(
                "it took longer than {} seconds to bring the copy where the run was; publish what is asked often",
                COPY_TIMEOUT.as_secs()
            ));
        }
        Ok(())
    }
}

impl Engine {
    /// Asks a copy of the run.
    pub(super) fn ask_copy(
        &self,
        original: &Original,
        (name, input): (&str, &str),
        worth: &Worth,
    ) -> Result<String, EngineError> {
        let Original { store, run, record, past } = original;
        let (run, turns) = (*run, past.turns());
        let no_copy = |reason: &str| EngineError::NoCopy { run, reason: reason.to_owned() };
        if turns == 0 {
            return Err(no_copy("it ended with its first turn, and nobody is there before that"));
        }
        if !past.can_be_made_again(store, run)? {
            return Err(no_copy(
                "turns that it takes were forgotten, as its workflow wishes with `history`",
            ));
        }
        let module = self.0.modules.load(record.module).map_err(|error| match error {
            LoadError::Store { source, .. } => source.into(),
            LoadError::Missing(_) if past.is_over => no_copy(
                "its module was forgotten, since no workflow and no run that goes on is on it; deploy it again, \
                 and it can be asked",
            ),
            error => cannot(run, CannotTurn::no_module(&error)),
        })?;
        let last_at = original.last_at()?;
        let mut guest =
            self.copy(original, (module, last_at), worth).map_err(|why| cannot(run, why))?;
        let moment = Moment { seq: COPY_STREAM, at: last_at.max(Timestamp(0)) };
        let answered = guest.query(name, input, moment);
        match answered.map_err(|blocked| cannot(run, blocked.into()))? {
            Answered::With(json) => Ok(json),
            Answered::Unknown(known) => {
                Err(EngineError::UnknownQuery { name: name.to_owned(), known })
            }
            Answered::Refused(reason) => Err(EngineError::QueryRefused { run, reason }),
        }
    }
}

impl Original {
    /// When the last turn was that a copy has had.
    fn last_at(&self) -> Result<Timestamp, StoreError> {
        let last = self.past.turns().saturating_sub(1);
        Ok(self.store.turn(self.run, last)?.map_or(self.record.started_at, |turn| turn.at))
    }
}

impl Engine {
    /// Replays what a copy of the run has had on another module.
    ///
    /// # Errors
    ///
    /// It gives other commands there, or the copy cannot be made.
    pub(crate) fn agrees_on(
        &self,
        original: &Original,
        module: Digest,
        worth: &Worth,
    ) -> Result<(), CannotTurn> {
        let workflow = &*original.record.workflow;
        if !self.0.modules.holds(module, workflow) {
            return Err(CannotTurn::no_workflow(module, workflow));
        }
        let module = self.0.modules.load(module).map_err(|error| CannotTurn::no_module(&error))?;
        self.copy(original, (module, original.last_at()?), worth).map(drop)
    }

    /// A guest that is where the run was, on a module; its last turn was then.
    fn copy(
        &self,
        original: &Original,
        (module, last_at): (Module, Timestamp),
        worth: &Worth,
    ) -> Result<Guest, CannotTurn> {
        let Original { store, run, record, past } = original;
        let goes_on = || {
            worth
                .check(&self.0.admission, self.0.outside.now())
                .map_err(|message| CannotTurn::Blocked(Blocked { kind: BlockKind::Limit, message }))
        };
        let (turns, digest) = (past.turns(), module.digest());
        let quota = self.0.config.limits.quota();
        let replay =
            Replay { store, module, quota, verify: false, metrics: None, goes_on: &goes_on };
        let (state, images) = (Run::new(), Images::found(&[], past.first_turn(), turns));
        let copy = RunAt { id: *run, record, state: &state, turns, images: &images, last_at };
        self.copy_of(&replay, copy, digest)
    }

    /// A guest that is where the run was: from a copy of before, where one is kept, or from what is on disk.
    fn copy_of(
        &self,
        replay: &Replay<'_>,
        copy: RunAt<'_>,
        module: Digest,
    ) -> Result<Guest, CannotTurn> {
        let (run, turns) = (copy.id, copy.turns);
        let near = self.0.copies.find(run, module, turns).filter(|(kept, _)| turns - kept < FAR);
        if let Some((kept, image)) = near {
            match replay.guest_behind(copy, (kept, (*image).clone())) {
                Ok(guest) if turns - kept < NEAR => return Ok(guest),
                Ok(guest) => return self.kept(guest, (run, module), turns),
                // It is not worth more, or the copy is of no use.
                Err(CannotTurn::Blocked(_)) => (replay.goes_on)()?,
                Err(why) => return Err(why),
            }
            self.0.copies.forget(run);
        }
        let (guest, _unusable) = replay.guest(copy)?;
        self.kept(guest, (run, module), turns)
    }

    /// Keeps what a copy is before it is asked.
    fn kept(
        &self,
        mut guest: Guest,
        (run, module): (RunId, Digest),
        turns: u64,
    ) -> Result<Guest, CannotTurn> {
        if let Some(image) = guest.save()? {
            self.0.copies.keep(run, module, turns, image);
        }
        Ok(guest)
    }
}

/// Why a copy could not be made, or not answer.
fn cannot(run: RunId, why: CannotTurn) -> EngineError {
    match why {
        CannotTurn::Blocked(blocked) => EngineError::QueryFailed { run, reason: blocked.message },
        CannotTurn::NoRoom(_) => EngineError::Busy,
        CannotTurn::Store(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    #[test]
    fn a_copy_is_worth_making_while_somebody_waits_and_the_host_goes_on_and_not_for_ever() {
        let admission = Admission::new(1);
        let asker = Arc::new(());
        let worth = Worth::new(&asker, NOW);
        assert_eq!(worth.check(&admission, NOW), Ok(()));
        assert_eq!(worth.check(&admission, NOW.plus_ms(30_000)), Ok(()));
        let late = worth.check(&admission, NOW.plus_ms(30_001)).expect_err("it is late");
        assert!(late.contains("longer than 30 seconds"), "{late}");
        drop(asker);
        assert!(worth.check(&admission, NOW).is_err(), "nobody waits");
        let asker = Arc::new(());
        let worth = Worth::new(&asker, NOW);
        admission.ask_no_more();
        assert!(worth.check(&admission, NOW).is_err(), "the host stops");
    }
}

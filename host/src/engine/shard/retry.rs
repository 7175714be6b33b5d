//! Trying a failed run again: it is taken in as it stood before it failed, what happened since to what it had
//! asked for is held, and what it waits for is set going.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::mpsc;

use segno_api::RunStatus;
use segno_journal::{
    ClosePolicy, Digest, Event, MAX_SET_ASIDE, Op, Open, Retrial, Rewind, RunId, Turn, Verdict,
};

use crate::engine::error::EngineError;
use crate::engine::guests::CannotTurn;
use crate::engine::inbox::{Asker, Message, Retrying, Then};
use crate::engine::shard::active::Active;
use crate::engine::shard::bounds::Bounds;
use crate::engine::shard::fold::restore;
use crate::engine::shard::move_to::does_not_fit;
use crate::engine::shard::{Shard, log};
use crate::store::{Draft, HeldEvent, RunRecord, Standing, Store, StoreError};

/// How many bytes of turns are set aside at once at most: they are moved in one commit.
const MAX_SET_ASIDE_BYTES: usize = 16 << 20;

/// How often one run is tried again at most: what is set aside is kept.
const MAX_RETRIES: u32 = 1_000;

impl Shard {
    /// Somebody wants a failed run to be tried again.
    pub(super) fn try_again_failed(&mut self, id: RunId, how: Retrying, by: Asker, then: Then) {
        match self.taken_up(id, how, by) {
            Ok(()) => then.done(RunStatus::Running),
            Err(error) => then.fail(error),
        }
    }

    /// Takes a failed run in again, as it stood before it failed. What of it does not come to the disk is undone.
    fn taken_up(&mut self, id: RunId, how: Retrying, by: Asker) -> Result<(), EngineError> {
        if let Some(damage) = self.unreadable.get(&id) {
            return Err(damage.clone().into());
        }
        // Its end may be on its way to the disk.
        self.committer.flush()?;
        let record = self.store.run(id)?.ok_or(EngineError::UnknownRun(id))?;
        if self.runs.contains_key(&id) || !matches!(record.standing, Standing::Failed(_)) {
            return Err(EngineError::NotFailed(id));
        }
        let before = record.module;
        let module = how.module.unwrap_or(before);
        let rewind = rewind(&self.store, (id, &record), how.turn, module != before)?;
        let rewind = rewind.map_err(|reason| EngineError::CannotRetry { run: id, reason })?;
        self.parent_lives(id, &record)?;
        if !self.modules.enter(module) {
            return Err(self.module_is_gone(id, module, before));
        }
        let mut active = Active::new(id, RunRecord { standing: Standing::Running, ..record });
        let room = Bounds { limits: &self.config.limits, budget: &self.open_budget };
        let read = self.store.recall(id).map_err(CannotTurn::from);
        let restored =
            read.and_then(|recalled| restore(&recalled.before(rewind.turn), &mut active, room));
        active.record.module = module;
        let root = active.record.parent.as_ref().map(|parent| parent.root);
        let member = root.map(|root| Box::new(self.outside.families().join(root)));
        self.take_in(id, Active { member, ..active });
        let tried = restored.map_err(|why| does_not_fit(id, why)).and_then(|()| {
            self.agrees(id, module, before)?;
            self.write_retry(id, rewind, by)
        });
        match tried {
            Ok(()) => self.goes_on_again(id),
            Err(error) => {
                self.take_leave(id);
                Err(error)
            }
        }
    }

    /// That the run is not one which would end at once, because its parent has.
    fn parent_lives(&self, id: RunId, record: &RunRecord) -> Result<(), EngineError> {
        let Some(parent) = &record.parent else { return Ok(()) };
        if parent.policy != ClosePolicy::Cancel || self.store.is_unfinished(parent.run)? {
            return Ok(());
        }
        let reason = format!(
            "its parent {} has ended, and it ends with that: try the parent again",
            parent.run
        );
        Err(EngineError::CannotRetry { run: id, reason })
    }

    fn module_is_gone(&self, id: RunId, module: Digest, before: Digest) -> EngineError {
        if module != before {
            return EngineError::UnknownModule(module.to_string());
        }
        let reason = format!(
            "its module {module} is not kept any more, since no run that has not ended was on it: give the module on \
             which it is to go on"
        );
        EngineError::CannotRetry { run: id, reason }
    }

    /// That another module gives what is recorded of the turns that are kept.
    fn agrees(&mut self, id: RunId, module: Digest, before: Digest) -> Result<(), EngineError> {
        if module == before {
            return Ok(());
        }
        match self.bring_back(id, module) {
            Ok(Some(_guest)) => Ok(()),
            Ok(None) => Err(EngineError::AlreadyEnded(id)),
            Err(why) => Err(does_not_fit(id, why)),
        }
    }

    /// Writes that the run is tried again, with what is set aside and what comes again, and waits until that is
    /// on disk.
    fn write_retry(&mut self, id: RunId, rewind: Rewind, by: Asker) -> Result<(), EngineError> {
        let now = self.outside.now();
        let before = self.runs.get(&id).map_or(0, |active| active.record.set_aside());
        let number = self.store.set_aside_before(id)?.max(before).saturating_add(1);
        if number > MAX_RETRIES {
            let reason =
                format!("it was tried again {MAX_RETRIES} times: start it with `run-again`");
            return Err(EngineError::CannotRetry { run: id, reason });
        }
        let aside = self.store.to_set_aside(id, rewind.turn)?;
        let images = self.store.image_positions(id)?;
        let Some(active) = self.runs.get_mut(&id) else {
            return Err(EngineError::AlreadyEnded(id));
        };
        log::tried_again(active, &by);
        let Rewind { turn: seq, turns, operations, steps, again } = rewind;
        let at = now.max(active.last_at);
        let first_op = Op(active.run.operations());
        let mut draft = Draft::nothing();
        for op in &steps {
            draft = forget_attempts(draft, active, *op);
        }
        let steps = steps.into_iter().collect();
        let event = Event::Retried {
            retrial: Retrial { by: by.into_name(), number, steps, turns, operations },
        };
        let (verdict, log) = (Verdict::Waiting, Vec::new());
        let turn = Turn { seq, first_op, at, event, commands: Vec::new(), verdict, log };
        let (run, _effects) = std::mem::take(&mut active.run)
            .apply(&turn)
            .map_err(|fault| EngineError::CannotRetry { run: id, reason: fault.to_string() })?;
        (active.run, active.last_at) = (run, at);
        if let Some((ms, _from)) = active.record.timeout() {
            active.record.times_out_at = Some(at.plus_ms(ms));
            active.record.counts_from = Some(at);
        }
        for (at, event) in again {
            let position = active.held.put(&event);
            draft = draft.with_held(id, position, &HeldEvent { at, event });
        }
        for position in images.into_iter().filter(|position| *position > seq) {
            draft = draft.without_image(id, position);
        }
        // Who was to hear of the end that is none hears of the next one.
        draft = draft.without_end_call(id).with_run(id, &active.record);
        let turn = Draft::turn(id, turn, Vec::new()).of_nothing();
        let draft = turn.with_set_aside(number, aside).and(draft);
        let draft = draft.only_if_ended(id, &active.record).with_tokens(id, active.run.open());
        let written = self.write_now(draft);
        written.map_err(|error| match error {
            StoreError::Unmet(unmet) => {
                EngineError::CannotRetry { run: id, reason: unmet.to_string() }
            }
            error => error.into(),
        })
    }

    /// Writes a draft, and waits until it is on disk.
    fn write_now(&self, draft: Draft<()>) -> Result<(), StoreError> {
        let (done, written) = mpsc::channel();
        self.committer.submit(draft, move |result| {
            let _gone = done.send(result.map(drop));
        });
        self.committer.flush()?;
        written.recv().map_err(|_gone| StoreError::Closed).flatten()
    }

    /// Sets going what a run waits for that is tried again, and tells it what is held.
    fn goes_on_again(&mut self, id: RunId) -> Result<(), EngineError> {
        self.set_going_again(id)?;
        self.outside.tell(id, Message::DeliverHeld { run: id });
        Ok(())
    }
}

/// How far a failed run goes back, or why it cannot: to the failure that led to its error, or to a turn. The turns that
/// a fork has of another run are not its own to set aside.
///
/// # Errors
///
/// The store cannot be read.
pub(crate) fn rewind(
    store: &Store,
    (id, record): (RunId, &RunRecord),
    to: Option<u64>,
    on_other_code: bool,
) -> Result<Result<Rewind, String>, StoreError> {
    let own = record.forked.as_ref().map_or(0, |lineage| lineage.turn.saturating_add(1));
    if to.is_some_and(|to| (1..own).contains(&to)) {
        let from = record.forked.as_ref().map_or(id, |lineage| lineage.from);
        let before = own.saturating_sub(1);
        return Ok(Err(format!(
            "its turns up to {before} are those of {from}, which it was forked from: give a later one, or fork that"
        )));
    }
    let last = store.last_turn(id)?.map_or(0, |turn| turn.seq);
    // One more than may be set aside: who goes that far goes too far.
    let from = last.saturating_sub(MAX_SET_ASIDE as u64).max(own);
    let mut turns = VecDeque::new();
    let mut bytes = 0;
    store.visit_turns(id, from, |turn| {
        bytes += turn.size();
        turns.push_back(turn);
        while bytes > MAX_SET_ASIDE_BYTES && turns.len() > 1 {
            bytes -= turns.pop_front().map_or(0, |turn: Turn| turn.size());
        }
        ControlFlow::Continue(())
    })?;
    Ok(Rewind::of(turns, to, on_other_code).map_err(|why| why.to_string()))
}

/// Forgets the failed attempts of a step that gets new ones.
fn forget_attempts(draft: Draft<()>, active: &Active, op: Op) -> Draft<()> {
    let id = active.owner.run;
    match active.run.operation(op) {
        Some(Open::Step { last_attempt: Some(last), .. }) => {
            draft.without_attempts(id, op, last.number).without_failing(id, op)
        }
        _ => draft,
    }
}

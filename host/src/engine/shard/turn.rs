//! The turn of a run, which is all that ever happens to one.

use segno_journal::{BlockKind, Blocked, Command, Event, Op, Refusal, RunId, Turn, Verdict};

use crate::engine::error::EngineError;
use crate::engine::guests::{CannotTurn, Fate};
use crate::engine::inbox::{Begun, Delivery, Source, Then};
use crate::engine::shard::active::Active;
use crate::engine::shard::bounds::Bounds;
use crate::engine::shard::children::{SignalRows, Spawner};
use crate::engine::shard::retention::{self, Forgotten};
use crate::engine::shard::{Shard, log, waits};
use crate::sandbox::{Moment, Output, Tokens};
use crate::store::{Draft, Standing};

impl Shard {
    /// An event comes in, the guest runs until it waits, commands come out, the turn is
    /// committed, and only then does the world hear of it.
    pub(crate) fn turn(&mut self, id: RunId, delivery: Delivery) {
        let waits_for_host = self.waits_for_host(&delivery);
        let Some(active) = self.runs.get_mut(&id) else { return self.refuse_unknown(id, delivery) };
        if let Some(unread) = &active.unread {
            let refusal = unread.refusal();
            return self.unread(id, delivery, refusal);
        }
        let awaits_room = self.awaiting_room.comes_first(id, &delivery.event);
        let opens = match &delivery.event {
            Event::HookReceived { op, .. } => {
                active.held.opens(*op) || self.awaiting_room.opens(id, *op)
            }
            _ => false,
        };
        if let Err(refusal) = active.admits(&delivery, opens) {
            return self.refuse(id, delivery, refusal);
        }
        if active.must_wait(&delivery) {
            return self.hold_event(id, delivery);
        }
        if awaits_room {
            return self.await_room(id, delivery);
        }
        // Behind what waits for room, which is held in its turn.
        if waits_for_host {
            return self.hold_event(id, delivery);
        }
        let Delivery { event, then, held } = delivery.numbered(active.run.requests());
        let moment =
            Moment { seq: active.run.turns(), at: active.next_at(&event, self.outside.now()) };
        let first_op = Op(active.run.operations());
        active.last_at = moment.at;
        match self.deliver(id, &event, moment) {
            // Only a run that is not on disk: `parked` would say that it is.
            Ok(Some(Output { verdict: Verdict::Failed(reason), refused: true, .. }))
                if held.is_none() =>
            {
                self.turn_away(id, then, &reason);
            }
            Ok(Some(Output { commands, verdict, log, .. })) => {
                let Moment { seq, at } = moment;
                let turn = Turn { seq, first_op, at, event, commands, verdict, log };
                self.commit(id, turn, then, held);
                self.settle(id);
            }
            Ok(None) => self.refuse(id, Delivery { event, then, held }, Refusal::Ended),
            Err(why) => self.cannot_turn(id, Delivery { event, then, held }, why),
        }
    }

    /// Runs the guest: the one that is live, or one that is replayed to where the run is. Nothing where
    /// the run was ended from outside meanwhile.
    fn deliver(
        &mut self,
        id: RunId,
        event: &Event,
        moment: Moment,
    ) -> Result<Option<Output>, CannotTurn> {
        if let Some(verdict) = event.ends() {
            let (commands, log) = (Vec::new(), Vec::new());
            return Ok(Some(Output { commands, verdict, log, refused: false }));
        }
        let guest = match self.guests.take(id) {
            Some(guest) => Some(guest),
            None => self.bring_back(id, self.runs[&id].record.module)?,
        };
        let Some(mut guest) = guest else { return Ok(None) };
        let random = self.outside.random().clone();
        let public_url = self.config.public_url.clone();
        let fresh = Tokens::Fresh(Box::new(move || random.address(&public_url)));
        let output = self.computing(id, |_| guest.turn(event, moment, fresh));
        let Some(active) = self.runs.get(&id) else { return Ok(None) };
        let mut output = output?;
        self.check_steps(active, &output.commands)?;
        self.admit_streams(id, &output.commands)?;
        self.admit_attributes(id, &output.commands)?;
        let Some(active) = self.runs.get(&id) else { return Ok(None) };
        let members = self.admit_children(active, &output.commands)?;
        let Some(active) = self.runs.get_mut(&id) else { return Ok(None) };
        Bounds { limits: &self.config.limits, budget: &self.open_budget }
            .begin(active, &output.commands)?;
        // Of those that a last turn asks for, none begins that would end with it.
        self.joining = if output.verdict == Verdict::Waiting { members } else { Vec::new() };
        output.log.extend(waits::dropped_at_end(&active.run, event, &output));
        output.log.extend(waits::not_begun_at_end(&output));
        active.images.note_turn(guest.spent());
        self.queue.charge(id, guest.spent());
        self.keep(id, guest);
        Ok(Some(output))
    }

    /// Refuses steps that the run may not call.
    fn check_steps(&self, active: &Active, commands: &[Command]) -> Result<(), Blocked> {
        if !commands.iter().any(|command| command.step().is_some()) {
            return Ok(());
        }
        let module = active.record.module;
        let workflow = &*active.record.workflow;
        self.config.policy.check((module, workflow), &self.modules.steps(module), commands)
    }

    /// Commits a turn; the world hears of it when it is on disk.
    fn commit(&mut self, id: RunId, turn: Turn, then: Then, held: Option<u64>) {
        let Some(active) = self.runs.get_mut(&id) else {
            return self.refuse(id, Delivery { event: turn.event, then, held }, Refusal::Ended);
        };
        let is_first = turn.seq == 0;
        log::turn(active, &turn);
        let past = Forgotten::of(active, &turn, &self.modules);
        let over: Vec<_> = retention::steps_over(&active.run, &turn).into_iter().collect();
        let signals = SignalRows::of(&active.run, &turn, &then);
        let (run, effects) = match std::mem::take(&mut active.run).apply(&turn) {
            Ok(applied) => applied,
            Err(fault) => {
                let blocked = Blocked { kind: BlockKind::Trap, message: fault.to_string() };
                let why = self.reload(id).err().unwrap_or_else(|| blocked.into());
                return self.cannot_turn(id, Delivery { event: turn.event, then, held }, why);
            }
        };
        active.run = run;
        // Never more than there was made room for.
        let _fits = self.open_budget.fit(&mut active.share, active.run.open_bytes());
        if let Some(position) = held {
            active.held.take(position, &turn.event);
        }
        let standing = standing_after(&turn);
        let has_ended = standing.ended_at().is_some();
        Self::change_attributes(active, &turn);
        let streamed = Self::streamed(active, &turn, (&self.store, self.config.limits.stream));
        let spawned = (&*effects, turn.at);
        let members = std::mem::take(&mut self.joining);
        let spawner = Spawner { modules: &self.modules, outside: &self.outside, members };
        let (children, begun) = spawner.write((id, &active.record), spawned);
        let mut draft =
            Draft::turn(id, turn, effects).without_held(id, held).and(children).and(streamed);
        draft = signals.write(past.forget(draft, id), id);
        draft = self.suspects.forget(draft, id, &over, has_ended);
        draft = self.heartbeats.forget(draft, id, &over, has_ended);
        if is_first || has_ended || held.is_some() {
            active.stand(standing, self.outside.metrics());
            draft = draft.with_run(id, &active.record);
        }
        draft = active.write_first(draft, has_ended);
        if has_ended {
            draft = forget_the_rest(draft, active, is_first);
        }
        let outside = self.outside.clone();
        let owner = active.owner.clone();
        let times_out_at = active.record.times_out_at.filter(|_| is_first && !has_ended);
        self.committer.submit(draft, move |committed| match committed {
            Ok(committed) => {
                times_out_at.iter().for_each(|at| outside.wake_at(*at, id, Op::OF_THE_RUN));
                outside.release(&owner, committed, begun, then);
            }
            Err(error) => {
                outside.unwritten(owner.run, begun, &error);
                then.fail(error.into());
            }
        });
        if has_ended {
            self.take_leave(id);
        }
    }

    /// A run whose workflow refuses its input never was: nothing of it is stored.
    fn turn_away(&mut self, id: RunId, then: Then, reason: &str) {
        let Some(active) = self.runs.remove(&id) else { return };
        self.joining.clear();
        self.guests.remove(id);
        self.outside.metrics().runs_unfinished.dec();
        self.modules.leave(active.record.module);
        then.fail(EngineError::refused_input(&active.record.workflow, reason));
    }

    /// A run was not written, since its key has started another one, and nobody has heard of it: it is undone,
    /// with its children.
    pub(super) fn never_was(&mut self, id: RunId, children: Vec<Begun>) {
        children.iter().for_each(|child| self.modules.leave(child.record.module));
        let Some(active) = self.runs.get(&id) else { return };
        let images = active.images.positions();
        let draft = images
            .into_iter()
            .fold(Draft::nothing(), |draft, image| draft.without_image(id, image));
        self.outside.metrics().blocked(active.record.standing.blocked_by(), None);
        self.committer.submit(draft, |_written| {});
        self.take_leave(id);
    }

    /// What becomes of an event that could not have its turn.
    fn cannot_turn(&mut self, id: RunId, delivery: Delivery, why: CannotTurn) {
        self.joining.clear();
        match why.fate() {
            Fate::Block(blocked) => self.block(id, delivery, blocked),
            Fate::Wait => self.await_room(id, delivery),
            // Without its store the host cannot keep the event; a restart brings back what was
            // acknowledged.
            Fate::Trouble(error) => {
                self.committer.give_up(error.clone());
                delivery.then.fail(error.into());
            }
        }
    }

    /// Refuses an event of a run that is not here: it has ended, but for one whose record cannot be read.
    /// Of that nobody knows whether it has, so nobody is told that it is over.
    fn refuse_unknown(&mut self, id: RunId, delivery: Delivery) {
        match self.unreadable.get(&id) {
            Some(damage) => delivery.then.fail(damage.clone().into()),
            None => self.refuse(id, delivery, Refusal::Ended),
        }
    }

    /// Tells who asked that the run does not take the event, when all that this follows from is on
    /// disk. An event that was held is forgotten.
    fn refuse(&mut self, id: RunId, delivery: Delivery, refusal: Refusal) {
        let Delivery { event, then, held } = delivery;
        let then = match (then, refusal, &event) {
            (
                Then::Answer { caller, place, .. },
                Refusal::Repeated,
                Event::Signalled { signal },
            ) => {
                return self.called_again(id, signal, (caller, place));
            }
            (then, ..) => then,
        };
        if let Some(position) = held
            && let Some(active) = self.runs.get_mut(&id)
        {
            active.held.take(position, &event);
        }
        // What a run that never had a turn was given stays.
        let goes = held.filter(|_| !matches!(event, Event::Started { .. }));
        let mut draft = Draft::nothing().without_held(id, goes);
        // The run has ended, and nobody else will forget that its signal came, unless it is tried again.
        if let (Event::Told { op }, Refusal::Ended) = (&event, refusal)
            && !self.store.may_go_on(id).unwrap_or(true)
        {
            draft = draft.without_told(id, *op);
        }
        if let Some(source @ Source::Batch(_)) = then.source() {
            draft = source.has_come(draft);
        }
        self.committer.submit(draft, move |written| match written {
            Ok(_) => then.refuse(id, refusal),
            Err(error) => then.fail(error.into()),
        });
    }
}

/// What only a run needs that goes on is forgotten: nobody will be told any more. What a run that never had a turn
/// was given stays.
fn forget_the_rest<T>(mut draft: Draft<T>, active: &Active, is_first: bool) -> Draft<T> {
    let id = active.owner.run;
    for position in active.held.positions().filter(|position| !is_first || *position > 0) {
        draft = draft.without_held(id, Some(position));
    }
    // One that failed may be tried again, and its images may be all that there is to go back to.
    let may_go_back =
        matches!(active.record.standing, Standing::Failed(_)) && !active.images.has_whole_journal();
    if may_go_back {
        return draft;
    }
    for position in active.images.positions() {
        draft = draft.without_image(id, position);
    }
    draft
}

fn standing_after(turn: &Turn) -> Standing {
    match turn.verdict {
        Verdict::Waiting => Standing::Running,
        Verdict::Completed(_) => Standing::Completed(turn.at),
        Verdict::Failed(_) | Verdict::FailedAt(_) => Standing::Failed(turn.at),
        Verdict::Cancelled => Standing::Cancelled(turn.at),
    }
}

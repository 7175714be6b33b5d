//! Runs that cannot go on by themselves: they are blocked with their reason and their state whole,
//! and what happens to them meanwhile waits on disk.

use segno_api::RunStatus;
use segno_journal::{Blocked, Digest, Event, Op, RunId};

use crate::engine::error::EngineError;
use crate::engine::guests::{CannotTurn, Fate};
use crate::engine::inbox::Asker;
use crate::engine::inbox::Message;
use crate::engine::inbox::{Delivery, Then};
use crate::engine::shard::Shard;
use crate::engine::shard::active::{Active, Unread, status_of};
use crate::engine::shard::cancelled::cancelled;
use crate::engine::shard::log;
use crate::engine::shard::notes;
use crate::store::{Draft, HeldEvent, Standing};

/// How many held events a run is told at once.
const TOLD_AT_ONCE: usize = 64;

impl Shard {
    /// Blocks a run: the reason and the event that it could not take are on disk, its state is whole.
    pub(crate) fn block(&mut self, id: RunId, delivery: Delivery, blocked: Blocked) {
        let Some(active) = self.runs.get_mut(&id) else { return };
        let Delivery { event, then, held } = delivery;
        let note = notes::blocked(active, Some(&event), &blocked);
        let mut draft = Draft::nothing();
        if held.is_none() {
            let position = active.held.put(&event);
            draft = draft.with_held(id, position, &HeldEvent { at: active.last_at, event });
        }
        if let Some(source) = then.source() {
            draft = source.has_come(draft);
        }
        let draft = self.noted(id, draft, note);
        self.block_with(id, blocked, draft, then);
    }

    /// Writes why a run is blocked, with what belongs to it, and tells who waits for the run.
    pub(crate) fn block_with(&mut self, id: RunId, blocked: Blocked, draft: Draft<()>, then: Then) {
        self.guests.remove(id);
        let Some(active) = self.runs.get_mut(&id) else { return };
        log::blocked(active, blocked.kind);
        active.stand(Standing::Blocked(blocked), self.outside.metrics());
        // Of one that was blocked in its first turn no timer knows.
        let moments = active.first.as_ref().and(active.record.times_out_at);
        let draft = active.write_first(draft.with_run(id, &active.record), false);
        let outside = self.outside.clone();
        self.committer.submit(draft, move |written| match written {
            Ok(proof) => {
                outside.blocked(id, &proof);
                moments.into_iter().for_each(|at| outside.wake_at(at, id, Op::OF_THE_RUN));
                then.done(RunStatus::Blocked);
            }
            Err(error) => {
                outside.unwritten(id, Vec::new(), &error);
                then.fail(error.into());
            }
        });
    }

    /// Keeps an event for a blocked run.
    pub(crate) fn hold_event(&mut self, id: RunId, delivery: Delivery) {
        let Some(active) = self.runs.get_mut(&id) else { return };
        let is_promised = delivery.is_promised();
        let Delivery { event, then, .. } = delivery;
        if let Err(refusal) = active.held.admits(&event)
            && !is_promised
        {
            return then.refuse(id, refusal);
        }
        let status = status_of(&active.record.standing);
        let position = active.held.put(&event);
        let held = HeldEvent { at: self.outside.now(), event };
        let mut draft = Draft::nothing().with_held(id, position, &held);
        if let Some(source) = then.source() {
            draft = source.has_come(draft);
        }
        self.committer.submit(draft, move |written| match written {
            Ok(_) => then.done(status),
            Err(error) => then.fail(error.into()),
        });
    }

    /// Lets a blocked run go on, perhaps on another module: replays it there, and only if that gives
    /// what is recorded, gives it what it could not be told.
    pub(crate) fn resume(&mut self, id: RunId, module: Option<Digest>, by: Asker, then: Then) {
        match self.runs.get(&id).map(|active| &active.record.standing) {
            Some(Standing::Blocked(_)) => {}
            Some(Standing::Paused(_)) if module.is_none() && self.runs[&id].unread.is_none() => {
                return self.unpause(id, by, then);
            }
            Some(Standing::Paused(_)) => {}
            _ => return then.fail(EngineError::NotBlocked(id)),
        }
        let was_left = matches!(self.runs[&id].unread.as_deref(), Some(Unread::Left));
        match self.reload(id) {
            Ok(()) => {}
            Err(CannotTurn::Store(error)) => return then.fail(error.into()),
            Err(why) => return self.stay_blocked(id, why, by, then),
        }
        // It is blocked still, so they are held.
        self.take_left_posted(id);
        if was_left && let Err(error) = self.set_going_again(id) {
            return then.fail(error.into());
        }
        let before = self.runs[&id].record.module;
        let module = module.unwrap_or(before);
        if module != before && !self.modules.enter(module) {
            return then.fail(EngineError::UnknownModule(module.to_string()));
        }
        match self.bring_back(id, module) {
            Ok(None) => {
                if module != before {
                    self.modules.leave(module);
                }
                then.fail(EngineError::AlreadyEnded(id));
            }
            Ok(Some(guest)) => {
                self.keep(id, guest);
                log::resumed(&self.runs[&id], &by);
                let noted = self.noted_resume(id, module, by);
                self.committer.submit(noted, |_written| {});
                self.go_on_with(id, module, then);
                self.begin_stopped(id);
                if module != before {
                    self.modules.leave(before);
                }
            }
            Err(why) => {
                if module != before {
                    self.modules.leave(module);
                }
                self.stay_blocked(id, why, by, then);
            }
        }
    }

    /// Nothing happens to a run of which the state is not known, but whoever cancels it gets rid of it.
    pub(crate) fn unread(&mut self, id: RunId, delivery: Delivery, refusal: EngineError) {
        let Delivery { event, then, .. } = delivery;
        if let Then::Batch(posted, _) = then {
            return self.left_posted.entry(id).or_default().push(posted);
        }
        if event != Event::Cancelled {
            return then.fail(refusal);
        }
        let Some(active) = self.runs.get(&id) else { return };
        let ended = active.record.clone();
        let draft =
            match cancelled(&self.store, (id, active.record.clone()), self.outside.now(), None) {
                Ok(draft) => draft,
                Err(error) => return then.fail(error.into()),
            };
        if let Some(active) = self.runs.get_mut(&id) {
            active.stand(Standing::Cancelled(self.outside.now()), self.outside.metrics());
        }
        let draft = self.forget_steps(draft, id);
        self.take_leave(id);
        let outside = self.outside.clone();
        self.committer.submit(draft, move |written| match written {
            Ok(proof) => {
                outside.ended(id, &ended, &proof);
                outside.parent_ended(id);
                then.done(RunStatus::Cancelled);
            }
            Err(error) => then.fail(error.into()),
        });
    }

    fn stay_blocked(&mut self, id: RunId, why: CannotTurn, by: Asker, then: Then) {
        let is_paused = self
            .runs
            .get(&id)
            .is_some_and(|active| matches!(active.record.standing, Standing::Paused(_)));
        match why.fate() {
            // Nobody wished it to be blocked: it goes on where it was when it is resumed there.
            Fate::Block(blocked) if is_paused => {
                then.fail(EngineError::DoesNotFit { run: id, reason: blocked.message });
            }
            Fate::Block(blocked) => {
                let draft = self.noted_refusal(id, &blocked, by);
                self.block_with(id, blocked, draft, then);
            }
            Fate::Wait => then.fail(EngineError::Busy),
            Fate::Trouble(error) => then.fail(error.into()),
        }
    }

    /// A draft that keeps in mind that a run could not go on. That the host finds it as it was at each
    /// of its starts is not kept.
    fn noted_refusal(&mut self, id: RunId, blocked: &Blocked, by: Asker) -> Draft<()> {
        let Some(active) = self.runs.get(&id) else { return Draft::nothing() };
        if by == Asker::host() && active.record.standing == Standing::Blocked(blocked.clone()) {
            return Draft::nothing();
        }
        let note = notes::blocked(active, None, blocked);
        let module = active.record.module;
        let draft = self.noted_resume(id, module, by);
        self.noted(id, draft, note)
    }

    /// Gives a run that is blocked no more what it could not be told. On disk it stays blocked until
    /// the first of these events has had its turn, so a crash in between loses none of them.
    pub(super) fn go_on_with(&mut self, id: RunId, module: Digest, then: Then) {
        let Some(active) = self.runs.get_mut(&id) else { return };
        // Of another module, they are of no use any more.
        let foreign =
            if active.record.module == module { Vec::new() } else { active.images.forget() };
        active.record.module = module;
        // One that was to begin later does so still.
        let is_early =
            active.run.turns() == 0 && active.record.begins_at > Some(self.outside.now());
        let standing = if is_early { Standing::Pending } else { Standing::Running };
        let status = status_of(&standing);
        if !is_early && active.run.turns() == 0 {
            Self::begins_now(&self.outside, active);
        }
        active.stand(standing, self.outside.metrics());
        Self::watch_time(&self.outside, active);
        if !is_early {
            self.deliver_held(id);
        }
        let mut draft = Draft::nothing();
        for image in foreign {
            draft = draft.without_image(id, image);
        }
        // A run that nothing waited for says here that it goes on.
        if let Some(active) = self.runs.get(&id) {
            draft = draft.with_run(id, &active.record);
        }
        self.committer.submit(draft, move |written| match written {
            Ok(_) => then.done(status),
            Err(error) => then.fail(error.into()),
        });
    }

    /// Gives a run what is held, in order, until it is blocked again or over. After a few events its
    /// shard sees to others first: as many may lie there as the run has operations open.
    pub(crate) fn deliver_held(&mut self, id: RunId) {
        if let Err(error) = self.committer.flush() {
            return self.committer.give_up(error);
        }
        let mut from = 0;
        for _ in 0..TOLD_AT_ONCE {
            // What waits for room is the first of what is left.
            if self.awaiting_room.has(id)
                || self.outside.is_paused()
                || self.runs.get(&id).is_none_or(|active| active.is_held_up())
            {
                return;
            }
            match self.store.first_held(id, from) {
                Ok(Some((position, HeldEvent { event, .. }))) => {
                    from = position + 1;
                    self.turn(id, Delivery::held(event, position));
                }
                Ok(None) => return,
                Err(error) => return self.committer.give_up(error),
            }
        }
        self.go_on_with_held(id);
    }

    /// Tells the run later what still is held, if anything does and it can be told.
    pub(crate) fn go_on_with_held(&mut self, id: RunId) {
        let may_be_told = |active: &Active| !active.is_held_up() && !active.held.is_empty();
        if !self.awaiting_room.has(id)
            && self.runs.get(&id).is_some_and(|active| may_be_told(active))
        {
            self.outside.tell(id, Message::DeliverHeld { run: id });
        }
    }
}

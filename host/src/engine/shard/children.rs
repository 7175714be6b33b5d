//! Children of runs, and what runs tell others of their family.
//!
//! A child is written in the commit of the turn that asks for it, as a run whose start is held; what its shard
//! is told afterwards only spares it the look. That it has ended, its parent reads from its record, as often as
//! it is told to look. Of what is sent to another run it is on disk that it came, until the sender has heard so:
//! to send it again is to send it once.

use std::ops::ControlFlow;
use std::sync::Arc;

use segno_journal::{
    BlockKind, Blocked, ClosePolicy, Command, Effect, Event, NotTold, Op, Open, Parent, Run, RunId,
    Spawn, Timestamp, Turn, Verdict,
};

use tokio::sync::oneshot;

use crate::engine::admission::Member;
use crate::engine::inbox::{Begun, Delivery, FamilySignal, Message, Report, Source, Then};
use crate::engine::modules::Modules;
use crate::engine::outside::Outside;
use crate::engine::shard::Shard;
use crate::engine::shard::active::Active;
use crate::store::{Draft, RunRecord, Standing, StoreError};

/// What a turn changes of what is known of signals between runs.
pub(super) struct SignalRows {
    /// What is to know that the signal which it takes in has come, if anything is.
    comes: Option<Source>,
    /// The signals of the run itself that are over with it.
    over: Vec<Op>,
}

impl SignalRows {
    /// Of a turn, as the run stood before it.
    pub(super) fn of(run: &Run, turn: &Turn, then: &Then) -> Self {
        let over = match (&turn.event, &turn.verdict) {
            // Of a child, its parent may have written that it is to be cancelled after it had ended.
            (
                Event::Told { op } | Event::NotTold { op, .. } | Event::ChildEnded { op, .. },
                Verdict::Waiting,
            ) => vec![*op],
            // One that has failed may be tried again, and must not send its signals twice then.
            (_, Verdict::Waiting | Verdict::Failed(_) | Verdict::FailedAt(_)) => Vec::new(),
            (_, Verdict::Completed(_) | Verdict::Cancelled) => {
                let open = run.open().filter(|(_, open)| matches!(open, Open::Tell(_)));
                open.map(|(op, _)| op).collect()
            }
        };
        Self { comes: then.source(), over }
    }

    /// Adds them to the draft of the turn.
    pub(super) fn write<T>(self, mut draft: Draft<T>, id: RunId) -> Draft<T> {
        if let Some(source) = self.comes {
            draft = source.has_come(draft);
        }
        for op in self.over {
            draft = draft.without_told(id, op);
        }
        draft
    }
}

/// What it takes to write children.
pub(super) struct Spawner<'a> {
    pub(super) modules: &'a Modules,
    pub(super) outside: &'a Outside,
    /// The places of its family that were taken for them.
    pub(super) members: Vec<Member>,
}

impl Spawner<'_> {
    /// Writes the children that a turn of this run asked for, which happened at this moment, with the turn.
    pub(super) fn write(
        mut self,
        (id, parent): (RunId, &RunRecord),
        (effects, at): (&[Effect], Timestamp),
    ) -> (Draft<()>, Vec<Begun>) {
        let mut draft = Draft::nothing();
        let mut begun = Vec::new();
        for effect in effects {
            let Effect::Spawn(spawn) = effect else { continue };
            let Spawn { op, run, workflow, input, policy } = &**spawn;
            let root = parent.root(id);
            let module = self.modules.enter_for_child(parent.module, workflow);
            let (name, seed) = (workflow.as_str().into(), self.outside.random().seed());
            let record = RunRecord {
                parent: Some(Arc::new(Parent { run: id, op: *op, root, policy: *policy })),
                ..RunRecord::new(name, module, at, seed, Standing::Running)
            };
            draft = draft.with_new_run(*run, &record, input.clone());
            let member = self.members.pop().unwrap_or_else(|| self.outside.families().join(root));
            begun.push(Begun { run: *run, record, member: Some(member), _admitted: None });
        }
        (draft, begun)
    }
}

impl Shard {
    /// Takes places in its family for the children that a run asks for, or refuses those that it may not have.
    pub(super) fn admit_children(
        &self,
        active: &Active,
        commands: &[Command],
    ) -> Result<Vec<Member>, Blocked> {
        let mut asked = 0;
        for command in commands {
            let Command::Child { workflow, .. } = command else { continue };
            asked += 1;
            if !self.modules.has_for_child(active.record.module, workflow) {
                let name = workflow.escape_debug();
                let message = format!(
                    "the workflow started a child of `{name}`, but there is no such workflow: deploy a component \
                     that has it, and resume the run"
                );
                return Err(Blocked { kind: BlockKind::Module, message });
            }
        }
        let limit = self.config.limits.family;
        let root = active.record.root(active.owner.run);
        self.outside.families().try_join(root, asked, limit).ok_or_else(|| {
            let message = format!(
                "the family of {root} would have more than {limit} children that have not ended; start fewer at \
                 once, or resume the run when others have ended"
            );
            Blocked { kind: BlockKind::Limit, message }
        })
    }

    /// A child, or a run of a batch, is on disk: it is owned from now on, and has its first turn, and then what
    /// it is sent with that; unless it was ended without its shard, before that heard of it.
    pub(super) fn begin(&mut self, begun: Begun) {
        let Begun { run, record, member, _admitted } = begun;
        if self.ended_early.remove(&run) || self.runs.contains_key(&run) {
            return self.modules.leave(record.module);
        }
        if record.forked.is_some() {
            return self.take_over(run, record);
        }
        let mut active = Active { member: member.map(Box::new), ..Active::new(run, record) };
        let mut first = None;
        let read = self.store.visit_held(run, 0, |position, held| {
            active.held.add(position, &held.event);
            first.get_or_insert((position, held.event));
            ControlFlow::Continue(())
        });
        match (read, first) {
            (Ok(()), Some((position @ 0, event))) => {
                let is_pending = active.record.standing == Standing::Pending;
                Self::watch_time(&self.outside, &mut active);
                self.take_in(run, active);
                if is_pending || self.outside.is_paused() {
                    return;
                }
                self.turn(run, Delivery::held(event, position));
                self.go_on_with_held(run);
            }
            (Ok(()), _) => self.modules.leave(active.record.module),
            (Err(error), _) => self.committer.give_up(error),
        }
    }

    /// A run has ended of which nobody knows which children it had: they know whose they are.
    pub(super) fn parent_ended(&self, ended: RunId) {
        for active in self.runs.values() {
            if active.record.parent.as_ref().is_some_and(|parent| parent.run == ended) {
                self.follow_parent(active);
            }
        }
    }

    /// A child of a run may have ended: the run is told how, unless it knows.
    pub(super) fn child_ended(&mut self, id: RunId, op: Op) {
        let Some(active) = self.runs.get(&id) else { return };
        let Some(Open::Child(child)) = active.run.operation(op) else { return };
        if active.held.has_end_of(op) {
            return;
        }
        match self.store.child_end(child.run) {
            Ok(Some(end)) => {
                let event = Event::ChildEnded { op, end };
                self.turn(id, Delivery::new(event, Then::Nothing));
            }
            Ok(None) => {}
            Err(error) => self.committer.give_up(error),
        }
    }

    /// Says whether a run knows how a child of it has ended, and that is on disk: then it never asks again.
    pub(super) fn has_heard(&self, id: RunId, op: Op, asker: oneshot::Sender<bool>) {
        let has_heard = match self.runs.get(&id) {
            Some(active) if active.unread.is_some() => false,
            Some(active) => {
                let waits = matches!(active.run.operation(op), Some(Open::Child(_)));
                !waits || active.held.has_end_of(op)
            }
            None => !self.unreadable.contains_key(&id),
        };
        self.committer.submit(Draft::nothing(), move |written| {
            let _gone = asker.send(has_heard && written.is_ok());
        });
    }

    /// A run of the family sends a run a signal.
    pub(super) fn family_signal(&mut self, told: FamilySignal) {
        let FamilySignal { run, from, root, signal, _carried } = told;
        let outside = self.outside.clone();
        let report = Report::new(from, move |why| {
            let (run, op) = from;
            let event = match why {
                None => Event::Told { op },
                Some(why) => Event::NotTold { op, why },
            };
            outside.tell(run, Message::Event { run, event });
        });
        match self.store.family_row(from.0, from.1) {
            // It came before, and its sender has not heard so.
            Ok(Some(_)) => return report.give(None),
            Ok(None) => {}
            Err(error @ StoreError::Record { .. }) => {
                return Then::Report(report).fail(error.into());
            }
            Err(error) => return self.committer.give_up(error),
        }
        let is_of_the_family =
            self.runs.get(&run).is_none_or(|active| active.record.root(run) == root);
        if is_of_the_family {
            let event = Event::Signalled { signal };
            return self.turn(run, Delivery::new(event, Then::Report(report)));
        }
        report.give(Some(NotTold::Stranger));
    }

    /// Asks again for what is owed an operation that concerns another run: nobody knows how far it had come.
    pub(super) fn look_after(&self, active: &Active, op: Op, open: &Open) {
        let run = active.owner.run;
        match open {
            Open::Child(child) => {
                if child.cancelled {
                    self.outside.cancel_child(run, child.run);
                }
                self.outside.tell(run, Message::ChildEnded { run, op });
            }
            Open::Tell(tell) => match self.store.family_row(run, op) {
                Ok(Some(_)) => {
                    self.outside.tell(run, Message::Event { run, event: Event::Told { op } });
                }
                Ok(None) => self.outside.send(run, active.record.root(run), tell.tell(op)),
                // Whether it came is not known, so it waits for whoever mends the row.
                Err(StoreError::Record { .. }) => {}
                Err(error) => self.committer.give_up(error),
            },
            Open::Step { .. }
            | Open::Sleep { .. }
            | Open::Webhook(_)
            | Open::Hook(_)
            | Open::Signal(_)
            | Open::Compensation(_)
            | Open::Shield { .. } => {}
        }
    }

    /// Whether a child is to end: its parent wanted that, or has ended.
    fn is_to_end(&self, parent: &Parent) -> Result<bool, StoreError> {
        if self.store.family_row(parent.run, parent.op)?.is_some() {
            return Ok(true);
        }
        Ok(parent.policy == ClosePolicy::Cancel && !self.store.is_unfinished(parent.run)?)
    }

    /// Cancels a child whose parent ended without having told it, if it is to end with that or was to be
    /// cancelled anyway.
    pub(super) fn follow_parent(&self, active: &Active) {
        let Some(parent) = &active.record.parent else { return };
        match self.is_to_end(parent) {
            Ok(true) => self.outside.cancel_child(parent.run, active.owner.run),
            // Of one that cannot be read nobody knows, and it goes on.
            Ok(false) | Err(StoreError::Record { .. }) => {}
            Err(error) => self.committer.give_up(error),
        }
    }
}

//! Children of runs, and what runs tell others of their family.
//!
//! A child is written in the commit of the turn that asks for it, as a run whose start is held; what its shard
//! is told afterwards only spares it the look. That it has ended, its parent reads from its record, as often as
//! it is told to look; and what is sent to another run has a key there, so to send it again is to send it once.

use std::sync::Arc;

use segno_journal::{
    BlockKind, Blocked, ClosePolicy, Command, Effect, Event, NotTold, Op, Open, Parent, RunId,
    Spawn, Timestamp,
};

use crate::engine::admission::Families;
use crate::engine::inbox::{Begun, Delivery, FamilySignal, Message, Report, Then};
use crate::engine::modules::Modules;
use crate::engine::outside::Outside;
use crate::engine::shard::Shard;
use crate::engine::shard::active::Active;
use crate::store::{Draft, HeldEvent, RunRecord, Standing};

/// What it takes to write children.
pub(super) struct Spawner<'a> {
    pub(super) modules: &'a Modules,
    pub(super) outside: &'a Outside,
    pub(super) families: &'a Families,
}

impl Spawner<'_> {
    /// Writes the children that a turn of this run asked for, which happened at this moment, with the turn.
    pub(super) fn write(
        self,
        (id, parent): (RunId, &RunRecord),
        (effects, at): (&[Effect], Timestamp),
    ) -> (Draft<()>, Vec<Begun>) {
        let mut draft = Draft::nothing();
        let mut begun = Vec::new();
        for effect in effects {
            let Effect::Spawn(spawn) = effect else { continue };
            let Spawn { op, run, workflow, input, policy } = &**spawn;
            let root = parent.root(id);
            let record = RunRecord {
                workflow: workflow.as_str().into(),
                module: self.modules.enter_for_child(parent.module, workflow),
                started_at: at,
                seed: self.outside.random().seed(),
                standing: Standing::Running,
                parent: Some(Arc::new(Parent { run: id, op: *op, root, policy: *policy })),
            };
            draft = draft.with_new_run(*run, &record, input.clone());
            begun.push(Begun { run: *run, record, member: self.families.join(root) });
        }
        (draft, begun)
    }
}

impl Shard {
    /// Refuses children that the run may not have.
    pub(super) fn check_children(
        &self,
        active: &Active,
        commands: &[Command],
    ) -> Result<(), Blocked> {
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
        if asked > 0 && self.families.size(root) + asked > limit {
            let message = format!(
                "the family of {root} would have more than {limit} children that have not ended; start fewer at \
                 once, or resume the run when others have ended"
            );
            return Err(Blocked { kind: BlockKind::Limit, message });
        }
        Ok(())
    }

    /// A child is on disk, and is owned from now on. Before its shard has heard of it, it may have been ended
    /// without that; so what was handed in until now is to be on disk before it begins.
    pub(super) fn own_child(&mut self, begun: Begun) {
        let Begun { run, record, member } = begun;
        let mut active = Active { member: Some(Box::new(member)), ..Active::new(run, record) };
        active.held.expect_start();
        self.take_in(run, active);
        let outside = self.outside.clone();
        self.committer.submit(Draft::nothing(), move |written| {
            if written.is_ok() {
                outside.tell(run, Message::BeginChild { run });
            }
        });
    }

    /// A child has its first turn, unless it was ended before.
    pub(super) fn begin_child(&mut self, run: RunId) {
        let Some(active) = self.runs.get_mut(&run) else { return };
        let started = self.store.is_unfinished(run).and_then(|is_unfinished| {
            if is_unfinished { self.store.first_held(run, 0) } else { Ok(None) }
        });
        match started {
            Ok(Some((0, HeldEvent { event, .. }))) => {
                self.turn(run, Delivery::held(event, 0));
                self.go_on_with_held(run);
            }
            Ok(_) => {
                active.stand(Standing::Cancelled(self.outside.now()), self.outside.metrics());
                self.take_leave(run);
            }
            Err(error) => self.committer.give_up(error),
        }
    }

    /// A child of a run may have ended: the run is told how, unless it knows.
    pub(super) fn child_ended(&mut self, id: RunId, op: Op) {
        let Some(active) = self.runs.get(&id) else { return };
        let Some(Open::Child(child)) = active.run.operation(op) else { return };
        match self.store.child_end(child.run) {
            Ok(Some(end)) => {
                let event = Event::ChildEnded { op, end };
                self.turn(id, Delivery::new(event, Then::Nothing));
            }
            Ok(None) => {}
            Err(error) => self.committer.give_up(error),
        }
    }

    /// A run of the family sends a run a signal.
    pub(super) fn family_signal(&mut self, told: FamilySignal) {
        let FamilySignal { run, from, root, signal } = told;
        let outside = self.outside.clone();
        let report = Report::new(move |why| {
            let (run, op) = from;
            let event = match why {
                None => Event::Told { op },
                Some(why) => Event::NotTold { op, why },
            };
            outside.tell(run, Message::Event { run, event });
        });
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
            Open::Tell(tell) => self.outside.send(run, active.record.root(run), tell.tell(op)),
            Open::Step { .. }
            | Open::Sleep { .. }
            | Open::Webhook(_)
            | Open::Hook(_)
            | Open::Signal(_) => {}
        }
    }

    /// Cancels a child whose parent ended without having told it.
    pub(super) fn follow_parent(&self, active: &Active) {
        let Some(parent) = &active.record.parent else { return };
        let ends_with_it = parent.policy == ClosePolicy::Cancel;
        match self.store.is_unfinished(parent.run) {
            Ok(false) if ends_with_it => self.outside.cancel_child(parent.run, active.owner.run),
            Ok(_) => {}
            Err(error) => self.committer.give_up(error),
        }
    }
}

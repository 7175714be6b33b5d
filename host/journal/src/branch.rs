//! Forking a run: a new run that has the turns of another one up to some turn, and goes on by itself from there.
//!
//! What the world did in those turns stays done, and what it did since to what had been asked for before comes again,
//! so that nothing is asked for twice of which the result is known. The steps that have none, or whose failure came
//! since, or that get another input, begin anew, as steps of the new run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{ChildEnd, Command, Event, Fork, MAX_SET_ASIDE, Op, Open, Run, RunId, Timestamp, Turn};

/// How many bytes come again at most.
const MAX_AGAIN_BYTES: usize = 16 << 20;

/// Why a run cannot be forked there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoFork {
    /// A webhook is open.
    #[error(
        "webhook #{0} is open then, and its URL leads to the run that made it: give a turn before it was made"
    )]
    Webhook(Op),
    /// A hook is open.
    #[error(
        "hook #{0} is open then, and its token leads to the run that made it: give a turn before it was made"
    )]
    Hook(Op),
    /// A child has not ended.
    #[error(
        "child #{0} had begun then and has not ended, and tells its end to the run that started it: wait for it, or \
         give a turn before it was started"
    )]
    Child(Op),
    /// The run is on its way to its end.
    #[error("it was told to end by then, or cleans up: give an earlier turn")]
    Ends,
    /// A child was cancelled since.
    #[error(
        "child #{0} had begun then and was cancelled since, which the fork would hear of: give a turn before it was \
         started"
    )]
    CancelledChild(Op),
    /// What a fork would take for done is undone.
    #[error(
        "what it had done by then was undone since (in turn {0}): give a turn before that was done, or start it with \
         `run-again`"
    )]
    Undone(u64),
    /// Another input is given for what is no open step.
    #[error("operation #{0} is no step that is open then: another input can be given for {1}")]
    NoStep(Op, String),
    /// Too much has happened since.
    #[error(
        "more has happened since to what it waits for than can come again ({MAX_SET_ASIDE} events, \
         {MAX_AGAIN_BYTES} bytes): give a later turn"
    )]
    TooMuch,
}

impl Run {
    /// The run is a fork from here on: its steps begin anew, some with another input.
    pub(crate) fn begin_anew(&mut self, fork: &Fork, at: Timestamp) {
        let (mut before, mut after) = (0, 0);
        for (op, open) in &mut self.open {
            before += open.size();
            if let Open::Step { call, last_attempt } = &mut **open {
                *last_attempt = None;
                let call = Arc::make_mut(call);
                call.asked_at = at;
                if let Some((_, input)) = fork.inputs.iter().find(|(of, _)| of == op) {
                    call.input.clone_from(input);
                }
            }
            after += open.size();
        }
        self.open_bytes = self.open_bytes.saturating_sub(before).saturating_add(after);
    }
}

/// Where a fork leaves the run that it is of.
#[derive(Debug)]
pub struct Branch {
    /// The state before the turn of the fork.
    run: Run,
    inputs: BTreeSet<Op>,
    again: Vec<(Timestamp, Event)>,
    again_bytes: usize,
    /// What was over since.
    over: BTreeSet<Op>,
}

impl Branch {
    /// Before a turn, as the run stood then; some of its steps are to have another input.
    ///
    /// # Errors
    ///
    /// As it stood, it cannot be forked, and why.
    pub fn at(run: Run, inputs: &BTreeMap<Op, String>) -> Result<Self, NoFork> {
        if run
            .ending
            .as_ref()
            .is_some_and(|ending| ending.told.is_some() || ending.unwinds.is_some())
        {
            return Err(NoFork::Ends);
        }
        for (op, open) in run.open().filter(|(_, open)| !open.is_disposed()) {
            match open {
                Open::Webhook(_) => return Err(NoFork::Webhook(op)),
                Open::Hook(_) => return Err(NoFork::Hook(op)),
                Open::Step { .. }
                | Open::Sleep { .. }
                | Open::Signal(_)
                | Open::Child(_)
                | Open::Tell(_)
                | Open::Compensation(_)
                | Open::Shield { .. } => {}
            }
        }
        let is_step = |op: Op| run.operation(op).and_then(Open::step).is_some();
        if let Some(op) = inputs.keys().find(|op| !is_step(**op)) {
            let steps = run.open().filter_map(|(op, open)| open.step().map(|(call, _)| (op, call)));
            let steps: Vec<_> = steps.map(|(op, call)| format!("#{op} ({})", call.name)).collect();
            let steps = if steps.is_empty() { "none".to_owned() } else { steps.join(", ") };
            return Err(NoFork::NoStep(*op, steps));
        }
        let inputs = inputs.keys().copied().collect();
        Ok(Self { run, inputs, again: Vec::new(), again_bytes: 0, over: BTreeSet::new() })
    }

    /// The next of the turns since then.
    ///
    /// # Errors
    ///
    /// It cannot be forked because of what happened in it, and why.
    pub fn since(&mut self, turn: Turn) -> Result<(), NoFork> {
        let undoes = |command: &Command| match command {
            Command::Undo { compensation } => self.run.operation(*compensation).is_some(),
            _ => false,
        };
        if turn.commands.iter().any(undoes) {
            return Err(NoFork::Undone(turn.seq));
        }
        // What a step returned that had another input there is no answer to this one.
        if let Event::Forked { fork } = &turn.event {
            let others = fork.inputs.iter().map(|(op, _)| *op);
            self.inputs.extend(others.filter(|op| !self.over.contains(op)));
        }
        self.came(turn.at, turn.event)
    }

    /// Something came to the run since then, whether or not it has heard of it.
    ///
    /// # Errors
    ///
    /// It cannot be forked because of that, and why.
    pub fn came(&mut self, at: Timestamp, event: Event) -> Result<(), NoFork> {
        if !self.comes_again(&event) {
            return Ok(());
        }
        if let Event::ChildEnded { op, end: ChildEnd::Cancelled } = event
            && matches!(self.run.operation(op), Some(Open::Child(child)) if !child.cancelled)
        {
            return Err(NoFork::CancelledChild(op));
        }
        self.again_bytes += event.size();
        if self.again.len() >= MAX_SET_ASIDE || self.again_bytes > MAX_AGAIN_BYTES {
            return Err(NoFork::TooMuch);
        }
        if event.untaken().is_none() {
            self.over.extend(event.op());
        }
        self.again.push((at, event));
        Ok(())
    }

    /// Whether it happened to what was asked for before, and is to be so here as well.
    fn comes_again(&self, event: &Event) -> bool {
        match event {
            Event::StepFailed { .. } => false,
            Event::Signalled { .. } => true,
            event => event.op().is_some_and(|op| {
                let is_open = self.run.operation(op).is_some() && !self.over.contains(&op);
                is_open && !self.inputs.contains(&op)
            }),
        }
    }

    /// The children of which it is not known that they have ended.
    pub fn children(&self) -> Vec<(Op, RunId)> {
        let open = self.run.open().filter(|(op, _)| !self.over.contains(op));
        let children = open.filter_map(|(op, open)| match open {
            Open::Child(child) => Some((op, child.run)),
            _ => None,
        });
        children.collect()
    }

    /// After all that came: what comes again, in its order, with when it came, and the steps that begin anew.
    ///
    /// # Errors
    ///
    /// It cannot be forked because of what has not happened, and why.
    #[expect(clippy::type_complexity, reason = "what comes again is a list of what is held")]
    pub fn again(self) -> Result<(Vec<(Timestamp, Event)>, Vec<Op>), NoFork> {
        if let Some((child, _)) = self.children().first() {
            return Err(NoFork::Child(*child));
        }
        let steps = self.run.open().filter(|(_, open)| open.step().is_some()).map(|(op, _)| op);
        let anew = steps.filter(|op| !self.over.contains(op)).collect();
        Ok((self.again, anew))
    }
}

#[cfg(test)]
mod tests;

//! Forking a run: a new run that has the turns of another one up to some turn, and goes on by itself from there.
//!
//! What the world did in those turns stays done, and what it did since to what had been asked for before comes again,
//! so that nothing is asked for twice of which the result is known. The steps that have none, or whose failure came
//! since, or that get another input, begin anew, as steps of the new run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Command, Event, Fork, MAX_SET_ASIDE, Op, Open, Run, Timestamp, Turn};

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
    ended: BTreeSet<Op>,
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
        Ok(Self { run, inputs, again: Vec::new(), again_bytes: 0, ended: BTreeSet::new() })
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
        if !self.comes_again(&turn.event) {
            return Ok(());
        }
        self.again_bytes += turn.event.size();
        if self.again.len() >= MAX_SET_ASIDE || self.again_bytes > MAX_AGAIN_BYTES {
            return Err(NoFork::TooMuch);
        }
        if let Event::ChildEnded { op, .. } = turn.event {
            self.ended.insert(op);
        }
        self.again.push((turn.at, turn.event));
        Ok(())
    }

    /// Whether it happened to what was asked for before, and is to be so here as well.
    fn comes_again(&self, event: &Event) -> bool {
        match event {
            Event::StepFailed { .. } => false,
            Event::Signalled { .. } => true,
            event => event
                .op()
                .is_some_and(|op| self.run.operation(op).is_some() && !self.inputs.contains(&op)),
        }
    }

    /// After the last of the turns: what comes again, in its order, with when it came.
    ///
    /// # Errors
    ///
    /// It cannot be forked because of what has not happened, and why.
    pub fn again(self) -> Result<Vec<(Timestamp, Event)>, NoFork> {
        let waits = self
            .run
            .open()
            .find(|(op, open)| matches!(open, Open::Child(_)) && !self.ended.contains(op));
        match waits {
            Some((child, _)) => Err(NoFork::Child(child)),
            None => Ok(self.again),
        }
    }
}

#[cfg(test)]
mod tests;

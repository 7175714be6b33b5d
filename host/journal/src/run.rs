//! The life of a run: turns are folded into its state, and each says what the world owes it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::retry::Attempt;
use crate::{
    Command, Effect, Ending, Event, Fault, KnownSignal, Op, Open, OpenChild, OpenHook, OpenSignal,
    OpenTell, OpenWebhook, Refusal, Signal, Signals, Spawn, StepCall, Tell, Timestamp, Turn, grows,
};

/// The state of a run: the fold of its turns, and nothing else.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    pub(crate) status: Status,
    turns: u64,
    pub(crate) operations: u64,
    requests: u64,
    /// Bytes of what lies untaken, over all inboxes.
    pub(crate) untaken_bytes: usize,
    /// Bytes of the operations that are open.
    pub(crate) open_bytes: usize,
    pub(crate) open: BTreeMap<Op, Box<Open>>,
    /// What was signalled to it, once anything was: a million runs that sleep shall not pay for it.
    pub(crate) signals: Option<Box<Signals>>,
    /// The names under which it shows something.
    pub(crate) published: BTreeSet<String>,
    /// How far it is with its end, once it is.
    pub(crate) ending: Option<Box<Ending>>,
}

grows!(Run { status, turns, operations, requests, untaken_bytes, open_bytes, open; signals, published, ending });

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Named, but its first turn has not been run.
    #[default]
    Pending,
    /// Started, not ended.
    Running,
    /// Ended with this JSON output.
    Completed(String),
    /// Ended with this error.
    Failed(String),
    /// Ended from outside.
    Cancelled,
}

impl Status {
    /// True if nothing can happen to the run any more.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self, Self::Completed(_) | Self::Failed(_) | Self::Cancelled)
    }
}

impl Run {
    /// A run that has not had a turn.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the run stands.
    #[must_use]
    pub const fn status(&self) -> &Status {
        &self.status
    }

    /// How many turns the run has had; also the position of the next one.
    #[must_use]
    pub const fn turns(&self) -> u64 {
        self.turns
    }

    /// How many operations the run has started; also the number of the next one.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.operations
    }

    /// How many requests and signals the run has had; also the number of the next one.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// The operations that are not over, in the order in which they were started.
    pub fn open(&self) -> impl ExactSizeIterator<Item = (Op, &Open)> {
        self.open.iter().map(|(op, open)| (*op, &**open))
    }

    /// What was signalled to the run, if anything was.
    #[must_use]
    pub fn signals(&self) -> Option<&Signals> {
        self.signals.as_deref()
    }

    /// How many bytes lie untaken, over all inboxes.
    pub(crate) const fn untaken_bytes(&self) -> usize {
        self.untaken_bytes
    }

    /// How many bytes the open operations take, about: inputs of steps and fixed answers of webhooks,
    /// and what is known of each.
    #[must_use]
    pub const fn open_bytes(&self) -> usize {
        self.open_bytes
    }

    /// The operation with this number, if it is not over.
    #[must_use]
    pub fn operation(&self, op: Op) -> Option<&Open> {
        self.open.get(&op).map(|open| &**open)
    }

    /// Remembers an attempt that failed and is to be tried again. Of an operation that is over,
    /// nothing is remembered.
    pub fn remember(&mut self, op: Op, attempt: Attempt) {
        if let Some(Open::Step { last_attempt, .. }) = self.open_mut(op) {
            *last_attempt = Some(Box::new(attempt));
        }
    }

    /// Folds the next turn into the state, and says what the world then owes the run, in order.
    /// The same for a new turn and for one that is read back.
    ///
    /// # Errors
    ///
    /// A turn that does not belong here. The state is gone then: read the run again from its turns.
    pub fn apply(mut self, turn: &Turn) -> Result<(Self, Vec<Effect>), Fault> {
        if turn.seq != self.turns {
            return Err(Fault::OutOfOrder { expected: self.turns, found: turn.seq });
        }
        if turn.first_op.0 != self.operations {
            let expected = Op(self.operations);
            let found = turn.first_op;
            return Err(Fault::Miscounted { seq: turn.seq, expected, found });
        }
        match self.admits(&turn.event) {
            // A bound that was lower when the request was admitted says nothing about the record.
            Ok(()) | Err(Refusal::Full) => {}
            Err(refusal) => return Err(Fault::Event { seq: turn.seq, refusal }),
        }
        self.turns += 1;
        let mut effects = Vec::with_capacity(turn.commands.len());
        effects.extend(self.take_in(&turn.event, turn.at));
        for command in &turn.commands {
            effects.extend(self.obey(command, turn)?);
            if matches!(command, Command::Unwind { .. }) {
                effects.extend(self.give_up_all());
            }
        }
        // What was begun and given up in one turn is not begun.
        effects.retain(|effect| match effect {
            Effect::Claim(claim) => self.open.contains_key(&claim.op),
            Effect::Start { op, .. } | Effect::Wake { op, .. } => self.open.contains_key(op),
            Effect::Forget { .. }
            | Effect::Stop { .. }
            | Effect::Respond { .. }
            | Effect::Release { .. }
            | Effect::Spawn(_)
            | Effect::CancelChild { .. }
            | Effect::Tell(_)
            | Effect::Expire { .. }
            | Effect::End { .. } => true,
        });
        if let Some(end) = self.conclude(&turn.event, &turn.verdict)? {
            effects.retain(Effect::outlives_its_run);
            effects.push(end);
        }
        Ok((self, effects))
    }

    /// Takes in an event that was admitted, and says what it asks of the world.
    fn take_in(&mut self, event: &Event, at: Timestamp) -> Option<Effect> {
        let untaken = event.untaken().unwrap_or(0);
        self.untaken_bytes += untaken;
        self.requests += u64::from(event.number().is_some());
        match event {
            Event::Started { .. } => self.status = Status::Running,
            Event::StepCompleted { op, .. }
            | Event::StepFailed { op, .. }
            | Event::Slept { op }
            | Event::HookTaken { op, .. }
            | Event::ChildEnded { op, .. }
            | Event::Told { op }
            | Event::NotTold { op, .. } => self.close(*op),
            Event::Requested { op, .. } | Event::HookReceived { op, .. } => {
                if let Some((inbox, _disposed)) = self.open_mut(*op).and_then(Open::inbox_mut) {
                    inbox.push_back(untaken);
                }
            }
            Event::HookOpened { op } => {
                if let Some(Open::Hook(hook)) = self.open_mut(*op) {
                    hook.claimed = true;
                }
            }
            Event::Signalled { signal: Signal { number, name, payload: _, key } } => {
                let signals = self.signals.get_or_insert_default();
                signals.come(name, untaken);
                if let Some(key) = key.clone() {
                    let (name, number) = (name.clone(), *number);
                    signals.know(KnownSignal { key, name, number, answered_in: None });
                }
            }
            Event::Woken { op, .. } => return self.give_up_sleep(*op),
            Event::Cancelling { by: _, error, within_ms } => {
                let until = at.plus_ms(*within_ms);
                self.tell_end(error.as_deref(), (at, until));
                return Some(Effect::Expire { at: until });
            }
            Event::Retried { retrial } => self.try_again(retrial, at),
            Event::Forked { fork } => self.begin_anew(fork, at),
            Event::Cancelled | Event::Expired { .. } => {}
        }
        None
    }

    /// A sleep is over before its time, or is waited for no more.
    pub(crate) fn give_up_sleep(&mut self, op: Op) -> Option<Effect> {
        let at = self.operation(op)?.sleeps_until()?;
        self.close(op);
        Some(Effect::Forget { op, at })
    }

    /// A step is waited for no more.
    pub(crate) fn give_up_step(&mut self, op: Op) -> Option<Effect> {
        let (_call, last) = self.operation(op)?.step()?;
        let at = last.map(|last| last.retry_at);
        self.close(op);
        Some(Effect::Stop { op, at })
    }

    /// Does what a command asks for to the state, and says what it asks of the world.
    fn obey(&mut self, command: &Command, turn: &Turn) -> Result<Option<Effect>, Fault> {
        let since = turn.at;
        match command {
            Command::Step { name, input, options } => {
                let (name, input, options) = (name.clone(), input.clone(), *options);
                Ok(Some(self.begin_step(StepCall { name, input, options, asked_at: since })))
            }
            Command::Sleep { until } => {
                let op = self.begin(Open::Sleep { since, until: *until });
                Ok(Some(Effect::Wake { op, at: *until }))
            }
            Command::Webhook { token: _, url, answer } => {
                let webhook = OpenWebhook::new(since, url.clone(), answer.clone());
                self.begin(Open::Webhook(Box::new(webhook)));
                Ok(None)
            }
            Command::Hook { token, chosen, metadata } => {
                let metadata = metadata.clone();
                Ok(Some(self.open_hook(token.clone(), (*chosen, metadata), since)))
            }
            Command::Signal { name } => {
                let name = name.clone();
                self.begin(Open::Signal(Box::new(OpenSignal { since, name })));
                Ok(None)
            }
            Command::Take { inbox } => self.take(*inbox).map(|()| None),
            Command::Respond { request, response } if *request < self.requests => {
                if let Some(signals) = &mut self.signals {
                    signals.answered(*request, turn.seq);
                }
                Ok(Some(Effect::Respond { request: *request, response: response.clone() }))
            }
            Command::Respond { request, .. } => Err(Fault::UnknownRequest(*request)),
            Command::CancelSleep { sleep } => Ok(self.give_up_sleep(*sleep)),
            Command::CancelStep { step } => Ok(self.give_up_step(*step)),
            Command::Dispose { inbox } => Ok(self.dispose(*inbox)),
            Command::Publish { name, value: _ } => self.publish(name).map(|()| None),
            // Where chunks lie is the store's affair.
            Command::Write { .. } | Command::CloseStream { .. } => Ok(None),
            // And so is what a run is found by.
            Command::SetAttribute { .. } | Command::RemoveAttribute { .. } => Ok(None),
            Command::Child { run, workflow, input, policy } => {
                let (run, workflow, input) = (*run, workflow.clone(), input.clone());
                let op = Op(self.operations);
                let spawn = Spawn { op, run, workflow, input, policy: *policy };
                self.begin(Open::Child(Box::new(OpenChild::new(since, &spawn))));
                Ok(Some(Effect::Spawn(Box::new(spawn))))
            }
            Command::CancelChild { child } => Ok(self.cancel_child(*child)),
            Command::Compensation { .. }
            | Command::Keep { .. }
            | Command::Unwind { .. }
            | Command::Undo { .. }
            | Command::Undone { .. }
            | Command::Shield
            | Command::Unshield { .. } => self.clean_up(command, since).map(|()| None),
            Command::Tell { to, name, payload } => {
                let (to, name, payload) = (*to, name.clone(), payload.clone());
                let tell = Tell { op: Op(self.operations), to, name, payload };
                self.begin(Open::Tell(Box::new(OpenTell::new(since, &tell))));
                Ok(Some(Effect::Tell(Box::new(tell))))
            }
        }
    }

    /// A step is asked for.
    fn begin_step(&mut self, call: StepCall) -> Effect {
        let call = Arc::new(call);
        let op = self.begin(Open::Step { call: Arc::clone(&call), last_attempt: None });
        Effect::Start { op, call }
    }

    /// A hook asks for its token.
    fn open_hook(
        &mut self,
        token: String,
        (chosen, metadata): (bool, Option<String>),
        since: Timestamp,
    ) -> Effect {
        let (untaken, claimed) = (VecDeque::new(), !chosen);
        let hook = OpenHook { since, token, metadata, claimed, untaken, disposed: false };
        let claim = hook.claim(Op(self.operations));
        self.begin(Open::Hook(Box::new(hook)));
        Effect::Claim(Box::new(claim))
    }

    /// A child is to be cancelled. It is waited for until it is.
    pub(crate) fn cancel_child(&mut self, op: Op) -> Option<Effect> {
        let Open::Child(child) = self.open_mut(op)? else { return None };
        let is_new = !std::mem::replace(&mut child.cancelled, true);
        is_new.then_some(Effect::CancelChild { op, run: child.run })
    }

    fn take(&mut self, inbox: Op) -> Result<(), Fault> {
        let oldest = match self.open.get_mut(&inbox).map(|open| &mut **open) {
            Some(Open::Signal(signal)) => {
                self.signals.as_mut().and_then(|signals| signals.take(&signal.name))
            }
            Some(open) => open.inbox_mut().and_then(|(untaken, _disposed)| untaken.pop_front()),
            None => None,
        };
        self.forget_if_drained(inbox);
        let size = oldest.ok_or(Fault::NothingToTake(inbox))?;
        self.untaken_bytes -= size;
        Ok(())
    }

    /// Closes an inbox. The token of a hook is free then. Signals that come later wait for the next who
    /// takes in those of their name.
    fn dispose(&mut self, op: Op) -> Option<Effect> {
        let open = self.open_mut(op)?;
        if matches!(open, Open::Signal(_)) {
            self.close(op);
            return None;
        }
        let token = open.hook().filter(|hook| !hook.disposed).map(|hook| hook.token.clone());
        let (_untaken, disposed) = open.inbox_mut()?;
        *disposed = true;
        self.forget_if_drained(op);
        token.map(|token| Effect::Release { op, token })
    }

    /// A webhook or a hook that is disposed of is over when the last of what came to it is taken.
    fn forget_if_drained(&mut self, op: Op) {
        if let Some((untaken, true)) =
            self.open_mut(op).and_then(Open::inbox_mut).map(|(a, b)| (a, *b))
            && untaken.is_empty()
        {
            self.close(op);
        }
    }

    pub(crate) fn open_mut(&mut self, op: Op) -> Option<&mut Open> {
        self.open.get_mut(&op).map(|open| &mut **open)
    }

    pub(crate) fn begin(&mut self, open: Open) -> Op {
        let op = Op(self.operations);
        self.operations += 1;
        self.open_bytes += open.size();
        self.count(&open, true);
        self.open.insert(op, Box::new(open));
        op
    }

    pub(crate) fn close(&mut self, op: Op) {
        let Some(open) = self.open.remove(&op) else { return };
        self.open_bytes = self.open_bytes.saturating_sub(open.size());
        self.count(&open, false);
    }
}

#[cfg(test)]
mod tests;

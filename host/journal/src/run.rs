//! The life of a run: turns are folded into its state, and each says what the world owes it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::retry::Attempt;
use crate::{
    Command, Effect, Event, Op, Open, OpenWebhook, StepCall, Timestamp, Turn, Verdict, grows,
};

/// How many requests of one webhook may lie untaken. More than this is a workflow that does not
/// keep up; its callers are asked to come later.
pub const MAX_UNTAKEN: usize = 1_000;

/// How many bytes of requests may lie untaken, over all webhooks of a run: they live in the memory of
/// the guest, which is bounded.
pub const MAX_UNTAKEN_BYTES: usize = 8 << 20;

/// The state of a run: the fold of its turns, and nothing else.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    status: Status,
    turns: u64,
    operations: u64,
    requests: u64,
    /// Bytes of requests that lie untaken, over all webhooks.
    untaken_bytes: usize,
    /// Bytes of the operations that are open.
    open_bytes: usize,
    open: BTreeMap<Op, Box<Open>>,
}

grows!(Run { status, turns, operations, requests, untaken_bytes, open_bytes, open });

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

/// Why a run cannot be given an event. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The run is over.
    #[error("the run has ended")]
    Ended,
    /// The operation is over, or was never of this kind.
    #[error("operation {0} is not open")]
    NotOpen(Op),
    /// Too much lies untaken at the webhook.
    #[error(
        "the workflow has not yet taken {MAX_UNTAKEN} requests or {MAX_UNTAKEN_BYTES} bytes of them"
    )]
    Full,
}

/// A turn that no workflow built after the rules can give, or a damaged record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The turn is not the next one.
    #[error("turn {found} stands where turn {expected} belongs")]
    OutOfOrder {
        /// The turn that is next.
        expected: u64,
        /// The turn that was given.
        found: u64,
    },
    /// The turn counts other operations before it than there were.
    #[error("turn {seq} says that {} operations began before it, but {} did", .found.0, .expected.0)]
    Miscounted {
        /// The turn.
        seq: u64,
        /// The number of the operation that is next.
        expected: Op,
        /// The number that the turn gives to its first operation.
        found: Op,
    },
    /// The event cannot happen to the run as it stands.
    #[error("turn {seq} delivers an event that the run cannot have: {refusal}")]
    Event {
        /// The turn.
        seq: u64,
        /// Why not.
        refusal: Refusal,
    },
    /// The workflow took a request that is not there.
    #[error("the workflow took a request of webhook {0}, where none is left to take")]
    NothingToTake(Op),
    /// The workflow answered a request that never came.
    #[error("the workflow answered request {0}, which never came")]
    UnknownRequest(u64),
    /// The workflow waits, but nothing can wake it.
    #[error(
        "the workflow waits, but for no step, sleep or webhook of its own, so nothing can ever wake it; \
         await only futures that come from segno"
    )]
    WaitsForNothing,
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

    /// How many requests all webhooks of the run have had; also the number of the next one.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// The operations that are not over, in the order in which they were started.
    pub fn open(&self) -> impl ExactSizeIterator<Item = (Op, &Open)> {
        self.open.iter().map(|(op, open)| (*op, &**open))
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

    /// Whether the event can be delivered to the run as it stands.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub fn admits(&self, event: &Event) -> Result<(), Refusal> {
        match (&self.status, event) {
            (Status::Pending, Event::Started { .. } | Event::Cancelled) => Ok(()),
            (Status::Running, Event::Cancelled) => Ok(()),
            (Status::Running, event) => self.admits_to_operation(event),
            (Status::Pending, event) => Err(Refusal::NotOpen(event.op().unwrap_or(Op(0)))),
            (Status::Completed(_) | Status::Failed(_) | Status::Cancelled, _) => {
                Err(Refusal::Ended)
            }
        }
    }

    fn admits_to_operation(&self, event: &Event) -> Result<(), Refusal> {
        let op = event.op().unwrap_or(Op(0));
        match (self.operation(op), event) {
            (Some(Open::Step { .. }), Event::StepCompleted { .. } | Event::StepFailed { .. })
            | (Some(Open::Sleep { .. }), Event::Slept { .. }) => Ok(()),
            (Some(Open::Webhook(webhook)), Event::Requested { request, .. })
                if !webhook.disposed =>
            {
                let bytes = self.untaken_bytes + request.size();
                let full = webhook.untaken.len() >= MAX_UNTAKEN || bytes > MAX_UNTAKEN_BYTES;
                if full { Err(Refusal::Full) } else { Ok(()) }
            }
            (
                None | Some(Open::Step { .. } | Open::Sleep { .. } | Open::Webhook(_)),
                Event::Started { .. }
                | Event::StepCompleted { .. }
                | Event::StepFailed { .. }
                | Event::Slept { .. }
                | Event::Requested { .. }
                | Event::Cancelled,
            ) => Err(Refusal::NotOpen(op)),
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
        self.take_in(&turn.event);
        let mut effects = Vec::with_capacity(turn.commands.len());
        for command in &turn.commands {
            effects.extend(self.obey(command, turn.at)?);
        }
        if let Some(end) = self.conclude(&turn.verdict)? {
            // What is not awaited at the end is dropped: nothing starts only to be stopped.
            effects.retain(|effect| matches!(effect, Effect::Respond { .. }));
            effects.push(end);
        }
        Ok((self, effects))
    }

    /// Takes in an event that was admitted.
    fn take_in(&mut self, event: &Event) {
        match event {
            Event::Started { .. } => self.status = Status::Running,
            Event::StepCompleted { op, .. }
            | Event::StepFailed { op, .. }
            | Event::Slept { op } => {
                self.close(*op);
            }
            Event::Requested { op, request } => {
                self.requests += 1;
                if let Some(Open::Webhook(webhook)) = self.open_mut(*op) {
                    webhook.untaken.push_back(request.size());
                    self.untaken_bytes += request.size();
                }
            }
            Event::Cancelled => {}
        }
    }

    /// Does what a command asks for to the state, and says what it asks of the world.
    fn obey(&mut self, command: &Command, now: Timestamp) -> Result<Option<Effect>, Fault> {
        match command {
            Command::Step { name, input, options } => {
                let name = name.clone();
                let input = input.clone();
                let call = Arc::new(StepCall { name, input, options: *options, asked_at: now });
                let op = self.begin(Open::Step { call: Arc::clone(&call), last_attempt: None });
                Ok(Some(Effect::Start { op, call }))
            }
            Command::Sleep { until } => {
                let op = self.begin(Open::Sleep { since: now, until: *until });
                Ok(Some(Effect::Wake { op, at: *until }))
            }
            Command::Webhook { token: _, url, answer } => {
                let url = url.clone();
                let answer = answer.clone();
                let untaken = VecDeque::new();
                let webhook = OpenWebhook { since: now, url, answer, untaken, disposed: false };
                self.begin(Open::Webhook(Box::new(webhook)));
                Ok(None)
            }
            Command::Take { webhook } => self.take(*webhook).map(|()| None),
            Command::Respond { request, response } if *request < self.requests => {
                Ok(Some(Effect::Respond { request: *request, response: response.clone() }))
            }
            Command::Respond { request, .. } => Err(Fault::UnknownRequest(*request)),
            Command::CancelSleep { sleep } => {
                let Some(Open::Sleep { until, .. }) = self.operation(*sleep) else {
                    return Ok(None);
                };
                let at = *until;
                self.close(*sleep);
                Ok(Some(Effect::Forget { op: *sleep, at }))
            }
            Command::Dispose { webhook } => {
                if let Some(Open::Webhook(webhook)) = self.open_mut(*webhook) {
                    webhook.disposed = true;
                }
                self.forget_if_drained(*webhook);
                Ok(None)
            }
        }
    }

    fn take(&mut self, webhook: Op) -> Result<(), Fault> {
        let oldest = match self.open_mut(webhook) {
            Some(Open::Webhook(webhook)) => webhook.untaken.pop_front(),
            Some(Open::Step { .. } | Open::Sleep { .. }) | None => None,
        };
        self.forget_if_drained(webhook);
        let size = oldest.ok_or(Fault::NothingToTake(webhook))?;
        self.untaken_bytes -= size;
        Ok(())
    }

    /// A webhook that is disposed of is over when the last of its requests is taken.
    fn forget_if_drained(&mut self, webhook: Op) {
        if let Some(Open::Webhook(open)) = self.operation(webhook)
            && open.disposed
            && open.untaken.is_empty()
        {
            self.close(webhook);
        }
    }

    fn open_mut(&mut self, op: Op) -> Option<&mut Open> {
        self.open.get_mut(&op).map(|open| &mut **open)
    }

    fn begin(&mut self, open: Open) -> Op {
        let op = Op(self.operations);
        self.operations += 1;
        self.open_bytes += open.size();
        self.open.insert(op, Box::new(open));
        op
    }

    fn close(&mut self, op: Op) {
        if let Some(open) = self.open.remove(&op) {
            self.open_bytes = self.open_bytes.saturating_sub(open.size());
        }
    }

    /// Draws the conclusion from how the turn ended.
    fn conclude(&mut self, verdict: &Verdict) -> Result<Option<Effect>, Fault> {
        self.status = match verdict {
            Verdict::Waiting if self.open.is_empty() => return Err(Fault::WaitsForNothing),
            Verdict::Waiting => return Ok(None),
            Verdict::Completed(output) => Status::Completed(output.clone()),
            Verdict::Failed(error) => Status::Failed(error.clone()),
            Verdict::Cancelled => Status::Cancelled,
        };
        let open = std::mem::take(&mut self.open);
        let timers = open.iter().filter_map(|(op, open)| Some((open.due_at()?, *op))).collect();
        (self.untaken_bytes, self.open_bytes) = (0, 0);
        Ok(Some(Effect::End { timers }))
    }
}

#[cfg(test)]
mod tests;

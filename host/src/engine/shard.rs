//! A shard owns some of the runs: their state, and their live guests. It is one thread, so a run
//! needs no lock, and guest code never runs on the threads of the async runtime.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use segno_journal::retry::Attempt;
use segno_journal::{
    BlockKind, Blocked, Event, Op, Open, Refusal, Request, Run, RunId, Timestamp, Turn, Verdict,
};
use tokio::sync::oneshot;

use crate::engine::config::Config;
use crate::engine::error::EngineError;
use crate::engine::inbox::{Inspection, Message};
use crate::engine::modules::Modules;
use crate::engine::outside::{Outside, Owner};
use crate::engine::replay::{self, Stuck};
use crate::engine::reply::{Reply, Then};
use crate::engine::warm::Warm;
use crate::engine::{token, waits};
use crate::sandbox::{Digest, Moment, Output, Quota, Tokens};
use crate::store::{Committer, Draft, Parked, RunRecord, Standing, Store};

/// A run that has not ended, as its shard knows it.
pub(crate) struct Live {
    pub(crate) owner: Owner,
    pub(crate) record: RunRecord,
    pub(crate) run: Run,
    /// When its last turn was: time in a run never goes back, whatever the machine's clock does.
    pub(crate) last_at: Timestamp,
    /// The position of the next event that is kept while the run is parked.
    pub(crate) next_parked: u64,
    /// The idempotency key that names the run, until its first commit.
    pub(crate) key: Option<String>,
}

impl Live {
    pub(crate) fn new(run: RunId, record: RunRecord) -> Self {
        let owner = Owner { run, workflow: record.workflow.as_str().into() };
        let last_at = record.started_at;
        Self { owner, record, run: Run::new(), last_at, next_parked: 0, key: None }
    }

    pub(crate) const fn is_blocked(&self) -> bool {
        matches!(self.record.standing, Standing::Blocked(_))
    }
}

/// The runs of one shard, and all that it takes to give them their turns.
pub(crate) struct Shard {
    pub(crate) store: Store,
    pub(crate) committer: Committer,
    pub(crate) modules: Arc<Modules>,
    pub(crate) outside: Outside,
    pub(crate) config: Arc<Config>,
    pub(crate) runs: BTreeMap<RunId, Live>,
    pub(crate) warm: Warm,
}

impl Shard {
    /// Gives each message its due, until the host goes down.
    pub(crate) fn run(mut self, inbox: &Receiver<Message>) {
        while let Ok(message) = inbox.recv() {
            match message {
                Message::Start { run, record, input, key, then } => {
                    let mut live = Live::new(run, record);
                    live.key = key;
                    self.runs.insert(run, live);
                    self.turn(run, Event::Started { input }, then);
                }
                Message::Event { run, event } => self.turn(run, event, Then::Nothing),
                Message::Request { run, op, request, caller } => self.request(run, op, request, caller),
                Message::Attempt { run, op, attempt } => self.attempt(run, op, attempt),
                Message::Cancel { run, then } => self.turn(run, Event::Cancelled, then),
                Message::Resume { run, module, then } => self.resume(run, module, then),
                Message::Inspect { run, asker } => self.inspect(run, asker),
                Message::Stop => return,
            }
        }
    }

    /// An event comes in, the guest runs until it is stuck, commands come out, the turn is
    /// committed, and only then does the world hear of it.
    fn turn(&mut self, id: RunId, event: Event, then: Then) {
        let Some(live) = self.runs.get_mut(&id) else { return then.refuse(id, Refusal::Ended) };
        if let Err(refusal) = live.run.admits(&event) {
            return self.forget_parked(id, then, refusal);
        }
        if live.is_blocked() && event != Event::Cancelled {
            return self.park(id, event, then);
        }
        let event = numbered(event, live.run.requests());
        let moment = Moment { seq: live.run.turns(), at: self.outside.now().max(live.last_at) };
        live.last_at = moment.at;
        match self.deliver(id, &event, moment) {
            Ok(Output { commands, verdict, log }) => {
                let turn = Turn { seq: moment.seq, at: moment.at, event, commands, verdict, log };
                self.commit(id, turn, then);
            }
            Err(Stuck::Blocked(blocked)) => self.block(id, event, blocked, then),
            Err(Stuck::Store(error)) => then.fail(error.into()),
        }
    }

    /// Runs the guest: the one that is live, or one that is replayed to where the run is.
    fn deliver(&mut self, id: RunId, event: &Event, moment: Moment) -> Result<Output, Stuck> {
        if *event == Event::Cancelled {
            return Ok(Output { commands: Vec::new(), verdict: Verdict::Cancelled, log: Vec::new() });
        }
        let live = &self.runs[&id];
        let mut guest = match self.warm.take(id) {
            Some(guest) => guest,
            None => {
                self.committer.flush()?;
                replay::replay(&self.store, &self.modules, live, self.quota())?
            }
        };
        let public_url = self.config.public_url.clone();
        let fresh = Tokens::Fresh(Box::new(move || token::fresh(&public_url)));
        let output =
            guest.turn(event, moment, fresh).and_then(|output| self.check_open(live, event, output))?;
        self.warm.put(id, guest);
        Ok(output)
    }

    fn check_open(&self, live: &Live, event: &Event, mut output: Output) -> Result<Output, Blocked> {
        let begun = output.commands.iter().filter(|command| command.starts_operation()).count();
        let limit = self.config.limits.open_operations;
        if live.run.open().len() + begun > limit {
            let message = format!(
                "the workflow waits for more than {limit} operations at once; work in batches, for example with \
                 `buffer_unordered`"
            );
            return Err(Blocked { kind: BlockKind::Limit, message });
        }
        output.log.extend(waits::dropped_at_end(&live.run, event, &output));
        Ok(output)
    }

    /// Commits a turn; the world hears of it when it is on disk.
    fn commit(&mut self, id: RunId, turn: Turn, then: Then) {
        let Some(live) = self.runs.get_mut(&id) else { return };
        let (is_first, first_operation) = (turn.seq == 0, live.run.operations());
        let (run, effects) = match std::mem::take(&mut live.run).apply(&turn) {
            Ok(applied) => applied,
            Err(fault) => {
                let blocked = Blocked { kind: BlockKind::Trap, message: fault.to_string() };
                return match self.reload(id) {
                    Ok(()) => self.block(id, turn.event, blocked, then),
                    Err(error) => then.fail(error.into()),
                };
            }
        };
        live.run = run;
        let standing = standing_after(&turn);
        let mut draft = then.unpark(id, Draft::turn(id, turn, first_operation));
        if let Some(key) = live.key.take() {
            draft = draft.with_key(&live.record.workflow, &key, id);
        }
        let has_ended = standing.ended_at().is_some();
        if is_first || has_ended {
            live.record.standing = standing;
            draft = draft.with_run(id, &live.record);
        }
        let (outside, owner) = (self.outside.clone(), live.owner.clone());
        self.committer.submit(draft, move |committed| match committed {
            Ok(turn) => {
                let then = then.prepare(&outside, &owner, &turn);
                outside.release(&owner, &turn, effects);
                then.done();
            }
            Err(error) => then.fail(error.into()),
        });
        if has_ended {
            self.leave(id);
        }
    }

    /// A run has ended: its state is on disk, nothing of it is needed here.
    fn leave(&mut self, id: RunId) {
        self.warm.remove(id);
        let Some(live) = self.runs.remove(&id) else { return };
        let module = live.record.module;
        if self.modules.leave(module) {
            self.committer.submit(Draft::forget_modules(&[module]), |_forgotten| {});
        }
    }

    /// Parks a run: the reason and the event that it could not take are on disk, its state is whole.
    fn block(&mut self, id: RunId, event: Event, blocked: Blocked, then: Then) {
        tracing::warn!(run = %id, kind = %blocked.kind, reason = blocked.message, "the run is blocked");
        self.warm.remove(id);
        let Some(live) = self.runs.get_mut(&id) else { return };
        live.record.standing = Standing::Blocked(blocked);
        let mut draft = Draft::of(()).with_run(id, &live.record);
        if let Some(key) = live.key.take() {
            draft = draft.with_key(&live.record.workflow, &key, id);
        }
        if !then.is_parked() {
            draft = draft.with_parked(id, live.next_parked, &Parked { at: live.last_at, event });
            live.next_parked += 1;
        }
        let callers = Arc::clone(&self.outside.callers);
        self.committer.submit(draft, move |written| match written {
            Ok(_) => {
                callers.end(id);
                then.done();
            }
            Err(error) => then.fail(error.into()),
        });
    }

    /// Keeps an event for a parked run.
    fn park(&mut self, id: RunId, event: Event, then: Then) {
        let Some(live) = self.runs.get_mut(&id) else { return };
        if live.next_parked >= segno_journal::MAX_UNTAKEN as u64 && matches!(event, Event::Requested { .. }) {
            return then.refuse(id, Refusal::Full);
        }
        let parked = Parked { at: self.outside.now(), event };
        let draft = Draft::of(()).with_parked(id, live.next_parked, &parked);
        live.next_parked += 1;
        self.committer.submit(draft, move |written| match written {
            Ok(_) => then.done(),
            Err(error) => then.fail(error.into()),
        });
    }

    /// An event that a run cannot have any more. One that was kept while the run was parked is
    /// forgotten.
    fn forget_parked(&self, id: RunId, then: Then, refusal: Refusal) {
        if then.is_parked() {
            self.committer.submit(then.unpark(id, Draft::of(())), |_written| {});
        }
        then.refuse(id, refusal);
    }

    fn request(
        &mut self,
        id: RunId,
        op: Op,
        request: Request,
        caller: oneshot::Sender<Result<Reply, EngineError>>,
    ) {
        let operation = self.runs.get(&id).and_then(|live| live.run.operation(op));
        let Some(Open::Webhook { answer, .. }) = operation else {
            let _gone = caller.send(Err(EngineError::WebhookClosed));
            return;
        };
        let then = Then::Answer { caller, answer: answer.clone() };
        self.turn(id, Event::Requested { op, request }, then);
    }

    /// Commits that an attempt failed; the next one is due when that is on disk.
    fn attempt(&mut self, id: RunId, op: Op, attempt: Attempt) {
        let Some(live) = self.runs.get_mut(&id) else { return };
        let Some(Open::Step { call, .. }) = live.run.operation(op) else { return };
        let call = Arc::clone(call);
        live.run.remember(op, attempt.clone());
        let (outside, owner) = (self.outside.clone(), live.owner.clone());
        self.committer.submit(Draft::attempt(id, op, attempt), move |committed| {
            if let Ok(attempt) = committed {
                outside.retry(&owner, op, call, &attempt);
            }
        });
    }

    /// Lets a parked run go on: replays it, and then gives it what it could not be told.
    pub(crate) fn resume(&mut self, id: RunId, module: Option<Digest>, then: Then) {
        if !self.runs.get(&id).is_some_and(Live::is_blocked) {
            return then.fail(EngineError::NotBlocked(id));
        }
        let parked = match self.reload(id).and_then(|()| self.store.parked(id)) {
            Ok(parked) => parked,
            Err(error) => return then.fail(error.into()),
        };
        if let Some(module) = module {
            self.move_to(id, module);
        }
        let Some(live) = self.runs.get_mut(&id) else { return };
        live.record.standing = Standing::Running;
        let draft = Draft::of(()).with_run(id, &live.record);
        self.committer.submit(draft, move |written| match written {
            Ok(_) => then.done(),
            Err(error) => then.fail(error.into()),
        });
        for (position, Parked { event, .. }) in parked {
            if self.runs.get(&id).is_none_or(Live::is_blocked) {
                return;
            }
            self.turn(id, event, Then::Unpark(position));
        }
    }

    /// Puts a run on another module. The record that says so is not written here.
    fn move_to(&mut self, id: RunId, module: Digest) {
        let Some(live) = self.runs.get_mut(&id) else { return };
        self.modules.enter(module);
        let before = std::mem::replace(&mut live.record.module, module);
        if self.modules.leave(before) {
            self.committer.submit(Draft::forget_modules(&[before]), |_forgotten| {});
        }
    }

    /// Says how a run stands, in the line of the turns: never ahead of the disk.
    fn inspect(&self, id: RunId, asker: oneshot::Sender<Option<Inspection>>) {
        let inspection = self.runs.get(&id).map(|live| Inspection {
            record: live.record.clone(),
            turns: live.run.turns(),
            waits_for: waits::waits_for(id, &live.run),
        });
        self.committer.submit(Draft::of(inspection), move |committed| {
            let _gone = asker.send(committed.ok().and_then(crate::store::Committed::into_inner));
        });
    }

    /// Reads the state of a run from its turns again.
    fn reload(&mut self, id: RunId) -> Result<(), crate::store::StoreError> {
        self.committer.flush()?;
        if let Some(live) = self.runs.get_mut(&id) {
            replay::restore(&self.store, live)?;
        }
        Ok(())
    }

    fn quota(&self) -> Quota {
        let limits = &self.config.limits;
        Quota {
            fuel_per_turn: limits.fuel_per_turn,
            memory: limits.memory,
            commands_per_turn: limits.commands_per_turn,
            bytes_per_turn: limits.bytes_per_turn,
            payload: limits.payload,
        }
    }
}

/// Gives a request its number in the run.
fn numbered(mut event: Event, number: u64) -> Event {
    if let Event::Requested { request, .. } = &mut event {
        request.number = number;
    }
    event
}

fn standing_after(turn: &Turn) -> Standing {
    match turn.verdict {
        Verdict::Waiting => Standing::Running,
        Verdict::Completed(_) => Standing::Completed(turn.at),
        Verdict::Failed(_) => Standing::Failed(turn.at),
        Verdict::Cancelled => Standing::Cancelled(turn.at),
    }
}

//! A shard owns some of the runs: their state, and their live guests. It is one thread, so a run
//! needs no lock, and guest code never runs on the threads of the async runtime.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use segno_journal::retry::Attempt;
use segno_journal::{
    Answer, BlockKind, Blocked, Command, Event, Op, Open, Refusal, Request, RunId, Turn, Verdict,
};

use crate::engine::bounds::Bounds;
use crate::engine::config::Config;
use crate::engine::error::EngineError;
use crate::engine::inbox::Message;
use crate::engine::line::Line;
use crate::engine::live::{Live, Unread};
use crate::engine::log;
use crate::engine::modules::Modules;
use crate::engine::open_bytes::OpenBudget;
use crate::engine::outside::Outside;
use crate::engine::past::Past;
use crate::engine::pressure::Pressure;
use crate::engine::recovery::next_attempt;
use crate::engine::reply::{Caller, Delivery, Then};
use crate::engine::restore::restore;
use crate::engine::room::Held;
use crate::engine::stuck::{Fate, Stuck};
use crate::engine::waits;
use crate::engine::warm::Warm;
use crate::engine::watch::Watch;
use crate::engine::watched::Watched;
use crate::sandbox::{Moment, Output, Tokens};
use crate::steps::{Attempted, Go};
use crate::store::{Committer, Draft, Standing, Store, StoreError};

/// The runs of one shard, and all that it takes to give them their turns.
pub(crate) struct Shard {
    pub(crate) store: Store,
    pub(crate) committer: Committer,
    pub(crate) modules: Arc<Modules>,
    pub(crate) outside: Outside,
    pub(crate) config: Arc<Config>,
    pub(crate) runs: BTreeMap<RunId, Box<Live>>,
    /// The runs whose record cannot be read, and why: they are where they were for whoever mends it.
    pub(crate) unreadable: BTreeMap<RunId, StoreError>,
    pub(crate) warm: Warm,
    pub(crate) pressure: Pressure,
    pub(crate) held: Held,
    pub(crate) watched: Watched,
    pub(crate) watch: Arc<Watch>,
    /// The host goes down without this shard: nothing of what it does counts any more.
    pub(crate) is_shut_out: bool,
    pub(crate) line: Line,
    pub(crate) open_budget: OpenBudget,
}

impl Shard {
    /// Gives each message its due, until the host goes down.
    pub(crate) fn run(mut self, inbox: &Receiver<Message>) {
        while let Some(message) = self.next(inbox) {
            if self.attend(message).is_break() {
                return self.committer.wake();
            }
            self.note_handled();
        }
    }

    /// The next message. While there is none, what the last one led to is written.
    fn next(&mut self, inbox: &Receiver<Message>) -> Option<Message> {
        self.line.extend(inbox.try_iter());
        if let Some(message) = self.line.next() {
            self.committer.wake();
            return Some(message);
        }
        self.committer.write_alone();
        let message = self.receive(inbox);
        self.line.extend(message);
        self.line.next()
    }

    /// Owns a run from now on, until it has ended.
    pub(crate) fn take_in(&mut self, id: RunId, live: Live) {
        self.outside.metrics.blocked(None, live.record.standing.blocked_by());
        self.runs.insert(id, Box::new(live));
        self.outside.metrics.runs_unfinished.inc();
    }

    /// Gives a message its due. After the last one there is nothing more to do.
    pub(crate) fn handle(&mut self, message: Message) -> ControlFlow<()> {
        match message {
            Message::GoOn { comeback } => self.go_on(&comeback),
            Message::Start { run, record, input, key, then } => {
                let live = Live { key, ..Live::new(run, record) };
                self.take_in(run, live);
                self.turn(run, Delivery::new(Event::Started { input }, then));
            }
            Message::Event { run, event } => self.turn(run, Delivery::new(event, Then::Nothing)),
            Message::Request { run, op, request, caller } => self.request(run, op, request, caller),
            Message::Attempt { run, op, attempt } => self.attempt(run, op, attempt),
            Message::Ended { message, running } => {
                drop(running);
                return self.handle(*message);
            }
            Message::Begins { run, op, go } => self.begins(run, op, go),
            Message::Retry(attempted) => self.retry(attempted),
            Message::Cancel { run, by, then } => {
                self.note_cancel(run, by);
                self.turn(run, Delivery::new(Event::Cancelled, then));
            }
            Message::Resume { run, module, by, then } => self.resume(run, module, by, then),
            Message::RetryNow { run, then } => self.retry_now(run, then),
            Message::Unpark { run } => self.deliver_parked(run),
            Message::Inspect { run, asker, admitted } => {
                self.inspect(run, asker);
                drop(admitted);
            }
            Message::Survey(question) => self.answer(question),
            Message::Shed => _ = self.shed(),
            Message::Stop => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// An event comes in, the guest runs until it is stuck, commands come out, the turn is
    /// committed, and only then does the world hear of it.
    pub(crate) fn turn(&mut self, id: RunId, delivery: Delivery) {
        let Some(live) = self.runs.get_mut(&id) else { return self.refuse_unknown(id, delivery) };
        if let Some(unread) = &live.unread {
            let refusal = unread.refusal();
            return self.unread(id, delivery, refusal);
        }
        if let Err(refusal) = live.admits(&delivery) {
            return self.refuse(id, delivery, refusal);
        }
        if live.must_wait(&delivery) {
            return self.park(id, delivery);
        }
        if self.held.comes_first(id, &delivery.event) {
            return self.hold(id, delivery);
        }
        let Delivery { event, then, parked } = delivery.numbered(live.run.requests());
        let moment = Moment { seq: live.run.turns(), at: live.next_at(&event, self.outside.now()) };
        let first_op = Op(live.run.operations());
        live.last_at = moment.at;
        match self.deliver(id, &event, moment) {
            // Only a run that is not on disk: `parked` would say that it is.
            Ok(Some(Output { verdict: Verdict::Failed(reason), refused: true, .. }))
                if parked.is_none() =>
            {
                self.turn_away(id, then, &reason);
            }
            Ok(Some(Output { commands, verdict, log, .. })) => {
                let Moment { seq, at } = moment;
                let turn = Turn { seq, first_op, at, event, commands, verdict, log };
                self.commit(id, turn, then, parked);
                self.settle(id);
            }
            Ok(None) => self.refuse(id, Delivery { event, then, parked }, Refusal::Ended),
            Err(stuck) => self.stuck(id, Delivery { event, then, parked }, stuck),
        }
    }

    /// Runs the guest: the one that is live, or one that is replayed to where the run is. Nothing where
    /// the run was ended from outside meanwhile.
    fn deliver(
        &mut self,
        id: RunId,
        event: &Event,
        moment: Moment,
    ) -> Result<Option<Output>, Stuck> {
        if *event == Event::Cancelled {
            let commands = Vec::new();
            let log = Vec::new();
            return Ok(Some(Output { commands, verdict: Verdict::Cancelled, log, refused: false }));
        }
        let guest = match self.warm.take(id) {
            Some(guest) => Some(guest),
            None => self.revive(id, self.runs[&id].record.module)?,
        };
        let Some(mut guest) = guest else { return Ok(None) };
        let chance = self.outside.chance.clone();
        let public_url = self.config.public_url.clone();
        let fresh = Tokens::Fresh(Box::new(move || chance.address(&public_url)));
        let output = self.computing(id, |_| guest.turn(event, moment, fresh));
        let Some(live) = self.runs.get(&id) else { return Ok(None) };
        let mut output = output?;
        self.check_steps(live, &output.commands)?;
        let Some(live) = self.runs.get_mut(&id) else { return Ok(None) };
        Bounds { limits: &self.config.limits, budget: &self.open_budget }
            .begin(live, &output.commands)?;
        output.log.extend(waits::dropped_at_end(&live.run, event, &output));
        live.images.note_turn(guest.spent());
        self.line.charge(id, guest.spent());
        self.keep(id, guest);
        Ok(Some(output))
    }

    /// Refuses steps that the run may not call.
    fn check_steps(&self, live: &Live, commands: &[Command]) -> Result<(), Blocked> {
        if !commands.iter().any(|command| matches!(command, Command::Step { .. })) {
            return Ok(());
        }
        let module = live.record.module;
        let workflow = &*live.record.workflow;
        self.config.policy.check((module, workflow), &self.modules.steps(module), commands)
    }

    /// Commits a turn; the world hears of it when it is on disk.
    fn commit(&mut self, id: RunId, turn: Turn, then: Then, parked: Option<u64>) {
        let Some(live) = self.runs.get_mut(&id) else {
            return self.refuse(id, Delivery { event: turn.event, then, parked }, Refusal::Ended);
        };
        let is_first = turn.seq == 0;
        log::turn(live, &turn);
        let past = Past::of(live, &turn, &self.modules);
        let (run, effects) = match std::mem::take(&mut live.run).apply(&turn) {
            Ok(applied) => applied,
            Err(fault) => {
                let blocked = Blocked { kind: BlockKind::Trap, message: fault.to_string() };
                let stuck = self.reload(id).err().unwrap_or_else(|| blocked.into());
                return self.stuck(id, Delivery { event: turn.event, then, parked }, stuck);
            }
        };
        live.run = run;
        // Never more than there was made room for.
        let _fits = self.open_budget.fit(&mut live.share, live.run.open_bytes());
        if let Some(position) = parked {
            live.parked.take(position, &turn.event);
        }
        let standing = standing_after(&turn);
        let op = turn.event.op();
        let has_ended = standing.ended_at().is_some();
        let mut draft = Draft::turn(id, turn, effects).without_parked(id, parked);
        draft = past.forget(draft, id);
        draft = self.watched.forget(draft, id, op, has_ended);
        if is_first || has_ended || parked.is_some() {
            live.stand(standing, &self.outside.metrics);
            draft = draft.with_run(id, &live.record).with_key(
                &live.record.workflow,
                live.key.take(),
                id,
            );
        }
        if has_ended {
            // Nobody will be told any more. What a run that never had a turn was given stays.
            let unneeded = live.parked.positions().filter(|position| !is_first || *position > 0);
            draft =
                unneeded.fold(draft, |draft, position| draft.without_parked(id, Some(position)));
            draft = live
                .images
                .positions()
                .fold(draft, |draft, position| draft.without_image(id, position));
        }
        let outside = self.outside.clone();
        let owner = live.owner.clone();
        self.committer.submit(draft, move |committed| match committed {
            Ok(committed) => {
                let then = then.prepare(&outside.callers, &owner, &committed);
                outside.release(&owner, committed);
                then.done();
            }
            Err(error) => then.fail(error.into()),
        });
        if has_ended {
            self.take_leave(id);
        }
    }

    /// A run whose workflow refuses its input never was: nothing of it is stored.
    fn turn_away(&mut self, id: RunId, then: Then, reason: &str) {
        let Some(live) = self.runs.remove(&id) else { return };
        self.warm.remove(id);
        self.outside.metrics.runs_unfinished.dec();
        self.modules.leave(live.record.module);
        then.fail(EngineError::refused_input(&live.record.workflow, reason));
    }

    /// What becomes of an event that could not have its turn.
    fn stuck(&mut self, id: RunId, delivery: Delivery, stuck: Stuck) {
        match stuck.fate() {
            Fate::Park(blocked) => self.block(id, delivery, blocked),
            Fate::Wait => self.hold(id, delivery),
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
    /// disk. An event that lay parked is forgotten.
    fn refuse(&mut self, id: RunId, delivery: Delivery, refusal: Refusal) {
        let Delivery { event, then, parked } = delivery;
        if let Some(position) = parked
            && let Some(live) = self.runs.get_mut(&id)
        {
            live.parked.take(position, &event);
        }
        self.committer.submit(Draft::nothing().without_parked(id, parked), move |written| {
            match written {
                Ok(_) => then.refuse(id, refusal),
                Err(error) => then.fail(error.into()),
            }
        });
    }

    fn request(&mut self, id: RunId, op: Op, request: Request, caller: Caller) {
        let operation = self.runs.get(&id).and_then(|live| live.run.operation(op));
        let answer = match operation {
            Some(Open::Webhook(webhook)) => webhook.answer.clone(),
            _ => Answer::Accepted,
        };
        let place = match answer {
            Answer::Manual => self.outside.callers.place_for_answer().map(Some),
            Answer::Accepted | Answer::Fixed(_) => Ok(None),
        };
        match place {
            Ok(place) => {
                let then = Then::Answer { caller, answer, place };
                self.turn(id, Delivery::new(Event::Requested { op, request }, then));
            }
            // Whoever has gone in the meantime needs no answer.
            Err(error) => drop(caller.send(Err(error))),
        }
    }

    /// Commits that an attempt failed; the next one is due when that is on disk.
    fn attempt(&mut self, id: RunId, op: Op, attempt: Attempt) {
        let Some(live) = self.runs.get_mut(&id) else { return };
        let Some(Open::Step { call, .. }) = live.run.operation(op) else { return };
        log::attempt_failed(live, op, &call.name, &attempt);
        let losses = self.watched.set_running(id, op, false);
        let next = next_attempt(&live.owner, (op, call), Some(&attempt), losses);
        live.run.remember(op, attempt.clone());
        let mut draft = Draft::attempt(id, op, attempt);
        if let Some(losses) = losses {
            draft = draft.with_losses(id, op, losses);
        }
        let outside = self.outside.clone();
        self.committer.submit(draft, move |committed| {
            if let Ok(attempt) = committed {
                outside.retry(next, &attempt);
            }
        });
    }

    /// Commits that an attempt of a watched step begins; it does when that is on disk. Not if the step
    /// or its run is over.
    fn begins(&mut self, id: RunId, op: Op, go: Go) {
        let Some(losses) = self.watched.set_running(id, op, true) else { return };
        self.committer.submit(Draft::nothing().with_losses(id, op, losses), move |written| {
            if written.is_ok() {
                go.go();
            }
        });
    }

    /// Makes the next attempt of a step, unless the step or its run is over.
    fn retry(&self, attempted: Attempted) {
        let live = self.runs.get(&attempted.run);
        if live
            .is_some_and(|live| matches!(live.run.operation(attempted.op), Some(Open::Step { .. })))
        {
            self.outside.attempt(attempted);
        }
    }

    /// Reads the state of a run from its turns again.
    pub(crate) fn reload(&mut self, id: RunId) -> Result<(), Stuck> {
        self.committer.flush()?;
        let room = Bounds { limits: &self.config.limits, budget: &self.open_budget };
        let Some(live) = self.runs.get_mut(&id) else { return Ok(()) };
        let recalled = self.store.recall(id).map_err(Stuck::from);
        let reloaded = recalled.and_then(|recalled| restore(&recalled, live, room));
        live.unread = match &reloaded {
            Ok(()) => None,
            Err(Stuck::Store(error)) if !matches!(error, StoreError::Record { .. }) => {
                self.committer.give_up(error.clone());
                return reloaded;
            }
            Err(Stuck::Store(damage)) => Some(Box::new(Unread::Damaged(damage.clone()))),
            Err(_) => Some(Box::new(Unread::Left)),
        };
        reloaded
    }
}

fn standing_after(turn: &Turn) -> Standing {
    match turn.verdict {
        Verdict::Waiting => Standing::Running,
        Verdict::Completed(_) => Standing::Completed(turn.at),
        Verdict::Failed(_) => Standing::Failed(turn.at),
        Verdict::Cancelled => Standing::Cancelled(turn.at),
    }
}

//! The world, as the engine reaches it: what happens once a turn is on disk, and not before. Steps
//! start, timers are armed, callers are answered, and those who watch runs hear of it.
//!
//! [`Outside::release`] is the one way out of a turn. What else changes the world for a run takes the
//! proof, too, that what it follows from is on disk; timers and waiters can be told nothing past this
//! room.

mod attempts;
mod ends;
mod held_up;
mod host_pause;
mod known_webhooks;
mod missing;
mod owner;
mod readers;
mod timers;
mod waiters;
mod watch;

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use segno::Steps;
use segno_api::RunStatus;
use segno_journal::{Effect, Event, NotTold, Op, Parent, RunId, Tell, Timestamp, Verdict};

pub use crate::engine::outside::watch::{Heard, Watching, WentOn};

pub(crate) use crate::engine::outside::owner::Owner;
pub(crate) use crate::engine::outside::readers::{Reader, Readers};
pub(crate) use crate::engine::outside::timers::{Due, Timers};
pub(crate) use crate::engine::outside::waiters::Waiters;

use crate::engine::admission::Families;
use crate::engine::clock::Clock;
use crate::engine::inbox::{
    Asker, Batched, Begun, CancelHow, FamilySignal, Gate, Inboxes, Message, Then,
};
use crate::engine::metrics::{Metrics, RunOutcome};
use crate::engine::outside::ends::{Ends, outcome_of};
use crate::engine::outside::held_up::HeldUp;
use crate::engine::outside::known_webhooks::KnownWebhooks;
use crate::engine::outside::missing::Missing;
use crate::engine::outside::watch::Watch;
use crate::engine::random::Random;
use crate::steps::{Runner, StepAttempt};
use crate::store::{Claimed, Committed, Posted, RunRecord, StoreError, TurnAndEffects};

/// The world, as the engine reaches it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outside(Arc<World>);

struct World {
    clock: Clock,
    random: Random,
    runner: Runner,
    timers: Timers,
    waiters: Waiters,
    metrics: Arc<Metrics>,
    known_webhooks: KnownWebhooks,
    missing: Missing,
    watch: Watch,
    readers: Readers,
    ends: Ends,
    families: Families,
    held_up: HeldUp,
    inboxes: OnceLock<Inboxes>,
    /// The host was told to stop: no attempt begins any more.
    stopping: Mutex<bool>,
}

impl Outside {
    pub(crate) fn new(
        clock: Clock,
        random: Random,
        runner: Runner,
        waiters: Waiters,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self(Arc::new(World {
            timers: Timers::default(),
            missing: Missing::new(metrics.steps_missing.clone()),
            known_webhooks: KnownWebhooks::default(),
            watch: Watch::default(),
            readers: Readers::default(),
            ends: Ends::default(),
            families: Families::default(),
            held_up: HeldUp::default(),
            inboxes: OnceLock::new(),
            stopping: Mutex::new(false),
            clock,
            random,
            runner,
            waiters,
            metrics,
        }))
    }

    /// Says where the shards are reached. What ends before is not told.
    pub(crate) fn connect(&self, inboxes: Inboxes) {
        let _connected_before = self.0.inboxes.set(inboxes);
    }

    /// Lets the world hear of a turn, with the children that it began, and then whoever waits for the turn
    /// itself: the one way out, and it takes what only the store can make.
    pub(crate) fn release(
        &self,
        owner: &Owner,
        committed: Committed<TurnAndEffects>,
        begun: Vec<Begun>,
        then: Then,
    ) {
        let TurnAndEffects { turn, effects, claims } = committed.into_inner();
        // First: the answer that a caller waits for may be among the effects.
        let then = self.0.waiters.expect_answer(owner.run, &turn.event, then);
        let status = status_after(&turn.verdict);
        self.0.metrics.turns.inc();
        if let Some(outcome) = outcome_of(status) {
            self.0.metrics.run_ended(&owner.workflow, outcome);
        }
        self.0.known_webhooks.remember_made(owner.run, &turn);
        self.0.watch.tell(WentOn { run: owner.run, turn: turn.seq });
        if turn.commands.iter().any(|command| command.streamed().is_some()) {
            self.0.readers.tell(owner.run);
        }
        // First: the workflow may have cancelled some of them.
        for begun in begun {
            self.tell(begun.run, Message::Begin(Box::new(begun)));
        }
        for effect in effects {
            match effect {
                Effect::Start { op, call } => self.attempt(StepAttempt {
                    run: owner.run,
                    workflow: Arc::clone(&owner.workflow),
                    run_started_at: owner.started_at,
                    op,
                    call,
                    number: 1,
                    first_at: None,
                    losses: None,
                    heartbeat: None,
                }),
                Effect::Wake { op, at } => self.0.timers.arm(at, Due::Wake(owner.run, op)),
                Effect::Expire { at } => self.wake_at(at, owner.run, Op::OF_THE_RUN),
                Effect::Forget { op, at } => self.0.timers.disarm(at, owner.run, op),
                Effect::Stop { op, at } => self.stop(owner.run, op, at),
                Effect::Respond { request, response } => {
                    self.0.waiters.respond(owner.run, request, response);
                }
                Effect::End { timers, children, .. } => {
                    self.forget(owner.run, &timers);
                    children.into_iter().for_each(|child| self.cancel_child(owner.run, child));
                    self.tell_parent(owner.parent.as_deref());
                    self.tell_end(owner.run, owner.calls);
                }
                Effect::CancelChild { run: child, .. } => self.cancel_child(owner.run, child),
                Effect::Tell(tell) => self.send(owner.run, owner.root(), *tell),
                // The store has seen to it, in the commit of the turn.
                Effect::Claim(_) | Effect::Release { .. } | Effect::Spawn(_) => {}
            }
        }
        claims.iter().for_each(|claimed| self.tell_claimed(owner.run, claimed));
        then.done(status);
    }

    /// A batch is on disk: its runs begin, and those hear of it that it sends signals.
    pub(crate) fn batched(&self, batch: Committed<Batched>) {
        let Batched { begun, posted } = batch.into_inner();
        for begun in begun {
            self.tell(begun.run, Message::Begin(Box::new(begun)));
        }
        for (posted, place) in posted {
            self.tell(posted.run, Message::Posted(posted, place));
        }
    }

    /// Signals of batches that are on disk come again: their runs have not taken them.
    pub(crate) fn bring_again(&self, posted: Vec<Posted>) {
        posted.into_iter().for_each(|posted| self.tell(posted.run, Message::Posted(posted, None)));
    }

    /// A first turn, which began these children, is not on disk: where its key has started another run, its own
    /// never was.
    pub(crate) fn unwritten(&self, run: RunId, children: Vec<Begun>, error: &StoreError) {
        if matches!(error, StoreError::Unmet(_)) {
            self.tell(run, Message::NeverWas { run, children });
        }
    }

    /// A step is given up: what is under way for it stops.
    fn stop(&self, run: RunId, op: Op, at: Option<Timestamp>) {
        self.0.runner.cancel(run, op);
        self.0.missing.forget(run, op..=op);
        at.iter().for_each(|at| self.0.timers.disarm(*at, run, op));
    }

    /// A parent cancels its child, as from outside.
    pub(crate) fn cancel_child(&self, parent: RunId, run: RunId) {
        let how = CancelHow::default();
        self.tell(
            run,
            Message::Cancel { run, by: Asker::parent(parent), how, then: Then::Nothing },
        );
    }

    /// A run sends another one of its family a signal. Where there is no room for it on its way, it is as if
    /// the other run had none.
    pub(crate) fn send(&self, from: RunId, root: RunId, tell: Tell) {
        let Some(carried) = self.0.families.carry(tell.payload.len()) else {
            let event = Event::NotTold { op: tell.op, why: NotTold::Full };
            return self.tell(from, Message::Event { run: from, event });
        };
        let signal = FamilySignal::new(from, root, tell, carried);
        self.tell(signal.run, Message::FamilySignal(Box::new(signal)));
    }

    /// A run has ended of which nobody knows which children it had.
    pub(crate) fn parent_ended(&self, parent: RunId) {
        if let Some(inboxes) = self.0.inboxes.get() {
            inboxes.parent_ended(parent);
        }
    }

    /// The families of the runs.
    pub(crate) fn families(&self) -> &Families {
        &self.0.families
    }

    /// A child has ended: its parent looks how.
    fn tell_parent(&self, parent: Option<&Parent>) {
        if let Some(Parent { run, op, .. }) = parent {
            self.tell(*run, Message::ChildEnded { run: *run, op: *op });
        }
    }

    /// A hook has asked for its token again.
    pub(crate) fn claimed(&self, run: RunId, committed: &Committed<Claimed>) {
        self.tell_claimed(run, committed);
    }

    /// Tells a run whether its hook has the token that it asked for, if it waits to hear that.
    fn tell_claimed(&self, run: RunId, claimed: &Claimed) {
        let Some(op) = claimed.waits() else { return };
        let event = match claimed.taken_by() {
            None => Event::HookOpened { op },
            Some(owner) => Event::HookTaken { op, owner: owner.to_string() },
        };
        self.tell(run, Message::Event { run, event });
    }

    /// A run was ended without a turn of its own that anybody computed. What it has timers for is refused
    /// when it is due.
    pub(crate) fn ended<T>(&self, run: RunId, record: &RunRecord, _proof: &Committed<T>) {
        self.0.metrics.run_ended(&record.workflow, RunOutcome::Cancelled);
        self.forget(run, &[]);
        self.tell_parent(record.parent.as_deref());
        self.tell_end(run, record.on_end.is_some());
    }

    /// A run has ended of which somebody is to be told.
    fn tell_end(&self, run: RunId, calls: bool) {
        if calls {
            self.0.ends.tell(run);
        }
    }

    /// A run is blocked: who waits for its end hears of it.
    pub(crate) fn blocked<T>(&self, run: RunId, _proof: &Committed<T>) {
        self.0.waiters.end(run);
    }

    /// Stops what is under way for a run that is over, and tells who waits for it.
    fn forget(&self, run: RunId, timers: &[(Timestamp, Op)]) {
        self.0.runner.cancel_run(run);
        self.0.missing.forget(run, Op(0)..=Op(u64::MAX));
        timers.iter().for_each(|(at, op)| self.0.timers.disarm(*at, run, *op));
        self.0.waiters.let_go(run);
        self.0.waiters.end(run);
        self.0.readers.tell(run);
    }

    /// A step has written to streams of its run.
    pub(crate) fn wrote<T>(&self, run: RunId, _proof: &Committed<T>) {
        self.0.readers.tell(run);
    }

    /// A sleep that is on disk is over at this moment, or the time of the run itself.
    pub(crate) fn wake_at(&self, at: Timestamp, run: RunId, op: Op) {
        self.0.timers.arm(at, Due::Wake(run, op));
    }

    /// Forgets a moment of a run as a whole.
    pub(crate) fn forget_moment(&self, at: Timestamp, run: RunId) {
        self.0.timers.disarm(at, run, Op::OF_THE_RUN);
    }

    /// What a timer does when it is due.
    pub(crate) fn fire(&self, due: Due) {
        match due {
            Due::Wake(run, Op::OF_THE_RUN) => self.tell(run, Message::Due { run }),
            Due::Wake(run, op) => {
                self.tell(run, Message::Event { run, event: Event::Slept { op } })
            }
            Due::Retry(attempt) => self.tell(attempt.run, Message::Retry(*attempt)),
        }
    }

    /// Hands a message to the shard that owns the run. A host that is going down hears nothing
    /// more.
    pub(crate) fn tell(&self, run: RunId, message: Message) {
        if let Some(inboxes) = self.0.inboxes.get() {
            inboxes.send(run, message);
        }
    }

    /// Has all shards but the one of this watch let guests go.
    pub(crate) fn shed_by_others(&self, of: &Gate) {
        if let Some(inboxes) = self.0.inboxes.get() {
            inboxes.shed_by_others(of);
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The clock of the engine.
    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The chance of the engine.
    pub(crate) fn random(&self) -> &Random {
        &self.0.random
    }

    /// What is counted.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// Who makes the attempts of steps.
    pub(crate) fn runner(&self) -> &Runner {
        &self.0.runner
    }

    /// The timers. What arms one is in this room.
    pub(crate) fn timers(&self) -> &Timers {
        &self.0.timers
    }

    /// Who waits for runs. What tells them something is in this room.
    pub(crate) fn waiters(&self) -> &Waiters {
        &self.0.waiters
    }

    /// Who reads along with streams. What tells them something is in this room.
    pub(crate) fn readers(&self) -> &Readers {
        &self.0.readers
    }

    /// The ends of runs that somebody is to be told of.
    pub(crate) fn ends(&self) -> &Ends {
        &self.0.ends
    }

    /// Where tokens lead, as far as it is remembered.
    pub(crate) fn known_webhooks(&self) -> &KnownWebhooks {
        &self.0.known_webhooks
    }

    /// The steps of the host.
    pub(crate) fn steps(&self) -> &Steps {
        self.0.runner.steps()
    }

    /// The steps that this host lacks and operations wait for, each with how many do.
    pub(crate) fn missing_steps(&self) -> Vec<(String, usize)> {
        self.0.missing.steps()
    }

    /// Hears of each turn from now on.
    pub(crate) fn watch(&self) -> Watching {
        self.0.watch.begin()
    }
}

/// How a run stands after a turn.
const fn status_after(verdict: &Verdict) -> RunStatus {
    match verdict {
        Verdict::Waiting => RunStatus::Running,
        Verdict::Completed(_) => RunStatus::Completed,
        Verdict::Failed(_) | Verdict::FailedAt(_) => RunStatus::Failed,
        Verdict::Cancelled => RunStatus::Cancelled,
    }
}

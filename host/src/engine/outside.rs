//! What happens once a turn is on disk, and not before: steps start, timers are armed, callers are
//! answered.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use segno_journal::retry::{self, Attempt, Decision};
use segno_journal::{Effect, Event, Op, RunId, StepCall, Timestamp};

use crate::engine::callers::Callers;
use crate::engine::chance::Chance;
use crate::engine::clock::Clock;
use crate::engine::inbox::{Inboxes, Message};
use crate::engine::metrics::{Metrics, StepOutcome};
use crate::engine::missing::Missing;
use crate::engine::timers::{Due, Timers};
use crate::steps::{self, Attempted, Outcome, Runner, Running};
use crate::store::{Committed, TurnAndEffects};

/// The world, as the engine reaches it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) clock: Clock,
    pub(crate) chance: Chance,
    pub(crate) runner: Runner,
    pub(crate) timers: Timers,
    pub(crate) callers: Arc<Callers>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) missing: Arc<Missing>,
    inboxes: Arc<OnceLock<Inboxes>>,
    held: Arc<Mutex<Held>>,
}

/// The attempts that are not made, and are written when the host stops.
#[derive(Default)]
struct Held {
    /// The host was told to stop: no attempt begins any more.
    stopping: bool,
    attempts: Vec<Attempted>,
}

/// The run that a step or a timer belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) run: RunId,
    pub(crate) workflow: Arc<str>,
}

impl Outside {
    pub(crate) fn new(
        clock: Clock,
        chance: Chance,
        runner: Runner,
        callers: Callers,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (timers, callers) = (Timers::default(), Arc::new(callers));
        let missing = Arc::new(Missing::new(metrics.steps_missing.clone()));
        let (inboxes, held) = (Arc::default(), Arc::default());
        Self { clock, chance, runner, timers, callers, metrics, missing, inboxes, held }
    }

    /// Says where the shards are reached. What ends before is not told.
    pub(crate) fn connect(&self, inboxes: Inboxes) {
        let _connected_before = self.inboxes.set(inboxes);
    }

    /// Lets the world hear of a turn: the one way out, and it takes what only the store can make.
    pub(crate) fn release(&self, owner: &Owner, committed: Committed<TurnAndEffects>) {
        let (_turn, effects) = committed.into_inner();
        self.metrics.turns.inc();
        for effect in effects {
            match effect {
                Effect::Start { op, call } => {
                    let (run, workflow) = (owner.run, Arc::clone(&owner.workflow));
                    self.attempt(Attempted { run, workflow, op, call, number: 1 });
                }
                Effect::Wake { op, at } => self.timers.arm(at, Due::Wake(owner.run, op)),
                Effect::Forget { op, at } => self.timers.disarm(at, owner.run, op),
                Effect::Respond { request, response } => self.callers.respond(owner.run, request, response),
                Effect::End { timers } => self.end(owner.run, &timers),
            }
        }
    }

    /// A run is over, which is on disk.
    pub(crate) fn end(&self, run: RunId, timers: &[(Timestamp, Op)]) {
        self.runner.cancel_run(run);
        self.missing.forget(run);
        timers.iter().for_each(|(at, op)| self.timers.disarm(*at, run, *op));
        self.callers.let_go(run);
        self.callers.end(run);
    }

    /// Starts the next attempt when it is due: it is on disk that the last one failed.
    pub(crate) fn retry(&self, owner: &Owner, op: Op, call: Arc<StepCall>, last: &Committed<Attempt>) {
        let (run, workflow) = (owner.run, Arc::clone(&owner.workflow));
        let attempted = Attempted { run, workflow, op, call, number: last.number.saturating_add(1) };
        self.timers.arm(last.retry_at, Due::Retry(Box::new(attempted)));
    }

    /// What a timer does when it is due.
    pub(crate) fn fire(&self, due: Due) {
        match due {
            Due::Wake(run, op) => self.tell(run, Message::Event { run, event: Event::Slept { op } }),
            Due::Retry(attempted) => self.tell(attempted.run, Message::Retry(*attempted)),
        }
    }

    /// Makes an attempt; or holds it back, since the host was told to stop; or leaves it to a host that
    /// has the step.
    pub(crate) fn attempt(&self, attempted: Attempted) {
        if !self.has_step(&attempted.call.name) {
            return self.leave_to_another_host(attempted);
        }
        // Until the attempt is in the runner's list: whoever holds back from now on finds it there.
        let mut held = self.lock_held();
        if held.stopping {
            return held.attempts.push(attempted);
        }
        let (outside, callers, run) = (self.clone(), Arc::clone(&self.callers), attempted.run);
        let responder = Arc::new(move |request, response: segno::Response| {
            callers.respond(run, request, response_of_step(response));
        });
        let ended = move |attempted, outcome, running| outside.ended(attempted, outcome, running);
        self.runner.start(attempted, self.clock.now(), responder, ended);
    }

    /// Whether this host has a step of this name.
    pub(crate) fn has_step(&self, name: &str) -> bool {
        self.runner.steps().get(name).is_some()
    }

    /// Leaves an attempt to a host that has the step: this one was perhaps started by mistake, and
    /// must not fail for good what another can do.
    pub(crate) fn leave_to_another_host(&self, attempted: Attempted) {
        self.missing.put(attempted.run, attempted.op, &attempted.call.name);
        self.lock_held().attempts.push(attempted);
    }

    /// From now on attempts are held back.
    pub(crate) fn hold_back(&self) {
        self.lock_held().stopping = true;
    }

    /// The attempts that were not made.
    pub(crate) fn take_held(&self) -> Vec<Attempted> {
        std::mem::take(&mut self.lock_held().attempts)
    }

    fn lock_held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt is over: the run hears of it, now or after another attempt.
    fn ended(&self, attempted: Attempted, outcome: Outcome, running: Running) {
        let (run, op) = (attempted.run, attempted.op);
        let message = match outcome {
            Outcome::Returned(output) => {
                self.count(&attempted, StepOutcome::Succeeded, &running);
                Message::Event { run, event: Event::StepCompleted { op, output } }
            }
            Outcome::Failed(mishap) => self.after_mishap(&attempted, mishap, &running),
            Outcome::NeverBegan => {
                let mut held = self.lock_held();
                // Otherwise its run is over, and nobody needs it.
                if held.stopping {
                    held.attempts.push(attempted);
                }
                return;
            }
        };
        self.tell(run, Message::Ended { message: Box::new(message), running });
    }

    fn after_mishap(&self, attempted: &Attempted, mishap: retry::Mishap, running: &Running) -> Message {
        let (run, op, number) = (attempted.run, attempted.op, attempted.number);
        let decided = self.decide(&attempted.call, number, mishap.clone());
        match decided {
            Decision::GiveUp(failure) => {
                self.count(attempted, StepOutcome::GivenUp, running);
                Message::Event { run, event: Event::StepFailed { op, failure } }
            }
            Decision::Retry { after_ms } => {
                self.count(attempted, StepOutcome::Retried, running);
                let at = self.clock.now();
                let attempt =
                    Attempt { number, at, error: mishap.to_string(), retry_at: at.plus_ms(after_ms) };
                Message::Attempt { run, op, attempt }
            }
        }
    }

    fn count(&self, attempted: &Attempted, outcome: StepOutcome, running: &Running) {
        self.metrics.step_ended(&attempted.workflow, &attempted.call.name, outcome, running.took());
    }

    /// What follows an attempt that did not succeed.
    pub(crate) fn decide(&self, call: &StepCall, number: u32, mishap: retry::Mishap) -> Decision {
        let policy = steps::policy(self.runner.steps(), call);
        retry::decide(&call.name, &policy, number, mishap, self.chance.share())
    }

    /// Hands a message to the shard that owns the run. A host that is going down hears nothing
    /// more.
    pub(crate) fn tell(&self, run: RunId, message: Message) {
        if let Some(inboxes) = self.inboxes.get() {
            inboxes.send(run, message);
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn response_of_step(response: segno::Response) -> segno_journal::Response {
    segno_journal::Response {
        status: response.status(),
        headers: response.headers().to_vec(),
        body: response.into_body().into_bytes(),
    }
}

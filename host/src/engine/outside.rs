//! What happens once a turn is on disk, and not before: steps start, timers are armed, callers are
//! answered.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use segno_journal::retry::{self, Attempt, Decision, Tried};
use segno_journal::{Effect, Event, Op, RunId, StepCall, Timestamp};

use crate::engine::callers::Callers;
use crate::engine::chance::Chance;
use crate::engine::clock::Clock;
use crate::engine::inbox::{Inboxes, Message};
use crate::engine::metrics::{Metrics, StepOutcome};
use crate::engine::missing::Missing;
use crate::engine::timers::{Due, Timers};
use crate::engine::watch::Watch;
use crate::steps::{Attempted, Go, Hearers, Outcome, Runner, Running};
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
    /// The host was told to stop: no attempt begins any more.
    stopping: Arc<Mutex<bool>>,
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
        let timers = Timers::default();
        let callers = Arc::new(callers);
        let missing = Arc::new(Missing::new(metrics.steps_missing.clone()));
        let inboxes = Arc::default();
        let stopping = Arc::default();
        Self { clock, chance, runner, timers, callers, metrics, missing, inboxes, stopping }
    }

    /// Says where the shards are reached. What ends before is not told.
    pub(crate) fn connect(&self, inboxes: Inboxes) {
        let _connected_before = self.inboxes.set(inboxes);
    }

    /// Lets the world hear of a turn: the one way out, and it takes what only the store can make.
    pub(crate) fn release(&self, owner: &Owner, committed: Committed<TurnAndEffects>) {
        self.metrics.turns.inc();
        for effect in committed.into_inner().effects {
            match effect {
                Effect::Start { op, call } => {
                    let run = owner.run;
                    let workflow = Arc::clone(&owner.workflow);
                    let number = 1;
                    let first_at = None;
                    let losses = None;
                    self.attempt(Attempted { run, workflow, op, call, number, first_at, losses });
                }
                Effect::Wake { op, at } => self.timers.arm(at, Due::Wake(owner.run, op)),
                Effect::Forget { op, at } => self.timers.disarm(at, owner.run, op),
                Effect::Respond { request, response } => {
                    self.callers.respond(owner.run, request, response)
                }
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
    pub(crate) fn retry(&self, next: Attempted, last: &Committed<Attempt>) {
        self.timers.arm(last.retry_at, Due::Retry(Box::new(next)));
    }

    /// What a timer does when it is due.
    pub(crate) fn fire(&self, due: Due) {
        match due {
            Due::Wake(run, op) => {
                self.tell(run, Message::Event { run, event: Event::Slept { op } })
            }
            Due::Retry(attempted) => self.tell(attempted.run, Message::Retry(*attempted)),
        }
    }

    /// Makes an attempt; unless the host was told to stop, or lacks the step: then it is left to another
    /// host.
    pub(crate) fn attempt(&self, attempted: Attempted) {
        let run = attempted.run;
        let op = attempted.op;
        if !self.has_step(&attempted.call.name) {
            return self.missing.put(run, op, &attempted.call.name);
        }
        // Until the attempt is in the runner's list: whoever holds back from now on finds it there.
        let stopping = self.lock_stopping();
        if *stopping {
            return;
        }
        let outside = self.clone();
        let callers = Arc::clone(&self.callers);
        let responder = Arc::new(move |request, response: segno::Response| {
            callers.respond(run, request, response_of_step(response));
        });
        let ended = move |attempted, outcome, running| outside.ended(attempted, outcome, running);
        let begins = attempted.losses.map(|_watched| {
            let outside = self.clone();
            let begins = move |go| outside.tell(run, Message::Begins { run, op, go });
            Box::new(begins) as Box<dyn FnOnce(Go) + Send>
        });
        let hearers = Hearers { begins, ended: Box::new(ended) };
        self.runner.start(attempted, self.clock.now(), responder, hearers);
    }

    /// Whether this host has a step of this name.
    pub(crate) fn has_step(&self, name: &str) -> bool {
        self.runner.steps().get(name).is_some()
    }

    /// From now on no attempt begins.
    pub(crate) fn hold_back(&self) {
        *self.lock_stopping() = true;
    }

    fn lock_stopping(&self) -> MutexGuard<'_, bool> {
        self.stopping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt is over: the run hears of it, now or after another attempt.
    fn ended(&self, attempted: Attempted, outcome: Outcome, running: Running) {
        let run = attempted.run;
        let op = attempted.op;
        let message = match outcome {
            Outcome::Returned(output) => {
                self.count(&attempted, StepOutcome::Succeeded, &running);
                Message::Event { run, event: Event::StepCompleted { op, output } }
            }
            Outcome::Failed(mishap) => self.after_mishap(&attempted, mishap, &running),
            // Its run is over, or the host stops: then it begins at the next start.
            Outcome::NeverBegan => return,
        };
        self.tell(run, Message::Ended { message: Box::new(message), running });
    }

    fn after_mishap(
        &self,
        attempted: &Attempted,
        mishap: retry::Mishap,
        running: &Running,
    ) -> Message {
        let run = attempted.run;
        let op = attempted.op;
        let number = attempted.number;
        let at = self.clock.now();
        let first_at = attempted.first_at.unwrap_or(at);
        let tried = Tried { number, for_ms: at.since_ms(first_at) };
        match self.decide(&attempted.call, tried, mishap.clone()) {
            Decision::GiveUp(failure) => {
                self.count(attempted, StepOutcome::GivenUp, running);
                Message::Event { run, event: Event::StepFailed { op, failure } }
            }
            Decision::Retry { after_ms } => {
                self.count(attempted, StepOutcome::Retried, running);
                let error = mishap.to_string();
                let retry_at = at.plus_ms(after_ms);
                let attempt = Attempt { number, at, error, retry_at, first_at };
                Message::Attempt { run, op, attempt }
            }
        }
    }

    fn count(&self, attempted: &Attempted, outcome: StepOutcome, running: &Running) {
        self.metrics.step_ended(&attempted.workflow, &attempted.call.name, outcome, running.took());
    }

    /// What follows an attempt that did not succeed.
    fn decide(&self, call: &StepCall, tried: Tried, mishap: retry::Mishap) -> Decision {
        let policy = self.runner.policy(call);
        retry::decide(&call.name, &policy, tried, mishap, self.chance.share())
    }

    /// Hands a message to the shard that owns the run. A host that is going down hears nothing
    /// more.
    pub(crate) fn tell(&self, run: RunId, message: Message) {
        if let Some(inboxes) = self.inboxes.get() {
            inboxes.send(run, message);
        }
    }

    /// Has all shards but the one of this watch let guests go.
    pub(crate) fn shed_by_others(&self, of: &Watch) {
        if let Some(inboxes) = self.inboxes.get() {
            inboxes.shed_by_others(of);
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

//! The attempts of steps: one is made, it ends, and the run hears of that now or after another one.

use std::sync::Arc;

use segno_journal::retry::{self, Attempt, Decision, Tried};
use segno_journal::{Event, StepCall, Timestamp};

use crate::engine::inbox::{Message, Said, StepWrite};
use crate::engine::metrics::StepOutcome;
use crate::engine::outside::Outside;
use crate::engine::outside::timers::Due;
use crate::steps::{Go, Hearers, Outcome, Running, StepAttempt};
use crate::store::Committed;

impl Outside {
    /// Starts the next attempt when it is due: it is on disk that the last one failed.
    pub(crate) fn retry(&self, next: StepAttempt, last: &Committed<Attempt>) {
        self.0.timers.arm(last.retry_at, Due::Retry(Box::new(next)));
    }

    /// Makes an attempt at this moment, which lies behind it where it is due: what it follows from was read
    /// from the disk.
    pub(crate) fn attempt_at(&self, at: Timestamp, attempt: StepAttempt) {
        if at > self.now() {
            self.0.timers.arm(at, Due::Retry(Box::new(attempt)));
        } else {
            self.attempt(attempt);
        }
    }

    /// Makes an attempt; unless the host is paused, and then it comes later; or was told to stop, or lacks the step:
    /// then it is left to another host.
    pub(crate) fn attempt(&self, attempt: StepAttempt) {
        let run = attempt.run;
        let op = attempt.op;
        if !self.has_step(&attempt.call.name) {
            return self.0.missing.put(run, op, &attempt.call.name);
        }
        let Some(attempt) = self.0.held_up.passed(attempt) else { return };
        // Until the attempt is in the runner's list: whoever holds back from now on finds it there.
        let stopping = self.0.stopping.lock();
        if *stopping {
            return;
        }
        let outside = self.clone();
        let responding = self.clone();
        let responder = Arc::new(move |request, response: segno::Response| {
            responding.0.waiters.respond(run, request, response_of_step(response));
        });
        let ended =
            move |attempt, outcome, running| outside.attempt_ended(attempt, outcome, running);
        let begins = attempt.losses.map(|_watched| {
            let outside = self.clone();
            let begins = move |go| outside.tell(run, Message::Begins { run, op, go });
            Box::new(begins) as Box<dyn FnOnce(Go) + Send>
        });
        let hearing = self.clone();
        let said = Said::default();
        let heartbeat = move |details| {
            if said.put(details) {
                hearing.tell(run, Message::Heartbeat { run, op, said: said.clone() });
            }
        };
        let (writing, number) = (self.clone(), attempt.number);
        let begun = self.0.clock.now();
        let writes = move |pieces, written| {
            let write = StepWrite { run, op, attempt: number, begun, pieces, written };
            writing.tell(run, Message::Write(Box::new(write)));
        };
        let (heartbeat, writes) = (Box::new(heartbeat), Box::new(writes));
        let hearers = Hearers { begins, heartbeat, writes, ended: Box::new(ended) };
        self.0.runner.start(attempt, begun, responder, hearers);
    }

    /// Whether this host has a step of this name.
    pub(crate) fn has_step(&self, name: &str) -> bool {
        self.0.runner.steps().get(name).is_some()
    }

    /// From now on no attempt begins.
    pub(crate) fn hold_back(&self) {
        *self.0.stopping.lock() = true;
    }

    /// An attempt is over: the run hears of it, now or after another attempt.
    fn attempt_ended(&self, attempt: StepAttempt, outcome: Outcome, running: Running) {
        let run = attempt.run;
        let op = attempt.op;
        let message = match outcome {
            Outcome::Returned(output) => {
                self.count(&attempt, StepOutcome::Succeeded, &running);
                Message::Event { run, event: Event::StepCompleted { op, output } }
            }
            Outcome::Failed(mishap) => self.after_mishap(&attempt, mishap, &running),
            // Its run is over, or the host stops: then it begins at the next start.
            Outcome::NeverBegan => return,
        };
        self.tell(run, Message::Ended { message: Box::new(message), running });
    }

    fn after_mishap(
        &self,
        attempt: &StepAttempt,
        mishap: retry::Mishap,
        running: &Running,
    ) -> Message {
        let run = attempt.run;
        let op = attempt.op;
        let number = attempt.number;
        let at = self.0.clock.now();
        let first_at = attempt.first_at.unwrap_or(at);
        let tried = Tried { number, for_ms: at.since_ms(first_at) };
        match self.decide(&attempt.call, tried, mishap.clone()) {
            Decision::GiveUp(failure) => {
                self.count(attempt, StepOutcome::GivenUp, running);
                Message::Event { run, event: Event::StepFailed { op, failure } }
            }
            Decision::Retry { after_ms } => {
                self.count(attempt, StepOutcome::Retried, running);
                let error = mishap.to_string();
                let retry_at = at.plus_ms(after_ms);
                let attempt = Attempt { number, at, error, retry_at, first_at };
                Message::Attempt { run, op, attempt }
            }
        }
    }

    fn count(&self, attempt: &StepAttempt, outcome: StepOutcome, running: &Running) {
        self.0.metrics.step_ended(&attempt.workflow, &attempt.call.name, outcome, running.took());
    }

    /// What follows an attempt that did not succeed.
    fn decide(&self, call: &StepCall, tried: Tried, mishap: retry::Mishap) -> Decision {
        let policy = self.0.runner.policy(call);
        retry::decide(&call.name, &policy, tried, mishap, self.0.random.share())
    }
}

fn response_of_step(response: segno::Response) -> segno_journal::Response {
    segno_journal::Response {
        status: response.status(),
        headers: response.headers().to_vec(),
        body: response.into_body().into_bytes(),
    }
}

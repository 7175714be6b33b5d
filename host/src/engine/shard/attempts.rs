//! Attempts of steps, as their run sees them: each is on disk before what follows it.

use std::sync::Arc;

use segno_api::RunStatus;
use segno_journal::retry::Attempt;
use segno_journal::{Losses, Op, Open, RunId, StepCall};

use crate::engine::error::EngineError;
use crate::engine::inbox::{Said, Then};
use crate::engine::outside::Owner;
use crate::engine::shard::{Shard, log};
use crate::steps::{Go, StepAttempt};
use crate::store::Draft;

impl Shard {
    /// Commits that an attempt failed; the next one is due when that is on disk.
    pub(super) fn attempt(&mut self, id: RunId, op: Op, attempt: Attempt) {
        let Some(active) = self.runs.get_mut(&id) else { return };
        let Some(Open::Step { call, .. }) = active.run.operation(op) else { return };
        log::attempt_failed(active, op, &call.name, &attempt);
        let losses = self.suspects.set_running(id, op, false);
        let heartbeat = self.heartbeats.get(id, op);
        let next = next_attempt(&active.owner, (op, call), Some(&attempt), losses, heartbeat);
        active.run.remember(op, attempt.clone());
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
    pub(super) fn begins(&mut self, id: RunId, op: Op, go: Go) {
        let Some(losses) = self.suspects.set_running(id, op, true) else { return };
        self.committer.submit(Draft::nothing().with_losses(id, op, losses), move |written| {
            if written.is_ok() {
                go.go();
            }
        });
    }

    /// A step says how far it is. It is kept until the step is over, also over a crash.
    pub(super) fn heartbeat(&mut self, run: RunId, op: Op, said: &Said) {
        let Some(details) = said.take() else { return };
        let active = self.runs.get(&run);
        let is_open = active
            .and_then(|active| active.run.operation(op))
            .is_some_and(|it| it.step().is_some());
        if !is_open {
            return;
        }
        let draft = Draft::nothing().with_heartbeat(run, op, &details);
        self.heartbeats.put(run, op, details.into());
        self.committer.submit(draft, |_written| {});
    }

    /// Forgets what is known of the steps of a run that is over.
    pub(super) fn forget_steps<T>(&mut self, draft: Draft<T>, run: RunId) -> Draft<T> {
        let draft = self.suspects.forget_run(draft, run);
        self.heartbeats.forget_run(draft, run)
    }

    /// Makes the next attempt of a step, unless the step or its run is over.
    pub(super) fn retry(&self, attempt: StepAttempt) {
        let active = self.runs.get(&attempt.run);
        if active.is_some_and(|active| {
            active.run.operation(attempt.op).is_some_and(|open| open.step().is_some())
        }) {
            self.outside.attempt(attempt);
        }
    }

    /// Makes the next attempt of each step of a run that waits for one.
    pub(crate) fn retry_now(&mut self, run: RunId, then: Then) {
        let waiting = self.take_waiting(run);
        if waiting.is_empty() {
            return then.fail(EngineError::NothingToRetry(run));
        }
        waiting.into_iter().for_each(|attempt| self.outside.attempt(attempt));
        then.done(RunStatus::Running);
    }

    /// The attempts of a run that are due later: from now on no timer has them.
    fn take_waiting(&self, run: RunId) -> Vec<StepAttempt> {
        let Some(active) = self.runs.get(&run) else { return Vec::new() };
        let steps = active.run.open().filter(|(_, open)| open.step().is_some());
        let moments = |(op, open): (Op, &Open)| {
            let after_loss =
                self.suspects.get(run, op).map(|losses| losses.due(self.outside.now()));
            [open.due_at(), after_loss].map(|at| at.map(|at| (at, op)))
        };
        let taken = steps
            .flat_map(moments)
            .flatten()
            .filter_map(|(at, op)| self.outside.timers().take(at, run, op));
        taken.map(|attempt| *attempt).collect()
    }
}

/// The next attempt of a step, after the last one that failed.
pub(crate) fn next_attempt(
    owner: &Owner,
    (op, call): (Op, &Arc<StepCall>),
    last: Option<&Attempt>,
    losses: Option<Losses>,
    heartbeat: Option<Arc<str>>,
) -> StepAttempt {
    StepAttempt {
        run: owner.run,
        workflow: Arc::clone(&owner.workflow),
        run_started_at: owner.started_at,
        op,
        call: Arc::clone(call),
        number: last.map_or(1, |last| last.number.saturating_add(1)),
        first_at: last.map(|last| last.first_at),
        losses: losses.map(|losses| losses.count),
        heartbeat,
    }
}

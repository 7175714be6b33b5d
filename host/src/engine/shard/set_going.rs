//! Setting runs going again: what the world owes each is known from its state, and asked for anew.

use std::collections::{BTreeMap, BTreeSet};

use segno_journal::{BlockKind, Blocked, Losses, Op, Open, Owed, RunId};

use crate::engine::inbox::{Asker, Found, Message, Recovery, Then};
use crate::engine::outside::Outside;
use crate::engine::shard::active::Active;
use crate::engine::shard::attempts::next_attempt;
use crate::engine::shard::{Shard, notes, suspects};
use crate::store::{Draft, Standing, Store, StoreError};

/// How many names of steps the log lists.
const NAMED: usize = 20;

impl Shard {
    /// Sets going what the recovered runs wait for. Runs that a limit or a missing module stopped
    /// are tried again: a restart may have mended that.
    pub(crate) fn go_on(&mut self, recovery: &Recovery) {
        self.forget_strangers();
        let mut runs = std::mem::take(&mut self.runs);
        let found = self.go_on_with_all(&mut runs, recovery.has_crashed);
        let count = runs.len();
        self.runs = runs;
        let unread = self
            .runs
            .values()
            .filter(|active| active.unread.is_some())
            .map(|active| active.owner.run);
        unread.collect::<Vec<_>>().into_iter().for_each(|run| self.say_unread(run));
        match found {
            Ok((lost, stopped)) => {
                stopped.into_iter().for_each(|(run, blocked)| self.stop_step(run, blocked));
                if let Some(found) = recovery.went_on(count, lost) {
                    tell(&found, recovery.has_crashed, &self.outside);
                }
            }
            Err(error) => self.committer.give_up(error),
        }
    }

    /// Forgets what is watched of runs that are over: they were ended without their shard, and it did not
    /// hear of that before the host went down.
    fn forget_strangers(&mut self) {
        // Of one whose record cannot be read nobody knows whether it is over.
        let owns = |run| self.runs.contains_key(&run) || self.unreadable.contains_key(&run);
        let watched = self.suspects.strangers(owns);
        let strangers: BTreeSet<_> = watched.chain(self.heartbeats.strangers(owns)).collect();
        for run in strangers {
            let draft = self.forget_steps(Draft::nothing(), run);
            self.committer.submit(draft, |_written| {});
        }
    }

    /// As [`Shard::go_on`]: gives how many attempts were lost, and which runs are to be blocked.
    fn go_on_with_all(
        &mut self,
        runs: &mut BTreeMap<RunId, Box<Active>>,
        has_crashed: bool,
    ) -> Result<(usize, Vec<(RunId, Blocked)>), StoreError> {
        let mut lost = 0;
        let mut stopped = Vec::new();
        for active in runs.values_mut() {
            if active.unread.is_some() {
                continue;
            }
            self.follow_parent(active);
            let told = told_already(&self.store, active)?;
            lost += self.count_losses(active, &told, has_crashed);
            stopped.extend(self.set_going(active, &told));
            self.try_again(active);
        }
        Ok((lost, stopped))
    }

    /// Sets going what a run waits for that was left out until now.
    pub(crate) fn set_going_again(&mut self, id: RunId) -> Result<(), StoreError> {
        let Some(mut active) = self.runs.remove(&id) else { return Ok(()) };
        let told = told_already(&self.store, &active).inspect(|told| {
            // Whoever resumes the run lets its steps be tried.
            self.count_losses(&active, told, false);
            let _stopped = self.set_going(&mut active, told);
            self.follow_parent(&active);
        });
        self.runs.insert(id, active);
        told.map(drop)
    }

    /// A run that a restart may have mended, or of which something is held, is told to go on.
    fn try_again(&self, active: &Active) {
        let run = active.owner.run;
        match &active.record.standing {
            Standing::Blocked(Blocked { kind: BlockKind::Limit | BlockKind::Module, .. }) => {
                let by = Asker::host();
                self.outside
                    .tell(run, Message::Resume { run, module: None, by, then: Then::Nothing });
            }
            Standing::Running if !active.held.is_empty() => {
                self.outside.tell(run, Message::DeliverHeld { run });
            }
            Standing::Blocked(_)
            | Standing::Running
            | Standing::Pending
            | Standing::Paused(_)
            | Standing::Completed(_)
            | Standing::Failed(_)
            | Standing::Cancelled(_) => {}
        }
    }

    /// Counts what was lost in a crash: the attempts of which it is on disk that they had begun. All
    /// that was under way then is watched from now on. After an orderly stop nothing is suspected.
    fn count_losses(&mut self, active: &Active, told: &BTreeSet<Op>, has_crashed: bool) -> usize {
        let run = active.owner.run;
        let now = self.outside.now();
        let mut lost = 0;
        for (op, open) in active.run.open().filter(|(op, _)| !told.contains(op)) {
            let known = self.suspects.get(run, op);
            if open.step().is_none() || (known.is_none() && !has_crashed) {
                continue;
            }
            let before = known.unwrap_or_default();
            let losses = if has_crashed {
                before.after_crash(now)
            } else {
                Losses { running: false, ..before }
            };
            self.suspects.put(run, op, losses);
            if before.running {
                lost += usize::from(has_crashed);
                self.committer.submit(Draft::nothing().with_losses(run, op, losses), |_written| {});
            }
        }
        lost
    }

    /// Sets going what a run waits for; gives the reason to park it, if one of its steps takes the host
    /// with it.
    fn set_going(&self, active: &mut Active, told: &BTreeSet<Op>) -> Option<(RunId, Blocked)> {
        let run = active.owner.run;
        let now = self.outside.now();
        let mut stopped = None;
        let mut retries = Vec::new();
        Self::watch_time(&self.outside, active);
        for (op, open) in active.run.open().filter(|(op, _)| !told.contains(op)) {
            let losses = self.suspects.get(run, op);
            match (open.owed(losses, now), open) {
                (Owed::Attempt { at, last }, Open::Step { call, .. }) => {
                    let heartbeat = self.heartbeats.get(run, op);
                    let next =
                        next_attempt(&active.owner, (op, call), last.as_ref(), losses, heartbeat);
                    self.outside.attempt_at(at, next);
                    retries.extend(last.map(|last| (op, last)));
                }
                (Owed::Stopped, Open::Step { call, .. }) => {
                    stopped = Some((run, suspects::stopped(&call.name, op)));
                }
                (Owed::Wake { at }, _) => self.outside.wake_at(at, run, op),
                (Owed::Claim, Open::Hook(hook)) => {
                    let outside = self.outside.clone();
                    self.committer.submit(Draft::claim(run, &hook.claim(op)), move |claimed| {
                        // Who cannot write has other troubles; the next host asks again.
                        if let Ok(claimed) = claimed {
                            outside.claimed(run, &claimed);
                        }
                    });
                }
                (Owed::Child | Owed::Tell, open) => self.look_after(active, op, open),
                (
                    Owed::Attempt { .. } | Owed::Stopped,
                    Open::Sleep { .. }
                    | Open::Webhook(_)
                    | Open::Hook(_)
                    | Open::Signal(_)
                    | Open::Child(_)
                    | Open::Tell(_)
                    | Open::Compensation(_)
                    | Open::Shield { .. },
                )
                | (
                    Owed::Claim,
                    Open::Step { .. }
                    | Open::Sleep { .. }
                    | Open::Webhook(_)
                    | Open::Signal(_)
                    | Open::Child(_)
                    | Open::Tell(_)
                    | Open::Compensation(_)
                    | Open::Shield { .. },
                )
                | (Owed::Nothing, _) => {}
            }
        }
        // Who forgets a timer knows its moment by the attempt.
        retries.into_iter().for_each(|(op, last)| active.run.remember(op, last));
        stopped
    }

    /// Blocks a run of which a step is not begun any more, unless it is blocked already.
    fn stop_step(&mut self, run: RunId, blocked: Blocked) {
        let Some(active) = self.runs.get(&run).filter(|active| !active.is_held_up()) else {
            return;
        };
        tracing::error!(%run, blocked = ?blocked.message, "a step takes the host with it, and is stopped");
        let note = notes::blocked(active, None, &blocked);
        let draft = self.noted(run, Draft::nothing(), note);
        self.block_with(run, blocked, draft, Then::Nothing);
    }

    /// Tries the steps of a run again that were not begun any more: somebody has resumed it.
    pub(crate) fn begin_stopped(&mut self, run: RunId) {
        let Some(active) = self.runs.get(&run) else { return };
        let stopped = active.run.open().filter_map(|(op, open)| {
            let (call, last) = open.step()?;
            let is_stopped = self.suspects.get(run, op)?.is_stopped();
            let losses = Some(Losses::default());
            let heartbeat = self.heartbeats.get(run, op);
            is_stopped.then(|| next_attempt(&active.owner, (op, call), last, losses, heartbeat))
        });
        for attempt in stopped.collect::<Vec<_>>() {
            let op = attempt.op;
            self.suspects.put(run, op, Losses::default());
            let outside = self.outside.clone();
            let draft = Draft::nothing().with_losses(run, op, Losses::default());
            self.committer.submit(draft, move |written| {
                if written.is_ok() {
                    outside.attempt(attempt);
                }
            });
        }
    }
}

/// The operations whose event is held: they are over, though the run has not heard of it.
fn told_already(store: &Store, active: &Active) -> Result<BTreeSet<Op>, StoreError> {
    if active.held.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut told = BTreeSet::new();
    store.recall(active.owner.run)?.visit_held(|_, held| {
        if held.event.untaken().is_none() {
            told.extend(held.event.op());
        }
    })?;
    Ok(told)
}

/// Says in the log what all shards together have found.
fn tell(found: &Found, after_a_crash: bool, outside: &Outside) {
    let missing = outside.missing_steps();
    let seconds = outside.now().since_ms(found.since) as f64 / 1_000.0;
    let waiting: usize = missing.iter().map(|(_step, waiting)| waiting).sum();
    tracing::info!(
        unfinished_runs = found.runs,
        after_a_crash,
        lost_attempts = found.lost,
        waiting_for_missing_steps = waiting,
        seconds,
        "recovered"
    );
    for (step, waiting) in missing.iter().take(NAMED) {
        tracing::warn!(?step, waiting, "unfinished runs wait for a step that this host lacks");
    }
}

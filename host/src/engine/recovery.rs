//! Going on after a stop or a crash: the state of each unfinished run is folded from its turns, and
//! what the world owes it is set going again. Guests are not made: a run gets one when its next
//! event comes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use segno_journal::retry::Attempt;
use segno_journal::{BlockKind, Blocked, Event, Losses, Op, Open, RunId, StepCall};

use crate::engine::bounds::Bounds;
use crate::engine::comeback::Comeback;
use crate::engine::inbox::{Message, shard_of};
use crate::engine::live::{Live, Unread};
use crate::engine::log;
use crate::engine::notes::{self, Asker};
use crate::engine::outside::Owner;
use crate::engine::reply::Then;
use crate::engine::restore::restore;
use crate::engine::shard::Shard;
use crate::engine::stuck::Stuck;
use crate::engine::timers::Due;
use crate::engine::watched::{self, Watched};
use crate::steps::Attempted;
use crate::store::{Draft, Recalled, Standing, Store, StoreError};

impl Shard {
    /// Takes in the unfinished runs of this shard. Nothing is set going yet: the other shards may
    /// still be counting which modules are needed.
    pub(crate) fn recover(&mut self, shard: usize) -> Result<(), StoreError> {
        let store = self.store.pinned()?;
        let known = store.losses()?.into_iter();
        self.watched =
            Watched::new(known.filter(|(run, ..)| shard_of(*run, self.config.shards) == shard));
        let budget = self.open_budget.clone();
        let config = Arc::clone(&self.config);
        let room = Bounds { limits: &config.limits, budget: &budget };
        for id in store.unfinished()? {
            if shard_of(id, self.config.shards) != shard {
                continue;
            }
            let missing = || StoreError::Record {
                table: "runs".into(),
                detail: format!("that of {id} is missing"),
            };
            let recalled = store.recall(id)?;
            let record = match recalled.record().and_then(|record| record.ok_or_else(missing)) {
                Ok(record) => record,
                // The other runs go on; this one is where it was for whoever mends the record.
                Err(damage @ StoreError::Record { .. }) => {
                    tracing::error!(run = %id, error = %damage, "the run does not go on");
                    self.modules.keep_all();
                    self.unreadable.insert(id, damage);
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.modules.enter_recovered(record.module);
            let live = Live::new(id, record);
            let live = if self.config.park.contains(&id) {
                left_out(live)
            } else {
                restored(&recalled, live, room)?
            };
            self.take_in(id, live);
        }
        Ok(())
    }

    /// Sets going what the recovered runs wait for. Runs that a limit or a missing module stopped
    /// are tried again: a restart may have mended that.
    pub(crate) fn go_on(&mut self, comeback: &Comeback) {
        self.forget_strangers();
        let mut runs = std::mem::take(&mut self.runs);
        let found = self.go_on_with_all(&mut runs, comeback.has_crashed);
        let count = runs.len();
        self.runs = runs;
        let unread =
            self.runs.values().filter(|live| live.unread.is_some()).map(|live| live.owner.run);
        unread.collect::<Vec<_>>().into_iter().for_each(|run| self.say_unread(run));
        match found {
            Ok((lost, stopped)) => {
                stopped.into_iter().for_each(|(run, blocked)| self.stop_step(run, blocked));
                comeback.went_on(count, lost, &self.outside);
            }
            Err(error) => self.committer.give_up(error),
        }
    }

    /// Writes why a run that was not read is blocked: lists shall say what the run itself
    /// says, and its history when that was found.
    fn say_unread(&mut self, id: RunId) {
        let Some(live) = self.runs.get(&id) else { return };
        let (record, Standing::Blocked(blocked)) = (live.record.clone(), &live.record.standing)
        else {
            return;
        };
        let note = notes::blocked(live, None, blocked);
        let draft = Draft::nothing().with_run(id, &record);
        let draft = match self.store.run(id) {
            Ok(Some(known)) if known.standing != record.standing => self.noted(id, draft, note),
            _ => draft,
        };
        self.committer.submit(draft, |_written| {});
    }

    /// Forgets what is watched of runs that are over: they were ended without their shard, and it did not
    /// hear of that before the host went down.
    fn forget_strangers(&mut self) {
        let strangers = self.watched.strangers(|run| self.runs.contains_key(&run));
        for run in strangers {
            let draft = self.watched.forget_run(Draft::nothing(), run);
            self.committer.submit(draft, |_written| {});
        }
    }

    /// As [`Shard::go_on`]: gives how many attempts were lost, and which runs are to be parked.
    fn go_on_with_all(
        &mut self,
        runs: &mut BTreeMap<RunId, Box<Live>>,
        has_crashed: bool,
    ) -> Result<(usize, Vec<(RunId, Blocked)>), StoreError> {
        let mut lost = 0;
        let mut stopped = Vec::new();
        for live in runs.values_mut() {
            if live.unread.is_some() {
                continue;
            }
            let told = told_already(&self.store, live)?;
            lost += self.count_losses(live, &told, has_crashed);
            stopped.extend(self.set_going(live, &told));
            self.try_again(live);
        }
        Ok((lost, stopped))
    }

    /// Sets going what a run waits for that was left out until now.
    pub(crate) fn set_going_again(&mut self, id: RunId) -> Result<(), StoreError> {
        let Some(mut live) = self.runs.remove(&id) else { return Ok(()) };
        let told = told_already(&self.store, &live).inspect(|told| {
            // Whoever resumes the run lets its steps be tried.
            self.count_losses(&live, told, false);
            let _stopped = self.set_going(&mut live, told);
        });
        self.runs.insert(id, live);
        told.map(drop)
    }

    /// A run that a restart may have mended, or of which something lies parked, is told to go on.
    fn try_again(&self, live: &Live) {
        let run = live.owner.run;
        match &live.record.standing {
            Standing::Blocked(Blocked { kind: BlockKind::Limit | BlockKind::Module, .. }) => {
                let by = Asker::host();
                self.outside
                    .tell(run, Message::Resume { run, module: None, by, then: Then::Nothing });
            }
            Standing::Running if !live.parked.is_empty() => {
                self.outside.tell(run, Message::Unpark { run });
            }
            _ => {}
        }
    }

    /// Counts what was lost in a crash: the attempts of which it is on disk that they had begun. All
    /// that was under way then is watched from now on. After an orderly stop nothing is suspected.
    fn count_losses(&mut self, live: &Live, told: &BTreeSet<Op>, has_crashed: bool) -> usize {
        let run = live.owner.run;
        let now = self.outside.now();
        let mut lost = 0;
        for (op, open) in live.run.open().filter(|(op, _)| !told.contains(op)) {
            let known = self.watched.get(run, op);
            if !matches!(open, Open::Step { .. }) || (known.is_none() && !has_crashed) {
                continue;
            }
            let before = known.unwrap_or_default();
            let losses = if has_crashed {
                before.after_crash(now)
            } else {
                Losses { running: false, ..before }
            };
            self.watched.put(run, op, losses);
            if before.running {
                lost += usize::from(has_crashed);
                self.committer.submit(Draft::nothing().with_losses(run, op, losses), |_written| {});
            }
        }
        lost
    }

    /// Sets going what a run waits for; gives the reason to park it, if one of its steps takes the host
    /// with it.
    fn set_going(&self, live: &mut Live, told: &BTreeSet<Op>) -> Option<(RunId, Blocked)> {
        let run = live.owner.run;
        let now = self.outside.now();
        let mut stopped = None;
        let mut retries = Vec::new();
        for (op, open) in live.run.open().filter(|(op, _)| !told.contains(op)) {
            match open {
                Open::Step { call, last_attempt } => {
                    let losses = self.watched.get(run, op);
                    if losses.is_some_and(Losses::is_stopped) {
                        stopped = Some((run, watched::stopped(&call.name, op)));
                        continue;
                    }
                    let last = last_attempt
                        .as_deref()
                        .map(|last| Attempt { retry_at: last.due(now), ..last.clone() });
                    let attempted = next_attempt(&live.owner, (op, call), last.as_ref(), losses);
                    let due = last.as_ref().map_or(now, |last| last.retry_at);
                    let due = losses.map_or(due, |losses| losses.due(now).max(due));
                    if due > now {
                        self.outside.timers.arm(due, Due::Retry(Box::new(attempted)));
                    } else {
                        self.outside.attempt(attempted);
                    }
                    retries.extend(last.map(|last| (op, last)));
                }
                Open::Sleep { until, .. } => self.outside.timers.arm(*until, Due::Wake(run, op)),
                Open::Webhook(_) => {}
            }
        }
        // Who forgets a timer knows its moment by the attempt.
        retries.into_iter().for_each(|(op, last)| live.run.remember(op, last));
        stopped
    }

    /// Parks a run of which a step is not begun any more, unless it is parked already.
    fn stop_step(&mut self, run: RunId, blocked: Blocked) {
        let Some(live) = self.runs.get(&run).filter(|live| !live.is_blocked()) else { return };
        tracing::error!(%run, blocked = ?blocked.message, "a step takes the host with it, and is stopped");
        let note = notes::blocked(live, None, &blocked);
        let draft = self.noted(run, Draft::nothing(), note);
        self.block_with(run, blocked, draft, Then::Nothing);
    }

    /// Tries the steps of a run again that were not begun any more: somebody has resumed it.
    pub(crate) fn begin_stopped(&mut self, run: RunId) {
        let Some(live) = self.runs.get(&run) else { return };
        let stopped = live.run.open().filter_map(|(op, open)| match open {
            Open::Step { call, last_attempt } if self.watched.get(run, op)?.is_stopped() => {
                let losses = Some(Losses::default());
                Some(next_attempt(&live.owner, (op, call), last_attempt.as_deref(), losses))
            }
            _ => None,
        });
        for attempted in stopped.collect::<Vec<_>>() {
            let op = attempted.op;
            self.watched.put(run, op, Losses::default());
            let outside = self.outside.clone();
            let draft = Draft::nothing().with_losses(run, op, Losses::default());
            self.committer.submit(draft, move |written| {
                if written.is_ok() {
                    outside.attempt(attempted);
                }
            });
        }
    }
}

/// The next attempt of a step, after the last one that failed.
pub(crate) fn next_attempt(
    owner: &Owner,
    (op, call): (Op, &Arc<StepCall>),
    last: Option<&Attempt>,
    losses: Option<Losses>,
) -> Attempted {
    Attempted {
        run: owner.run,
        workflow: Arc::clone(&owner.workflow),
        op,
        call: Arc::clone(call),
        number: last.map_or(1, |last| last.number.saturating_add(1)),
        first_at: last.map(|last| last.first_at),
        losses: losses.map(|losses| losses.count),
    }
}

/// A run as it was. One whose journal cannot be read is parked with the reason: it must not keep
/// the others from going on.
fn restored(recalled: &Recalled, mut live: Live, room: Bounds<'_>) -> Result<Live, StoreError> {
    if matches!(live.record.standing, Standing::Blocked(Blocked { kind: BlockKind::Parked, .. })) {
        return Ok(left_out(live));
    }
    let (blocked, unread) = match restore(recalled, &mut live, room) {
        Ok(()) => return Ok(live),
        Err(Stuck::Store(damage @ StoreError::Record { .. })) => {
            let message = damage.to_string();
            (Blocked { kind: BlockKind::Journal, message }, Unread::Damaged(damage))
        }
        Err(Stuck::Store(error)) => return Err(error),
        // The host must not die of it.
        Err(Stuck::Blocked(blocked)) => (blocked, Unread::Left),
        Err(Stuck::NoRoom(message)) => (Blocked { kind: BlockKind::Limit, message }, Unread::Left),
    };
    log::blocked(&live, blocked.kind);
    live.record.standing = Standing::Blocked(blocked);
    live.unread = Some(Box::new(unread));
    Ok(live)
}

/// A run that is left out of this host: none of it is read, and nothing of it is set going.
fn left_out(mut live: Live) -> Live {
    tracing::warn!(run = %live.owner.run, "the run is left out, as it was asked for with --park");
    let message = "whoever runs the host left the run out with --park; `resume` lets it go on";
    live.record.standing =
        Standing::Blocked(Blocked { kind: BlockKind::Parked, message: message.to_owned() });
    live.unread = Some(Box::new(Unread::Left));
    live
}

/// The operations whose event lies parked: they are over, though the run has not heard of it.
fn told_already(store: &Store, live: &Live) -> Result<BTreeSet<Op>, StoreError> {
    if live.parked.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut told = BTreeSet::new();
    store.recall(live.owner.run)?.visit_parked(|_, parked| {
        if !matches!(parked.event, Event::Requested { .. }) {
            told.extend(parked.event.op());
        }
    })?;
    Ok(told)
}

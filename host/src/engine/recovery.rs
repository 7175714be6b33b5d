//! Going on after a stop or a crash: the state of each unfinished run is folded from its turns, and
//! what the world owes it is set going again. Guests are not made: a run gets one when its next
//! event comes.

use std::collections::BTreeSet;

use segno_journal::retry::{Attempt, Decision, LOST, Mishap};
use segno_journal::{BlockKind, Blocked, Event, Op, Open, RunId, Timestamp};

use crate::engine::inbox::{Message, shard_of};
use crate::engine::live::Live;
use crate::engine::log;
use crate::engine::notes::{self, Asker};
use crate::engine::outside::Outside;
use crate::engine::reply::Then;
use crate::engine::restore::restore;
use crate::engine::shard::Shard;
use crate::engine::timers::Due;
use crate::steps::Attempted;
use crate::store::{Draft, Standing, Store, StoreError};

impl Shard {
    /// Takes in the unfinished runs of this shard. Nothing is set going yet: the other shards may
    /// still be counting which modules are needed.
    pub(crate) fn recover(&mut self, shard: usize) -> Result<(), StoreError> {
        let store = self.store.pinned()?;
        for id in store.unfinished()? {
            if shard_of(id, self.config.shards) != shard {
                continue;
            }
            let missing =
                || StoreError::Record { table: "runs".into(), detail: format!("that of {id} is missing") };
            let record = match store.run(id).and_then(|record| record.ok_or_else(missing)) {
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
            self.take_in(id, restored(&store, Live::new(id, record))?);
        }
        Ok(())
    }

    /// Sets going what the recovered runs wait for. Runs that a limit or a missing module stopped
    /// are tried again: a restart may have mended that.
    pub(crate) fn go_on(&mut self, stopped_at: Option<Timestamp>) {
        let mut damaged = Vec::new();
        for live in self.runs.values() {
            let id = live.owner.run;
            if live.damage.is_some() {
                damaged.push(id);
                continue;
            }
            let told = match told_already(&self.store, live) {
                Ok(told) => told,
                Err(error) => return self.committer.give_up(error),
            };
            set_going(&self.outside, live, &told, stopped_at);
            match &live.record.standing {
                Standing::Blocked(Blocked { kind: BlockKind::Limit | BlockKind::Module, .. }) => {
                    let (by, then) = (Asker::host(), Then::Nothing);
                    self.outside.tell(id, Message::Resume { run: id, module: None, by, then });
                }
                Standing::Running if !live.parked.is_empty() => {
                    self.outside.tell(id, Message::Unpark { run: id });
                }
                _ => {}
            }
        }
        damaged.into_iter().for_each(|id| self.say_damaged(id));
    }

    /// Writes why a run whose journal cannot be read is blocked: lists shall say what the run itself
    /// says, and its history when that was found.
    fn say_damaged(&mut self, id: RunId) {
        let Some(live) = self.runs.get(&id) else { return };
        let (record, Standing::Blocked(blocked)) = (live.record.clone(), &live.record.standing) else {
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
}

/// A run as it was. One whose journal cannot be read is parked with the reason: it must not keep
/// the others from going on.
fn restored(store: &Store, mut live: Live) -> Result<Live, StoreError> {
    match restore(store, &mut live) {
        Ok(()) => {}
        Err(damage @ StoreError::Record { .. }) => {
            let message = damage.to_string();
            log::blocked(&live, BlockKind::Journal);
            live.record.standing = Standing::Blocked(Blocked { kind: BlockKind::Journal, message });
            live.damage = Some(Box::new(damage));
        }
        Err(error) => return Err(error),
    }
    Ok(live)
}

/// The operations whose event lies parked: they are over, though the run has not heard of it.
fn told_already(store: &Store, live: &Live) -> Result<BTreeSet<Op>, StoreError> {
    if live.parked.is_empty() {
        return Ok(BTreeSet::new());
    }
    let parked = store.parked(live.owner.run)?;
    let over = parked.iter().filter(|(_, parked)| !matches!(parked.event, Event::Requested { .. }));
    Ok(over.filter_map(|(_, parked)| parked.event.op()).collect())
}

fn set_going(outside: &Outside, live: &Live, told: &BTreeSet<Op>, stopped_at: Option<Timestamp>) {
    let run = live.owner.run;
    for (op, open) in live.run.open().filter(|(op, _)| !told.contains(op)) {
        match open {
            Open::Step { call, last_attempt } => {
                let number = last_attempt.as_ref().map_or(1, |last| last.number.saturating_add(1));
                let workflow = live.owner.workflow.clone();
                let mut attempted = Attempted { run, workflow, op, call: call.clone(), number };
                match last_attempt.as_deref().filter(|last| never_began(last, outside.now(), stopped_at)) {
                    waits if !outside.has_step(&call.name) => {
                        attempted.number += u32::from(waits.is_none());
                        outside.leave_to_another_host(attempted);
                    }
                    Some(last) => outside.timers.arm(last.retry_at, Due::Retry(Box::new(attempted))),
                    // It was running, or about to: nothing was written when it began, so it counts,
                    // lest a step that kills the host be tried for ever.
                    None => outside.tell(run, lost(outside, run, op, call, number)),
                }
            }
            Open::Sleep { until, .. } => outside.timers.arm(*until, Due::Wake(run, op)),
            Open::Webhook(_) => {}
        }
    }
}

/// Whether the attempt after this one had not begun when the host went down: it was not yet due, or
/// the host was stopped in an orderly way before it was.
fn never_began(last: &Attempt, now: Timestamp, stopped_at: Option<Timestamp>) -> bool {
    last.retry_at > now || stopped_at.is_some_and(|stopped_at| last.retry_at > stopped_at)
}

/// What follows an attempt that the host did not survive.
fn lost(outside: &Outside, run: RunId, op: Op, call: &segno_journal::StepCall, number: u32) -> Message {
    match outside.decide(call, number, Mishap::Lost) {
        Decision::GiveUp(failure) => Message::Event { run, event: Event::StepFailed { op, failure } },
        Decision::Retry { after_ms } => {
            let at = outside.now();
            let attempt = Attempt { number, at, error: LOST.to_owned(), retry_at: at.plus_ms(after_ms) };
            Message::Attempt { run, op, attempt }
        }
    }
}

//! Going on after a stop or a crash: the state of each unfinished run is folded from its turns, and
//! what the world owes it is set going again. Guests are not made: a run gets one when its next
//! event comes.

use std::collections::BTreeSet;

use segno_journal::retry::{Attempt, Decision, LOST, Mishap};
use segno_journal::{BlockKind, Blocked, Event, Op, Open, RunId};

use crate::engine::inbox::{Message, shard_of};
use crate::engine::outside::Outside;
use crate::engine::replay;
use crate::engine::shard::{Live, Shard};
use crate::engine::timers::Due;
use crate::steps::Attempted;
use crate::store::{Standing, Store, StoreError};

impl Shard {
    /// Takes in the unfinished runs of this shard.
    pub(crate) fn recover(&mut self, shard: usize) -> Result<(), StoreError> {
        for id in self.store.unfinished()? {
            if shard_of(id, self.config.shards) != shard {
                continue;
            }
            let Some(record) = self.store.run(id)? else { continue };
            self.modules.enter(record.module);
            let live = restored(&self.store, Live::new(id, record))?;
            self.runs.insert(id, live);
        }
        Ok(())
    }

    /// Sets going what the recovered runs wait for. Runs that were parked are tried once: what
    /// stopped them may have been mended by the restart, as a raised limit is.
    pub(crate) fn go_on(&mut self) -> Result<(), StoreError> {
        let ids: Vec<_> = self.runs.keys().copied().collect();
        for id in ids {
            let told = told_already(&self.store, id)?;
            set_going(&self.outside, &self.runs[&id], &told);
            if self.runs[&id].is_blocked() {
                self.resume(id, None, crate::engine::reply::Then::Nothing);
            }
        }
        Ok(())
    }
}

/// A run as it was. One whose journal cannot be read is parked with the reason: it must not keep
/// the others from going on.
fn restored(store: &Store, mut live: Live) -> Result<Live, StoreError> {
    match replay::restore(store, &mut live) {
        Ok(()) => {}
        Err(StoreError::Record { table, detail }) => {
            let message = format!("its journal cannot be read (table `{table}`): {detail}");
            tracing::error!(run = %live.owner.run, message, "the run is blocked");
            live.record.standing = Standing::Blocked(Blocked { kind: BlockKind::Journal, message });
        }
        Err(error) => return Err(error),
    }
    Ok(live)
}

/// The operations whose event lies parked: they are over, though the run has not heard of it.
fn told_already(store: &Store, id: RunId) -> Result<BTreeSet<Op>, StoreError> {
    let parked = store.parked(id)?;
    let over = parked.iter().filter(|(_, parked)| !matches!(parked.event, Event::Requested { .. }));
    Ok(over.filter_map(|(_, parked)| parked.event.op()).collect())
}

fn set_going(outside: &Outside, live: &Live, told: &BTreeSet<Op>) {
    for (op, open) in live.run.open().filter(|(op, _)| !told.contains(op)) {
        match open {
            Open::Step { call, last_attempt } => {
                let message = match last_attempt {
                    Some(last) if last.retry_at > outside.now() => {
                        let (run, workflow) = (live.owner.run, live.owner.workflow.clone());
                        let number = last.number.saturating_add(1);
                        let attempted = Attempted { run, workflow, op, call: call.clone(), number };
                        outside.timers.arm(last.retry_at, Due::Retry(attempted));
                        continue;
                    }
                    // The attempt was running, or about to: nothing was written when it began, so
                    // it counts, lest a step that kills the host be tried for ever.
                    last => {
                        let number = last.as_ref().map_or(1, |last| last.number.saturating_add(1));
                        lost(outside, live.owner.run, op, call, number)
                    }
                };
                outside.tell(live.owner.run, message);
            }
            Open::Sleep { until, .. } => outside.timers.arm(*until, Due::Wake(live.owner.run, op)),
            Open::Webhook { .. } => {}
        }
    }
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

//! Why a run that has not ended does not go on, in a few words: what a list of runs shows of each.

use segno::Steps;
use segno_api::{SHOWN, Trouble, Wait, Why, printable, when};
use segno_journal::retry::Attempt;
use segno_journal::{Blocked, Losses, Op, Open};

use crate::engine::shard::active::Active;
use crate::engine::shard::waits;
use crate::store::Standing;

/// How many attempts of a step have failed when it fails again and again: one or two are everyday.
pub(crate) const AGAIN_AND_AGAIN: u32 = 3;

/// How many operations of a run are looked at: a list must not walk through all that a run may wait for.
const LOOKED_AT: usize = 1_000;

/// Why a run does not go on: of all that it waits for, what most needs somebody's eye. The text is yet
/// to be written.
pub(crate) fn why(active: &Active, steps: &Steps) -> Why {
    let mut why = Why { waits: active.run.waits(), ..Why::default() };
    if let Standing::Blocked(Blocked { kind, message }) = &active.record.standing {
        (why.trouble, why.kind, why.reason) =
            (Some(Trouble::Blocked), Some(*kind), Some(printable(message, SHOWN)));
        return why;
    }
    if let Some((since, reason)) = held_up(active) {
        (why.since, why.reason) = (since, Some(reason));
        return why;
    }
    let Some((op, open)) = most_telling(active, steps) else { return why };
    why.trouble = trouble(open, steps);
    let wait = waits::wait((active.owner.run, op), open, Losses::default(), (steps, &active.run));
    let Some(mut wait) = wait else { return why };
    if let Wait::Step { last_error: Some(error), .. } = &mut wait {
        *error = printable(error, SHOWN);
    }
    (why.since, why.wait) = (Some(wait.since()), Some(wait));
    why
}

/// Since when a run is held up that is not blocked, and how.
fn held_up(active: &Active) -> Option<(Option<jiff::Timestamp>, String)> {
    match active.record.standing {
        Standing::Paused(at) => Some((Some(when(at)), "paused".to_owned())),
        Standing::Pending => {
            let at =
                active.record.begins_at.map_or_else(String::new, |at| format!("{:.0}", when(at)));
            Some((None, format!("begins at {at}")))
        }
        Standing::Running
        | Standing::Blocked(_)
        | Standing::Completed(_)
        | Standing::Failed(_)
        | Standing::Cancelled(_) => None,
    }
}

/// Of the things that a run waits for, the one that is most in trouble; the first of several.
fn most_telling<'a>(active: &'a Active, steps: &Steps) -> Option<(Op, &'a Open)> {
    let mut telling = None;
    let mut highest = None;
    let waited_for = active.run.open().filter(|(_, open)| !open.is_of_the_end());
    for (op, open) in waited_for.take(LOOKED_AT) {
        let rank = match open {
            Open::Step { call, .. } if steps.get(&call.name).is_none() => (3, 0),
            Open::Step { last_attempt, .. } => (2, failures(last_attempt)),
            Open::Sleep { .. } => (1, 0),
            Open::Webhook(_) | Open::Hook(_) | Open::Signal(_) | Open::Child(_) | Open::Tell(_) => {
                (u8::from(!open.is_disposed()), 0)
            }
            Open::Compensation(_) | Open::Shield { .. } => continue,
        };
        if highest.is_none_or(|highest| rank > highest) {
            (telling, highest) = (Some((op, open)), Some(rank));
        }
    }
    telling
}

fn trouble(open: &Open, steps: &Steps) -> Option<Trouble> {
    match open {
        Open::Step { call, .. } if steps.get(&call.name).is_none() => Some(Trouble::MissingStep),
        Open::Step { last_attempt, .. } => {
            (failures(last_attempt) >= AGAIN_AND_AGAIN).then_some(Trouble::Failing)
        }
        Open::Sleep { .. }
        | Open::Webhook(_)
        | Open::Hook(_)
        | Open::Signal(_)
        | Open::Child(_)
        | Open::Tell(_)
        | Open::Compensation(_)
        | Open::Shield { .. } => None,
    }
}

fn failures(last_attempt: &Option<Box<Attempt>>) -> u32 {
    last_attempt.as_ref().map_or(0, |last| last.number)
}

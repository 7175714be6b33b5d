//! What the operator's log says of runs: one line for each thing that went wrong or that somebody did.
//!
//! Names and errors come from guests, steps and callers. They are fields, which the log escapes, and
//! shortened. An error may hold what the run was given, secrets and all, so its text is logged for
//! those only who ask for `debug`; the warning says where it can be read.

use segno_api::printable;
use segno_journal::retry::Attempt;
use segno_journal::{BlockKind, Digest, Event, Op, Turn};

use crate::engine::inbox::Asker;
use crate::engine::shard::active::Active;
use crate::engine::shard::why::AGAIN_AND_AGAIN;
use crate::name::name;

/// How much of an error is logged, in characters.
const LOGGED: usize = 200;

/// A line about a run: which one, of which workflow, on which module.
macro_rules! say {
    ($level:ident, $active:expr, $($rest:tt)*) => {
        tracing::$level!(
            run = %$active.owner.run,
            workflow = &*$active.owner.workflow,
            module = %$active.record.module,
            $($rest)*
        )
    };
}

/// An attempt of a step has failed, and the step is tried again.
pub(crate) fn attempt_failed(active: &Active, op: Op, step: &str, attempt: &Attempt) {
    let number = attempt.number;
    let error = printable(&attempt.error, LOGGED);
    say!(debug, active, step, op = op.0, attempt = number, error, "an attempt of a step failed");
    if number >= AGAIN_AND_AGAIN {
        say!(
            warn,
            active,
            step,
            op = op.0,
            attempt = number,
            "a step fails again and again; `{} run {}` says why",
            name(),
            active.owner.run
        );
    }
}

/// A run has had a turn: what of it somebody should know.
pub(crate) fn turn(active: &Active, turn: &Turn) {
    let run = active.owner.run;
    if let Event::StepFailed { op, failure } = &turn.event {
        let step = &*failure.step;
        let attempts = failure.attempts;
        let error = printable(&failure.message, LOGGED);
        say!(debug, active, step, op = op.0, error, "why the step was given up");
        say!(
            warn,
            active,
            step,
            op = op.0,
            attempts,
            "a step was given up; `{} run {run}` says why",
            name()
        );
    }
    if let Some((message, kind, place)) = turn.verdict.failure() {
        let [error, kind, place] = [message, kind.unwrap_or_default(), place.unwrap_or_default()]
            .map(|text| printable(text, LOGGED));
        say!(debug, active, error, kind, place, "why the run failed");
        say!(warn, active, "the run failed; `{} run {run}` says why", name());
    }
}

/// A run is blocked.
pub(crate) fn blocked(active: &Active, kind: BlockKind) {
    say!(warn, active, %kind, "the run is blocked; `{} run {}` says why", name(), active.owner.run);
}

/// Somebody holds a run up.
pub(crate) fn paused(active: &Active, by: &Asker) {
    say!(info, active, by = by.name(), "the run was paused");
}

/// Somebody let a run go on.
pub(crate) fn resumed(active: &Active, by: &Asker) {
    say!(info, active, by = by.name(), "the run was resumed");
}

/// Somebody moved a run from another module to its own.
pub(crate) fn moved(active: &Active, from: Digest, by: &Asker) {
    say!(info, active, by = by.name(), %from, "the run was moved to another module");
}

/// Somebody tries a failed run again.
pub(crate) fn tried_again(active: &Active, by: &Asker) {
    say!(info, active, by = by.name(), "the run is tried again");
}

/// A run is a fork of another one, and goes on by itself.
pub(crate) fn forked(active: &Active) {
    let from = active.record.forked.as_ref().map(|lineage| (lineage.from, lineage.turn));
    if let Some((from, turn)) = from {
        say!(info, active, %from, turn, "the run was forked from another one");
    }
}

/// Somebody cancelled a run.
pub(crate) fn cancelled(active: &Active, by: &Asker) {
    say!(info, active, by = by.name(), "the run was cancelled");
}

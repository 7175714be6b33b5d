//! What a run undoes when it fails or is cancelled, read off its journal.

use std::collections::BTreeSet;

use segno_journal::{Command, Event, Op, RunId, Turn, Verdict};

use crate::simulation::tally::Endings;

/// What is counted of the end of a run.
pub(crate) fn count(turns: &[Turn]) -> Endings {
    let told = turns.iter().any(|turn| matches!(turn.event, Event::Cancelling { .. }));
    let late = turns.iter().any(|turn| matches!(turn.event, Event::Expired { .. }));
    let commands = turns.iter().flat_map(|turn| &turn.commands);
    let undone = commands.filter(|command| matches!(command, Command::Undone { .. })).count();
    Endings { told: told.into(), late: late.into(), undone: undone as u64 }
}

/// How the workflow of a run came to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Of itself, in the last of its turns.
    Own,
    /// It returned this error, and undid what it had registered.
    Unwound(String),
    /// It was told to end, and what it was amid came to its end.
    Told,
}

/// How the workflow of a run ended, and the turns in which it did something of its own. What it had registered is
/// undone then, last first and each once, unless the run was ended from outside.
pub(crate) fn look(run: RunId, turns: &[Turn]) -> (End, &[Turn]) {
    let told = turns.iter().position(|turn| matches!(turn.event, Event::Cancelling { .. }));
    let unwinds = turns.iter().position(Turn::unwinds);
    look_at_compensations(run, turns);
    match (unwinds, told) {
        (Some(at), told) if told.is_none_or(|told| told > at) => {
            let error = turns[at].commands.iter().find_map(|command| match command {
                Command::Unwind { error } => error.clone(),
                _ => None,
            });
            (End::Unwound(error.expect("nobody told it to end")), &turns[..=at])
        }
        (_, Some(at)) => (End::Told, &turns[..at]),
        (_, None) => (End::Own, turns),
    }
}

fn look_at_compensations(run: RunId, turns: &[Turn]) {
    let mut registered: Vec<Op> = Vec::new();
    let mut begun = None;
    let mut over = BTreeSet::new();
    for turn in turns {
        for (command, op) in with_operations(turn) {
            match command {
                Command::Compensation { .. } => registered.push(op),
                Command::Keep { compensation } => registered.retain(|op| op != compensation),
                Command::Undo { compensation } => {
                    assert_eq!(registered.pop(), Some(*compensation), "{run}: not the last");
                    assert_eq!(begun.replace(*compensation), None, "{run}: two at once");
                }
                Command::Undone { compensation, .. } => {
                    assert_eq!(begun.take(), Some(*compensation), "{run}: it had not begun");
                    assert!(over.insert(*compensation), "{run}: undone twice");
                }
                _ => {}
            }
        }
    }
    let Some(last) = turns.last() else { return };
    let was_ended = last.event.ends().is_some();
    let undoes_all =
        matches!(last.verdict, Verdict::Cancelled | Verdict::Failed(_) | Verdict::FailedAt(_));
    if undoes_all && !was_ended {
        assert!(begun.is_none() && registered.is_empty(), "{run}: {registered:?} is not undone");
    }
}

/// The commands of a turn, each with the number that an operation has which it begins.
fn with_operations(turn: &Turn) -> impl Iterator<Item = (&Command, Op)> {
    turn.commands.iter().scan(turn.first_op.0, |next, command| {
        let op = Op(*next);
        *next += u64::from(command.starts_operation());
        Some((command, op))
    })
}

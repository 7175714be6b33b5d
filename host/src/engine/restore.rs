//! Bringing the state of a run back from the store: from its newest image and the turns behind it,
//! or by folding all its turns. No guest is made for it.

use std::ops::ControlFlow;

use segno_journal::{Open, Run, RunId};

use crate::engine::images::Images;
use crate::engine::live::{Live, ParkedLine};
use crate::store::{Store, StoreError};

/// Brings the state of a run back: that of its turns, the last attempts of its open steps, and where
/// the line of its parked events ends.
pub(crate) fn restore(store: &Store, live: &mut Live) -> Result<(), StoreError> {
    let id = live.owner.run;
    let images = store.images(id)?;
    let positions: Vec<_> = images.iter().map(|(position, _)| *position).collect();
    let first_turn = store.first_turn_after(id, 0)?.unwrap_or(1);
    let from_image = images.into_iter().find_map(|(position, image)| {
        let image = image.ok().filter(|image| image.run.turns() == position)?;
        let run = fold(store, id, image.run).ok()?;
        Some((run, image.at))
    });
    let (mut run, at) = match from_image {
        Some((run, at)) => (run, at),
        None => (fold(store, id, Run::new())?, live.record.started_at),
    };
    let steps: Vec<_> = run.open().filter(|(_, open)| matches!(open, Open::Step { .. })).collect();
    let steps: Vec<_> = steps.into_iter().map(|(op, _)| op).collect();
    for op in steps {
        if let Some(attempt) = store.last_attempt(id, op)? {
            run.remember(op, attempt);
        }
    }
    live.parked = ParkedLine::of(&store.parked(id)?);
    live.images = Images::found(&positions, first_turn, run.turns());
    live.last_at = live.last_at.max(at);
    if let Some(last) = store.last_turn(id)? {
        live.last_at = live.last_at.max(last.at);
    }
    live.run = run;
    Ok(())
}

/// The state of a run, from an earlier one and the turns since.
fn fold(store: &Store, id: RunId, run: Run) -> Result<Run, StoreError> {
    let from = run.turns();
    let damaged =
        |detail: String| StoreError::Record { table: "turns".into(), detail: format!("{id}: {detail}") };
    if let Some(last) = from.checked_sub(1)
        && !store.has_turn(id, last)?
    {
        return Err(damaged(format!("turn {last} is missing")));
    }
    let mut folded = Ok(run);
    store.visit_turns(id, from, |turn| {
        folded = std::mem::replace(&mut folded, Ok(Run::new())).and_then(|run| {
            run.apply(&turn).map(|(run, _effects)| run).map_err(|fault| damaged(fault.to_string()))
        });
        if folded.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    folded
}

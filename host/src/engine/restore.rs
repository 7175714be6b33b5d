//! Bringing the state of a run back from the store: from its newest image and the turns behind it,
//! or by folding all its turns. No guest is made for it.

use std::ops::ControlFlow;

use segno_journal::{Open, Run, Timestamp};

use crate::engine::bounds::Bounds;
use crate::engine::images::Images;
use crate::engine::live::{Live, ParkedLine};
use crate::engine::stuck::Stuck;
use crate::store::{Recalled, StoreError};

/// Brings the state of a run back: that of its turns, the last attempts of its open steps, and where
/// the line of its parked events ends. A run that has more open than there is room for stays as it
/// was before it had a turn.
pub(crate) fn restore(recalled: &Recalled, live: &mut Live, room: Bounds<'_>) -> Result<(), Stuck> {
    let images = recalled.images()?;
    let positions: Vec<_> = images.iter().map(|(position, _)| *position).collect();
    let from_image = images.into_iter().find_map(|(position, image)| {
        let image = image.ok().filter(|image| image.run.turns() == position)?;
        match fold(recalled, (image.run, image.at), room) {
            Err(Stuck::Store(_)) => None,
            folded => Some(folded),
        }
    });
    let folded = from_image.unwrap_or_else(|| {
        let folded = fold(recalled, (Run::new(), live.record.started_at), room);
        folded.or_else(|stuck| match stuck {
            Stuck::Store(error) => cut(recalled, error).map_err(Stuck::from),
            stuck => Err(stuck),
        })
    });
    live.run = Run::new();
    let (mut run, at) = folded?;
    // Turns are forgotten only behind images.
    let first_turn = if positions.is_empty() { None } else { recalled.first_turn()? };
    let steps = run.open().filter(|(_, open)| matches!(open, Open::Step { .. })).map(|(op, _)| op);
    for (op, attempt) in recalled.last_attempts(steps)? {
        run.remember(op, attempt);
    }
    live.parked = ParkedLine::read(recalled)?;
    live.images = Images::found(&positions, first_turn.unwrap_or(1), run.turns());
    live.last_at = live.last_at.max(at);
    live.run = run;
    let fits = room.keep(live);
    if fits.is_err() {
        live.run = Run::new();
    }
    Ok(fits?)
}

/// Says why a run cannot be read from its turns, where that is because its first ones were forgotten.
fn cut<T>(recalled: &Recalled, error: StoreError) -> Result<T, StoreError> {
    let id = recalled.run();
    match recalled.first_turn()? {
        Some(first) if first > 1 && matches!(error, StoreError::Record { .. }) => {
            let detail = format!(
                "{id}: none of its images can be used, and its turns before {first} were forgotten, as its workflow \
                 wishes with `history`; cancel the run and start it again"
            );
            Err(StoreError::Record { table: "images".into(), detail })
        }
        _ => Err(error),
    }
}

/// The state of a run and the time of its last turn, from earlier ones and the turns since.
fn fold(
    recalled: &Recalled,
    (run, at): (Run, Timestamp),
    room: Bounds<'_>,
) -> Result<(Run, Timestamp), Stuck> {
    let id = recalled.run();
    let from = run.turns();
    let damaged = |detail: String| StoreError::Record {
        table: "turns".into(),
        detail: format!("{id}: {detail}"),
    };
    if let Some(last) = from.checked_sub(1)
        && !recalled.has_turn(last)?
    {
        return Err(damaged(format!("turn {last} is missing")).into());
    }
    room.within(run.open_bytes())?;
    let mut folded = Ok((run, at));
    recalled.visit_turns(from, |turn| {
        folded = std::mem::replace(&mut folded, Ok((Run::new(), at))).and_then(|(run, _)| {
            let (run, _effects) = run.apply(&turn).map_err(|fault| damaged(fault.to_string()))?;
            // Not at the end only: it must not take more memory on the way.
            room.within(run.open_bytes())?;
            Ok((run, turn.at))
        });
        if folded.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    folded
}

//! Bringing the state of a run back from the store: from its newest image and the turns behind it,
//! or by folding all its turns. No guest is made for it.

use std::ops::ControlFlow;

use segno_journal::{Run, RunId, Timestamp};

use crate::engine::config::Limits;
use crate::engine::guests::CannotTurn;
use crate::engine::guests::Images;
use crate::engine::shard::Shard;
use crate::engine::shard::active::{Active, HeldEvents, Unread};
use crate::engine::shard::bounds::Bounds;
use crate::engine::shard::open_budget::OpenBudget;
use crate::store::{Recalled, RunRecord, Store, StoreError};

impl Shard {
    /// Reads the state of a run from its turns again.
    pub(crate) fn reload(&mut self, id: RunId) -> Result<(), CannotTurn> {
        self.committer.flush()?;
        let room = Bounds { limits: &self.config.limits, budget: &self.open_budget };
        let Some(active) = self.runs.get_mut(&id) else { return Ok(()) };
        let recalled = self.store.recall(id).map_err(CannotTurn::from);
        let reloaded = recalled.and_then(|recalled| restore(&recalled, active, room));
        active.unread = match &reloaded {
            Ok(()) => None,
            Err(CannotTurn::Store(error)) if !matches!(error, StoreError::Record { .. }) => {
                self.committer.give_up(error.clone());
                return reloaded;
            }
            Err(CannotTurn::Store(damage)) => Some(Box::new(Unread::Damaged(damage.clone()))),
            Err(_) => Some(Box::new(Unread::Left)),
        };
        reloaded
    }
}

/// A run as it is on disk, read to be looked at: it counts for nobody, and no bound on what it keeps open leaves it
/// unread. One that cannot be read is as it was before its first turn.
///
/// # Errors
///
/// The store cannot be read.
pub(crate) fn looked_at(
    store: &Store,
    (run, record): (RunId, RunRecord),
    limits: Limits,
) -> Result<Active, StoreError> {
    let mut active = Active::new(run, record);
    let limits = Limits { open_bytes: usize::MAX, ..limits };
    let budget = OpenBudget::new(usize::MAX);
    let room = Bounds { limits: &limits, budget: &budget };
    match restore(&store.recall(run)?, &mut active, room) {
        Err(CannotTurn::Store(error)) if !matches!(error, StoreError::Record { .. }) => Err(error),
        Ok(()) | Err(_) => Ok(active),
    }
}

/// Brings the state of a run back: that of its turns, the last attempts of its open steps, and where
/// the line of its held events ends. A run that has more open than there is room for stays as it
/// was before it had a turn.
pub(crate) fn restore(
    recalled: &Recalled,
    active: &mut Active,
    room: Bounds<'_>,
) -> Result<(), CannotTurn> {
    let images = recalled.images()?;
    let positions: Vec<_> = images.iter().map(|(position, _)| *position).collect();
    let from_image = images.into_iter().find_map(|(position, image)| {
        let image = image.ok().filter(|image| image.run.turns() == position)?;
        match fold(recalled, (image.run, image.at), room) {
            Err(CannotTurn::Store(_)) => None,
            folded => Some(folded),
        }
    });
    let folded = from_image.unwrap_or_else(|| {
        let folded = fold(recalled, (Run::new(), active.record.started_at), room);
        folded.or_else(|why| match why {
            CannotTurn::Store(error) => cut(recalled, error).map_err(CannotTurn::from),
            why => Err(why),
        })
    });
    active.run = Run::new();
    let (mut run, at) = folded?;
    // Turns are forgotten only behind images.
    let first_turn = if positions.is_empty() { None } else { recalled.first_turn()? };
    let steps = run.open().filter(|(_, open)| open.step().is_some()).map(|(op, _)| op);
    for (op, attempt) in recalled.last_attempts(steps)? {
        run.remember(op, attempt);
    }
    active.held = HeldEvents::read(recalled)?;
    active.images = Images::found(&positions, first_turn.unwrap_or(1), run.turns());
    active.last_at = active.last_at.max(at);
    active.run = run;
    let fits = room.keep(active);
    if fits.is_err() {
        active.run = Run::new();
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
) -> Result<(Run, Timestamp), CannotTurn> {
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

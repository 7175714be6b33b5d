//! The end from outside of a run of which the state is not known here: what is written of it.

use segno_journal::{Event, Op, RunId, Timestamp, Turn, Verdict};

use crate::store::{Draft, Note, Noted, RunRecord, Standing, Store, StoreError};

/// What is to be written where a run is cancelled that has not ended, with a note of that: its last turn, where it can be
/// read what the one before was, and its record. What only a run needs that goes on is forgotten.
///
/// # Errors
///
/// The store cannot be read.
pub(crate) fn cancelled(
    store: &Store,
    (run, mut record): (RunId, RunRecord),
    now: Timestamp,
    noted: Option<Noted>,
) -> Result<Draft<()>, StoreError> {
    let turn = last_turn(store, run, now.max(record.started_at))?;
    let is_first = turn.as_ref().is_some_and(|turn| turn.seq == 0);
    let at = turn.as_ref().map_or(now, |turn| turn.at);
    let before = turn.as_ref().map_or(u64::MAX, |turn| turn.seq);
    record.standing = Standing::Cancelled(at);
    let draft = match turn {
        Some(turn) => Draft::turn(run, turn, Vec::new()).of_nothing(),
        None => Draft::nothing(),
    };
    let mut draft = match (noted, store.next_note(run)) {
        (Some(what), Ok(number)) => draft.with_note(run, number, &Note { turn: before, at, what }),
        (None, _) | (_, Err(StoreError::Record { .. })) => draft,
        (_, Err(error)) => return Err(error),
    };
    // What a run that never had a turn was given stays.
    let held = store.held_positions(run)?.into_iter().filter(|position| !is_first || *position > 0);
    for position in held {
        draft = draft.without_held(run, Some(position));
    }
    let images = store.image_positions(run)?;
    for position in images {
        draft = draft.without_image(run, position);
    }
    Ok(draft.with_run(run, &record))
}

/// The turn that cancels a run, behind those that are on disk; none where these cannot be read.
fn last_turn(store: &Store, run: RunId, now: Timestamp) -> Result<Option<Turn>, StoreError> {
    let (seq, first_op, at) = match store.last_turn(run) {
        Ok(Some(last)) => (last.seq + 1, last.next_op(), now.max(last.at)),
        Ok(None) => (0, Op(0), now),
        Err(StoreError::Record { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let event = Event::Cancelled;
    let verdict = Verdict::Cancelled;
    Ok(Some(Turn { seq, first_op, at, event, commands: Vec::new(), verdict, log: Vec::new() }))
}

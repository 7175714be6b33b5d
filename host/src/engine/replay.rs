//! Bringing a run back from its turns: its state by folding, its guest by replaying.

use std::ops::ControlFlow;

use segno_journal::{BlockKind, Blocked, Digest, Run, RunId, Turn, divergence};

use crate::engine::live::{Live, ParkedLine};
use crate::engine::modules::Modules;
use crate::sandbox::{Facts, Guest, Moment, Quota, Tokens};
use crate::store::{Store, StoreError};

/// Why a run cannot have its turn.
#[derive(Debug)]
pub(crate) enum Stuck {
    /// It has to be parked.
    Blocked(Blocked),
    /// There is no room for its guest.
    NoRoom(String),
    /// Its journal cannot be read, or the store is in trouble.
    Store(StoreError),
}

impl Stuck {
    /// Why the run has to be parked; or what the trouble is, if it is the host's.
    pub(crate) fn into_blocked(self) -> Result<Blocked, StoreError> {
        match self {
            Self::Blocked(blocked) => Ok(blocked),
            Self::NoRoom(message) => Ok(Blocked { kind: BlockKind::Limit, message }),
            Self::Store(error @ StoreError::Record { .. }) => {
                Ok(Blocked { kind: BlockKind::Journal, message: error.to_string() })
            }
            Self::Store(error) => Err(error),
        }
    }
}

impl From<Blocked> for Stuck {
    fn from(blocked: Blocked) -> Self {
        Self::Blocked(blocked)
    }
}

impl From<StoreError> for Stuck {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Brings the state of a run back from the store: that of its turns, the attempts of its steps, and
/// where the line of its parked events ends.
pub(crate) fn restore(store: &Store, live: &mut Live) -> Result<(), StoreError> {
    let id = live.owner.run;
    let mut run = fold(store, id)?;
    for (op, attempt) in store.attempts(id)? {
        run.remember(op, attempt);
    }
    live.parked = ParkedLine::of(&store.parked(id)?);
    if let Some(last) = store.last_turn(id)? {
        live.last_at = live.last_at.max(last.at);
    }
    live.run = run;
    Ok(())
}

/// The state of a run, from its turns.
fn fold(store: &Store, id: RunId) -> Result<Run, StoreError> {
    let mut folded = Ok(Run::new());
    store.visit_turns(id, 0, |turn| {
        folded = std::mem::replace(&mut folded, Ok(Run::new())).and_then(|run| {
            let damaged = |fault: segno_journal::Fault| StoreError::Record {
                table: "turns".into(),
                detail: format!("{id}: {fault}"),
            };
            run.apply(&turn).map(|(run, _effects)| run).map_err(damaged)
        });
        if folded.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    folded
}

/// The code that a run is replayed on, and what it may use.
pub(crate) struct Code<'a> {
    pub(crate) modules: &'a Modules,
    pub(crate) module: Digest,
    pub(crate) quota: Quota,
}

/// A guest that is where the run is: a fresh one that is given all turns of the run, and gives the
/// same commands each time.
pub(crate) fn replay(store: &Store, code: &Code<'_>, live: &Live) -> Result<Guest, Stuck> {
    let id = live.owner.run;
    let blocked = |kind, message: String| Blocked { kind, message };
    let module =
        code.modules.load(code.module).map_err(|error| blocked(BlockKind::Module, error.to_string()))?;
    let facts = Facts {
        run: id,
        workflow: live.record.workflow.clone(),
        started_at: live.record.started_at,
        seed: live.record.seed,
    };
    let mut guest = module
        .instantiate(facts, code.quota)
        .map_err(|error| Stuck::NoRoom(format!("its guest cannot be made: {error:#}")))?;
    let mut replayed = Ok(0);
    store.visit_turns(id, 0, |turn| match replay_turn(&mut guest, &turn) {
        Ok(()) => {
            replayed = Ok(turn.seq + 1);
            ControlFlow::Continue(())
        }
        Err(blocked) => {
            replayed = Err(blocked);
            ControlFlow::Break(())
        }
    })?;
    let (replayed, expected) = (replayed?, live.run.turns());
    if replayed == expected {
        return Ok(guest);
    }
    let message =
        format!("its journal has {replayed} turns, but {expected} are known to have been committed");
    Err(blocked(BlockKind::Journal, message).into())
}

fn replay_turn(guest: &mut Guest, turn: &Turn) -> Result<(), Blocked> {
    let moment = Moment { seq: turn.seq, at: turn.at };
    let output = guest.turn(&turn.event, moment, Tokens::recorded(&turn.commands))?;
    divergence::check(turn, &output.commands, &output.verdict).map_err(|divergence| Blocked {
        kind: BlockKind::Divergence,
        message: format!(
            "{divergence}; deploy the code that it was started with, or resume it on a module that agrees"
        ),
    })
}

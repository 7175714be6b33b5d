//! Moving runs: one that goes on is replayed on another module, and is on that from its next turn on, if it agrees.

use segno_journal::{Digest, RunId};

use crate::engine::error::EngineError;
use crate::engine::guests::{CannotTurn, Fate};
use crate::engine::inbox::{Asker, Then};
use crate::engine::shard::active::{Active, status_of};
use crate::engine::shard::{Shard, log};
use crate::sandbox::Guest;
use crate::store::{Draft, Noted, Standing};

impl Shard {
    /// Somebody wants a run to be on another module. One that is blocked goes on there; any other one stands as it
    /// did. Between the look and the move it has no turn, since its shard does both at once.
    pub(super) fn move_to(&mut self, id: RunId, module: Digest, by: Asker, then: Then) {
        let record = match (self.runs.get(&id), self.unreadable.get(&id)) {
            // One that has not had its first turn is not on disk.
            (Some(active), _) if active.first.is_some() => return then.fail(EngineError::Busy),
            (Some(active), _) if is_unknown(active) => return then.fail(EngineError::LeftOut),
            (Some(active), _) => &active.record,
            (None, Some(damage)) => return then.fail(damage.clone().into()),
            (None, None) => return then.fail(EngineError::HasEnded(id)),
        };
        match &record.standing {
            Standing::Blocked(_) => self.resume(id, Some(module), by, then),
            standing if record.module == module => then.done(status_of(standing)),
            _ => self.tried_on(id, module, by, then),
        }
    }

    /// Moves a run, if it gives the same on the other module.
    fn tried_on(&mut self, id: RunId, module: Digest, by: Asker, then: Then) {
        if !self.modules.enter(module) {
            return then.fail(EngineError::UnknownModule(module.to_string()));
        }
        match self.bring_back(id, module) {
            Ok(Some(guest)) => self.is_on(id, (module, guest), by, then),
            Ok(None) => {
                self.modules.leave(module);
                then.fail(EngineError::HasEnded(id));
            }
            Err(why) => {
                self.modules.leave(module);
                then.fail(does_not_fit(id, why));
            }
        }
    }

    /// Writes that a run is on this module from now on, with the guest that is where it is.
    fn is_on(&mut self, id: RunId, (module, guest): (Digest, Guest), by: Asker, then: Then) {
        self.keep(id, guest);
        let Some(active) = self.runs.get_mut(&id) else {
            self.modules.leave(module);
            return then.fail(EngineError::HasEnded(id));
        };
        let from = std::mem::replace(&mut active.record.module, module);
        log::moved(active, from, &by);
        let status = status_of(&active.record.standing);
        let mut draft = Draft::nothing().with_run(id, &active.record);
        // Of another module, they are of no use any more.
        for image in active.images.forget() {
            draft = draft.without_image(id, image);
        }
        let draft = self.noted(id, draft, Noted::Moved { by: by.into_name(), from, to: module });
        self.committer.submit(draft, move |written| match written {
            Ok(_) => then.done(status),
            Err(error) => then.fail(error.into()),
        });
        // It may be forgotten, but not before.
        self.modules.leave(from);
    }
}

/// Whether the state of a run is not known, so that nobody can say what fits it. A blocked one is read when it goes on.
fn is_unknown(active: &Active) -> bool {
    active.unread.is_some() && !matches!(active.record.standing, Standing::Blocked(_))
}

/// Why a run cannot be brought to where it stood.
pub(crate) fn does_not_fit(id: RunId, why: CannotTurn) -> EngineError {
    match why.fate() {
        Fate::Block(blocked) => EngineError::DoesNotFit { run: id, reason: blocked.message },
        Fate::Wait => EngineError::Busy,
        Fate::Trouble(error) => error.into(),
    }
}

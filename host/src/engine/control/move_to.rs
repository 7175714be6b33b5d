//! Moving runs to another module.

use segno_api::{RunStatus, RunView};
use segno_journal::{Digest, RunId};

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Asker, Message};
use crate::engine::reads::may_block;
use crate::store::Standing;

impl Engine {
    /// Moves a run that has not ended to another module: from its next turn on it is there, if that gives the same
    /// commands for all that is recorded. A blocked run goes on there; a paused one stays paused. Its history says
    /// who asked. The module is named by its digest, or by a beginning of it that no other has. To move a run to the
    /// module on which it is changes nothing, unless it is blocked there.
    ///
    /// # Errors
    ///
    /// The run is not known, has ended, or does not fit the module, with the difference; or there is no such module.
    /// It stays where it is then.
    pub async fn move_by(
        &self,
        run: RunId,
        module: &str,
        by: Asker,
    ) -> Result<RunView, EngineError> {
        let module = self.0.modules.named(module)?;
        self.move_to(run, module, by).await?;
        self.run(run).await
    }

    /// The same, for who does not look at it.
    pub(super) async fn move_to(
        &self,
        run: RunId,
        module: Digest,
        by: Asker,
    ) -> Result<(), EngineError> {
        let admitted = self.admit_to(run, 0)?;
        if self.status(run)?.has_ended() {
            return Err(EngineError::HasEnded(run));
        }
        let asked =
            self.ask_for_sure(admitted, run, move |then| Message::Move { run, module, by, then });
        self.was_moved(run, asked.await)
    }

    /// What came of a move that was asked for.
    fn was_moved(
        &self,
        run: RunId,
        moved: Result<RunStatus, EngineError>,
    ) -> Result<(), EngineError> {
        match moved {
            Ok(RunStatus::Blocked) => Err(self.still_blocked(run)?),
            // Its shard has not heard of it yet.
            Err(EngineError::HasEnded(_)) if !self.status(run)?.has_ended() => {
                Err(EngineError::Busy)
            }
            moved => moved.map(drop),
        }
    }

    /// Why a run was not moved that is blocked: as its record says since.
    pub(super) fn still_blocked(&self, run: RunId) -> Result<EngineError, EngineError> {
        let record = may_block(|| self.record(run))?;
        let reason = match record.standing {
            Standing::Blocked(blocked) => blocked.message,
            _ => "it was blocked again".to_owned(),
        };
        Ok(EngineError::DoesNotFit { run, reason })
    }
}

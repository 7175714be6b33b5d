//! Holding a run up.

use segno_api::{RunStatus, RunView};
use segno_journal::RunId;

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Asker, Message};

impl Engine {
    /// Holds a run up until somebody resumes it: what happens to it meanwhile is kept in its order, as for one that
    /// is blocked. Steps that are under way come to their ends. Its history says who asked. Pausing a paused run
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// The run is not known, has ended or is blocked, or has not had its first turn.
    pub async fn pause_by(&self, run: RunId, by: Asker) -> Result<RunView, EngineError> {
        self.hold_up(run, by).await?;
        self.run(run).await
    }

    /// The same, for who does not look at it.
    pub(super) async fn hold_up(&self, run: RunId, by: Asker) -> Result<(), EngineError> {
        let admitted = self.admit_to(run, 0)?;
        if self.status(run)?.has_ended() {
            return Err(EngineError::HasEnded(run));
        }
        let paused =
            self.ask_for_sure(admitted, run, move |then| Message::Pause { run, by, then }).await;
        match paused {
            Err(EngineError::AlreadyEnded(_)) => match self.status(run)? {
                // Its shard has not heard of it yet.
                RunStatus::Running | RunStatus::Pending => Err(EngineError::Busy),
                _ => Err(EngineError::HasEnded(run)),
            },
            paused => paused.map(drop),
        }
    }
}

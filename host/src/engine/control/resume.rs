//! Letting a blocked run go on.

use segno_api::{RunStatus, RunView};
use segno_journal::{Digest, RunId};

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Asker, Message};

impl Engine {
    /// As [`Engine::resume_by`], for somebody whose name is not known.
    ///
    /// # Errors
    ///
    /// As [`Engine::resume_by`].
    pub async fn resume(&self, run: RunId, module: Option<String>) -> Result<RunView, EngineError> {
        self.resume_by(run, module, Asker::unknown()).await
    }

    /// Lets a blocked or paused run go on, on its own module or on another one. On another one it goes on only
    /// if that gives the same commands for all that is recorded; where it does not, the run stays
    /// blocked, with the difference as its reason. Its history says who asked. The module is named by its
    /// digest, or by a beginning of it that no other has.
    ///
    /// # Errors
    ///
    /// The run is not known, or neither blocked nor paused, or there is no such module.
    pub async fn resume_by(
        &self,
        run: RunId,
        module: Option<String>,
        by: Asker,
    ) -> Result<RunView, EngineError> {
        let module = module.map(|text| self.0.modules.named(&text)).transpose()?;
        self.let_go_on(run, module, by).await?;
        self.run(run).await
    }

    /// The same, for who does not look at it: says how it stands then.
    pub(super) async fn let_go_on(
        &self,
        run: RunId,
        module: Option<Digest>,
        by: Asker,
    ) -> Result<RunStatus, EngineError> {
        let admitted = self.admit_to(run, 0)?;
        if !matches!(self.status(run)?, RunStatus::Blocked | RunStatus::Paused) {
            return Err(EngineError::NotBlocked(run));
        }
        self.ask_for_sure(admitted, run, move |then| Message::Resume { run, module, by, then })
            .await
    }
}

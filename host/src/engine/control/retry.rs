//! Trying failed runs again: from where each failed, with what its steps do today.

use segno_api::RunView;
use segno_journal::RunId;

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Asker, Message, Retrying};

impl Engine {
    /// Tries a failed run again, from the turn that delivered the failure that led to its error: that turn and all
    /// behind it are set aside, and kept; the steps whose failure is set aside get new attempts, under the IDs
    /// that they had. What has happened since to what the run had asked for before comes again. Its history says
    /// who asked.
    ///
    /// With a turn it goes back to that one. With a module, named by its digest or a beginning of it that no
    /// other has, it goes on there, if that gives the same commands for all that is kept. A time-out counts anew.
    ///
    /// # Errors
    ///
    /// The run is not known, has not failed, or cannot be tried again; nothing is changed then.
    pub async fn retry_by(
        &self,
        run: RunId,
        turn: Option<u64>,
        module: Option<String>,
        by: Asker,
    ) -> Result<RunView, EngineError> {
        let module = module.map(|text| self.0.modules.named(&text)).transpose()?;
        self.try_again(run, Retrying { turn, module }, by).await?;
        self.run(run).await
    }

    /// The same, for who does not look at it.
    pub(super) async fn try_again(
        &self,
        run: RunId,
        how: Retrying,
        by: Asker,
    ) -> Result<(), EngineError> {
        let admitted = self.admit_to(run, 0)?;
        self.status(run)?;
        let tried =
            self.ask_for_sure(admitted, run, move |then| Message::TryAgain { run, how, by, then });
        tried.await.map(drop)
    }
}

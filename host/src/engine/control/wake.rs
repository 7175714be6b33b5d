//! Ending sleeps early.

use segno_api::RunView;
use segno_journal::{Op, RunId};

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Asker, Message, Sleeps};

impl Engine {
    /// Ends sleeps of a run before their time: this one, or all that it waits for. To the workflow they are
    /// over; its history says who asked.
    ///
    /// # Errors
    ///
    /// The run is not known, waits for no such sleep, or is blocked.
    pub async fn wake_by(
        &self,
        run: RunId,
        op: Option<Op>,
        by: Asker,
    ) -> Result<RunView, EngineError> {
        let admitted = self.admit_to(run, 0)?;
        self.status(run)?;
        let sleeps = op.map_or(Sleeps::All, Sleeps::One);
        self.ask_for_sure(admitted, run, move |then| Message::Wake { run, sleeps, by, then })
            .await?;
        self.run(run).await
    }
}

//! Running again: a new run with what an old one was given.

use std::time::Duration;

use segno_api::Started;
use segno_journal::RunId;

use crate::engine::control::start::{NewRun, Times};
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::reads::may_block;

impl Engine {
    /// Starts a new run of the same workflow with the input of another one, on the module that starts new runs of it.
    /// It has operations of its own, so its steps are other ones: what the old run did is done again. It may take as
    /// long, and the same URL is called at its end.
    ///
    /// # Errors
    ///
    /// The run is not known; or as [`Engine::start_with`].
    pub async fn run_again(&self, run: RunId, key: Option<String>) -> Result<Started, EngineError> {
        let (record, input) =
            may_block(|| Ok::<_, EngineError>((self.record(run)?, self.input(run)?)))?;
        let on_end = record.on_end.as_deref().map(str::to_owned);
        let begun = record.begins_at.unwrap_or(record.started_at);
        let timeout = record.times_out_at.map(|at| Duration::from_millis(at.since_ms(begun)));
        let times = Times { timeout, ..Times::default() };
        let new = NewRun { key, on_end, times, ..NewRun::default() };
        self.start_with(&record.workflow, input, new).await
    }
}

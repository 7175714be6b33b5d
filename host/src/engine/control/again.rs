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
    /// long, the same URL is called at its end, and it
    /// has the attributes that came with the start of the old one and that its workflow has not set since.
    ///
    /// # Errors
    ///
    /// The run is not known; or as [`Engine::start_with`].
    pub async fn run_again(&self, run: RunId, key: Option<String>) -> Result<Started, EngineError> {
        let (record, input) =
            may_block(|| Ok::<_, EngineError>((self.record(run)?, self.input(run)?)))?;
        let on_end = record.on_end.as_deref().map(str::to_owned);
        let timeout = record.timeout().map(|(ms, _from)| Duration::from_millis(ms));
        let times = Times { timeout, ..Times::default() };
        let attributes = may_block(|| self.0.store.attributes(run))?;
        let given = attributes.into_iter().filter(|(_, attribute)| attribute.given);
        let attributes = given.map(|(name, attribute)| (name, attribute.value)).collect();
        let new = NewRun { key, on_end, times, attributes, ..NewRun::default() };
        self.start_with(&record.workflow, input, new).await
    }
}

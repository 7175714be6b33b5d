//! Trying steps now that wait for their next attempt: whoever has mended what they failed for need not
//! wait with them.

use segno_api::RunView;
use segno_journal::RunId;

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::Message;

impl Engine {
    /// Has each step of a run that waits for its next attempt tried now. That uses up nothing: it is the
    /// attempt that would have come later.
    ///
    /// # Errors
    ///
    /// The run is not known, or none of its steps waits for an attempt.
    pub async fn retry_now(&self, run: RunId) -> Result<RunView, EngineError> {
        let admitted = self.admit(0)?;
        self.status(run)?;
        self.ask_for_sure(admitted, run, move |then| Message::RetryNow { run, then }).await?;
        self.run(run).await
    }
}

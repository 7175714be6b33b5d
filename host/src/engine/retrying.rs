//! Trying steps now that wait for their next attempt: whoever has mended what they failed for need not
//! wait with them.

use segno_api::RunView;
use segno_journal::{Op, Open, RunId};

use crate::engine::Engine;
use crate::engine::error::EngineError;
use crate::engine::inbox::Message;
use crate::engine::reply::Then;
use crate::engine::shard::Shard;
use crate::steps::Attempted;

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

impl Shard {
    /// Makes the next attempt of each step of a run that waits for one.
    pub(crate) fn retry_now(&mut self, run: RunId, then: Then) {
        let waiting = self.take_waiting(run);
        if waiting.is_empty() {
            return then.fail(EngineError::NothingToRetry(run));
        }
        waiting.into_iter().for_each(|attempted| self.outside.attempt(attempted));
        then.done();
    }

    /// The attempts of a run that are due later: from now on no timer has them.
    fn take_waiting(&self, run: RunId) -> Vec<Attempted> {
        let Some(live) = self.runs.get(&run) else { return Vec::new() };
        let steps = live.run.open().filter(|(_, open)| matches!(open, Open::Step { .. }));
        let moments = |(op, open): (Op, &Open)| {
            let after_loss = self.watched.get(run, op).map(|losses| losses.due(self.outside.now()));
            [open.due_at(), after_loss].map(|at| at.map(|at| (at, op)))
        };
        let taken = steps
            .flat_map(moments)
            .flatten()
            .filter_map(|(at, op)| self.outside.timers.take(at, run, op));
        taken.map(|attempted| *attempted).collect()
    }
}

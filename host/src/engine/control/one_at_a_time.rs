//! Starts with an idempotency key of which one run goes on at a time: what becomes of the run that the key has
//! started before, where that has not ended.

use std::collections::VecDeque;
use std::time::Duration;

use segno_api::{IfRunning, Started};
use segno_journal::RunId;
use serde_json::value::RawValue;

use crate::engine::control::TRIES;
use crate::engine::control::signal::NewSignal;
use crate::engine::control::start::NewRun;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Asker, CancelHow};
use crate::engine::reads::may_block;
use crate::store::{StoreError, Unmet};

/// How long a start waits for the end of a run that it has cancelled: shorter than clients wait for an answer. Most
/// end at once; one that has more to undo than that is asked for again.
const MAX_ENDING: Duration = Duration::from_secs(20);

impl Engine {
    /// Starts a run with a key that leads to one at a time. Whether another one goes on is decided in the commit;
    /// where it does, it is looked at again.
    pub(super) async fn start_one_at_a_time(
        &self,
        workflow: &str,
        (input, bytes): (Box<RawValue>, usize),
        new: NewRun,
    ) -> Result<Started, EngineError> {
        let (Some(key), Some(if_running)) = (new.key.clone(), new.if_running) else {
            return Err(EngineError::NoKey);
        };
        let mut left = VecDeque::from(new.signals.clone());
        for _ in 0..TRIES {
            if let Some(run) = may_block(|| self.0.store.running_by(workflow, &key))? {
                match if_running {
                    IfRunning::Refuse => return Err(EngineError::AlreadyRunning(run)),
                    IfRunning::Cancel => self.end_for_another(run, new.by.clone()).await?,
                    IfRunning::Use => match self.use_running(run, &mut left).await? {
                        Some(used) => return Ok(used),
                        None => continue,
                    },
                }
            }
            // A name of its own: who was quicker is undone by the name that it had.
            let run = self.name_run();
            let _admitted = self.admit_to(run, bytes)?;
            let signals = left.iter().cloned().collect();
            let new = NewRun { signals, ..new.clone() };
            match self.start_new(run, workflow, input.clone(), new).await {
                Err(EngineError::Store(StoreError::Unmet(Unmet::Started(_)))) => {}
                started => return started,
            }
        }
        Err(EngineError::Busy)
    }

    /// Sends a run that has not ended the signals of a start. Nothing where it has ended meanwhile; what is left of
    /// the signals then comes with the next one.
    async fn use_running(
        &self,
        run_id: RunId,
        left: &mut VecDeque<NewSignal>,
    ) -> Result<Option<Started>, EngineError> {
        while let Some(signal) = left.front() {
            match self.signal(run_id, signal.clone(), false).await {
                Ok(_taken) => drop(left.pop_front()),
                Err(EngineError::SignalTooLate(_) | EngineError::UnknownRun(_)) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        match self.status(run_id) {
            Ok(status) => Ok(Some(Started { run_id, status, created: false })),
            Err(EngineError::UnknownRun(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Cancels a run, and waits for its end for a while.
    async fn end_for_another(&self, run: RunId, by: Asker) -> Result<(), EngineError> {
        let clock = self.0.outside.clock();
        // Listen first, then look: nothing can happen unheard in between.
        let mut heard = self.0.outside.waiters().expect_end(run);
        let view = match self.cancel_by(run, CancelHow::default(), by).await {
            Err(EngineError::AlreadyEnded(_) | EngineError::UnknownRun(_)) => return Ok(()),
            view => view?,
        };
        if view.status.has_ended() {
            return Ok(());
        }
        let _place = self.0.outside.waiters().place_for_end()?;
        let mut late = std::pin::pin!(clock.pause(MAX_ENDING));
        loop {
            tokio::select! {
                biased;
                heard = &mut heard => if heard.is_err() { return Err(EngineError::Stopping) },
                () = &mut late => return Err(EngineError::StillEnding(run)),
            }
            heard = self.0.outside.waiters().expect_end(run);
            // It was blocked, perhaps.
            match self.status(run) {
                Ok(status) if !status.has_ended() => {}
                Ok(_) | Err(EngineError::UnknownRun(_)) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

//! Ending a run from outside, with its shard or, where that does not answer, without it.

use segno_api::{RunStatus, RunView};
use segno_journal::RunId;
use tokio::sync::oneshot;

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Asker, CancelHow, LOOK, Message};
use crate::engine::reads::may_block;
use crate::engine::shard::cancelled;
use crate::store::{Noted, StoreError};

impl Engine {
    /// As [`Engine::cancel_by`], for somebody whose name is not known.
    ///
    /// # Errors
    ///
    /// As [`Engine::cancel_by`].
    pub async fn cancel(&self, run: RunId) -> Result<RunView, EngineError> {
        self.cancel_by(run, CancelHow::default(), Asker::unknown()).await
    }

    /// Cancels a run: nothing new starts, its steps are told to stop, its webhooks are closed. Its
    /// history says who asked. One that has something to undo is told, and ends when it has done so; it is then
    /// as it stands now. Cancelling a run that is cancelled, or was told to end, changes nothing.
    ///
    /// # Errors
    ///
    /// The run is not known, or has ended in another way.
    pub async fn cancel_by(
        &self,
        run: RunId,
        how: CancelHow,
        by: Asker,
    ) -> Result<RunView, EngineError> {
        self.tell_to_end(run, how, by).await?;
        self.run(run).await
    }

    /// The same, for who does not look at it.
    pub(super) async fn tell_to_end(
        &self,
        run: RunId,
        how: CancelHow,
        by: Asker,
    ) -> Result<(), EngineError> {
        match self.status(run)? {
            RunStatus::Cancelled => return Ok(()),
            RunStatus::Completed | RunStatus::Failed => return Err(EngineError::AlreadyEnded(run)),
            RunStatus::Running | RunStatus::Blocked | RunStatus::Pending | RunStatus::Paused => {}
        }
        let asker = by.clone();
        let asked = async {
            let admitted = self.admit_to(run, 0)?;
            let by = asker;
            self.ask_for_sure(admitted, run, move |then| Message::Cancel { run, by, how, then })
                .await
        };
        match self.or_without_shard(run, (how, by), asked).await {
            // It ended in this moment; perhaps somebody else cancelled it.
            Err(EngineError::AlreadyEnded(_)) => match self.status(run)? {
                RunStatus::Cancelled => Ok(()),
                RunStatus::Completed | RunStatus::Failed => Err(EngineError::AlreadyEnded(run)),
                // Its shard has not heard of it yet.
                RunStatus::Running
                | RunStatus::Blocked
                | RunStatus::Pending
                | RunStatus::Paused => Err(EngineError::Busy),
            },
            answer => answer,
        }
    }

    /// Waits for what the shard of a run was asked: to end the run. Where the shard does not answer,
    /// the run is ended without it, unless it cleans up first: then it is told when its shard comes back.
    pub(crate) async fn or_without_shard(
        &self,
        run: RunId,
        (how, by): (CancelHow, Asker),
        asked: impl Future<Output = Result<RunStatus, EngineError>>,
    ) -> Result<(), EngineError> {
        let mut asked = std::pin::pin!(asked);
        tokio::select! {
            biased;
            () = self.until_unresponsive(run) => {}
            answer = &mut asked => return answer.map(drop),
        }
        loop {
            match may_block(|| self.end_without_shard(run, how, by.clone()))? {
                Without::Ends(written) => {
                    return Ok(written.await.map_err(|_| StoreError::Closed).flatten()?);
                }
                Without::CleansUp => return asked.await.map(drop),
                // It is at work with the disk, or it has come back: soon it will let go, or answer.
                Without::Busy => {}
            }
            tokio::select! {
                biased;
                answer = &mut asked => return answer.map(drop),
                () = self.0.outside.clock().pause(LOOK) => {}
            }
        }
    }

    /// Ends a run, unless its shard is at work: that it is cancelled is written before all that the
    /// shard may write of it later, and the shard takes leave of it when it comes back. Blocks until
    /// what was handed in before is on disk. One that cleans up first is left to its shard, unless it is killed.
    pub(crate) fn end_without_shard(
        &self,
        run: RunId,
        how: CancelHow,
        by: Asker,
    ) -> Result<Without, EngineError> {
        let mut refused = None;
        let mut cleans_up = false;
        let writing = self.0.inboxes.gate(run).end_run(run, || {
            let written = self.write_cancelled(run, how, by);
            let written = written.map_err(|error| refused = Some(error)).ok()?;
            cleans_up = written.is_none();
            written
        });
        match (refused, writing) {
            (Some(error), _) => Err(error),
            (None, Some(written)) => Ok(Without::Ends(written)),
            (None, None) if cleans_up => Ok(Without::CleansUp),
            (None, None) => Ok(Without::Busy),
        }
    }

    /// Hands in that a run is cancelled, and forgets what it needs no more; nothing where it cleans up first.
    fn write_cancelled(
        &self,
        run: RunId,
        how: CancelHow,
        by: Asker,
    ) -> Result<Option<Written>, EngineError> {
        let store = &self.0.store;
        let committer = &self.0.committer;
        committer.flush()?;
        let active = if how.kill { None } else { self.active_on_disk(run)? };
        if active.is_some_and(|active| active.run.cleans_up()) {
            return Ok(None);
        }
        let record = store.run(run)?.ok_or(EngineError::UnknownRun(run))?;
        if record.standing.ended_at().is_some() {
            return Err(EngineError::AlreadyEnded(run));
        }
        let ended = record.clone();
        let noted = Noted::Cancelled { by: by.into_name() };
        let draft = cancelled(store, (run, record), self.0.outside.now(), Some(noted))?;
        let (done, written) = oneshot::channel();
        let outside = self.0.outside.clone();
        committer.submit(draft, move |result| {
            let _gone = done.send(result.map(|proof| outside.ended(run, &ended, &proof)));
        });
        Ok(Some(written))
    }
}

/// What came of ending a run without its shard.
pub(crate) enum Without {
    /// Its end is on its way to the disk.
    Ends(Written),
    /// It cleans up first, which takes its shard.
    CleansUp,
    /// Its shard is at work with the disk.
    Busy,
}

/// When something is on disk, or why it is not.
type Written = oneshot::Receiver<Result<(), StoreError>>;

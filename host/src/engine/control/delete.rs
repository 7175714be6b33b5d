//! Deleting runs that have ended: by hand, and what has to hold for it.

use segno_journal::{Op, Parent, RunId};
use tokio::sync::oneshot;

use crate::engine::admission::to_the_end;
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::{Asker, Message};
use crate::engine::reads::may_block;
use crate::store::{Draft, KeptFor, Room, RunRecord, StoreError, Unmet};

impl Engine {
    /// Deletes a run that has ended, and all that the store has of it: what it was given and what it returned, its
    /// history, its streams, and its idempotency key. Answers when nobody finds it any more; what is left then goes in
    /// the background. Nothing brings it back.
    ///
    /// # Errors
    ///
    /// Nothing is deleted then: the run is not known, has not ended, or is still needed.
    pub async fn delete_by(&self, run: RunId, by: Asker) -> Result<(), EngineError> {
        let admitted = self.admit_to(run, 0)?;
        let engine = self.clone();
        to_the_end(async move {
            let _admitted = admitted;
            engine.delete(run, by).await
        })
        .await
    }

    pub(super) async fn delete(&self, run: RunId, by: Asker) -> Result<(), EngineError> {
        let record = may_block(|| self.record(run))?;
        if record.standing.ended_at().is_none() {
            return Err(EngineError::NotEnded(run));
        }
        if let Some(why) = self.still_needed(run, &record).await? {
            return Err(EngineError::StillNeeded { run, why });
        }
        let store = &self.0.store;
        let room = &mut Room::default();
        let draft = may_block(|| Draft::nothing().without_run(store, (run, &record), room))?;
        match self.commit(draft).await {
            // Somebody has tried it again meanwhile, or deleted it.
            Err(StoreError::Unmet(Unmet::GoesOn(_))) => return Err(EngineError::NotEnded(run)),
            Err(StoreError::Unmet(_)) => return Err(EngineError::UnknownRun(run)),
            written => written?,
        }
        let by = by.into_name();
        tracing::info!(%run, workflow = %record.workflow, by, "a run is deleted");
        self.0.outside.metrics().runs_deleted.inc();
        self.0.forgetting.chore.wake();
        Ok(())
    }

    /// Why a run that has ended is not to be deleted yet. What is not needed any more never is again.
    pub(crate) async fn still_needed(
        &self,
        run: RunId,
        record: &RunRecord,
    ) -> Result<Option<KeptFor>, EngineError> {
        if let Some(kept) = may_block(|| self.0.store.kept_for(run))? {
            return Ok(Some(kept));
        }
        let Some(Parent { run: parent, op, .. }) = record.parent.as_deref() else {
            return Ok(None);
        };
        let has_heard = self.has_heard(*parent, *op).await?;
        Ok((!has_heard).then_some(KeptFor::Parent(*parent)))
    }

    /// Whether it is on disk that a run knows how this child of it has ended, or the run has ended itself. Its shard
    /// says; where that does not answer, it may not know.
    async fn has_heard(&self, parent: RunId, op: Op) -> Result<bool, EngineError> {
        if !may_block(|| self.0.store.is_unfinished(parent))? {
            return Ok(true);
        }
        let (asker, answer) = oneshot::channel();
        self.0.inboxes.send(parent, Message::HasHeard { run: parent, op, asker });
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|_| EngineError::Stopping),
            () = self.until_unresponsive(parent) => Ok(false),
        }
    }

    /// Writes a draft of which only that it is on disk is of matter.
    pub(crate) async fn commit(&self, draft: Draft<()>) -> Result<(), StoreError> {
        let (done, written) = oneshot::channel();
        may_block(|| {
            self.0.committer.submit(draft, move |result| {
                let _gone = done.send(result.map(drop));
            });
        });
        written.await.map_err(|_| StoreError::Closed).flatten()
    }
}

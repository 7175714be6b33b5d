//! Shards that do not answer: they are seen, and a run that keeps one busy is ended without it.

use std::sync::PoisonError;
use std::time::Duration;

use segno_journal::RunId;
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::engine::cancelled::cancelled;
use crate::engine::clock::Clock;
use crate::engine::error::EngineError;
use crate::engine::inbox::Inboxes;
use crate::engine::notes::Asker;
use crate::engine::queries::may_block;
use crate::engine::watch::{Busy, Watch};
use crate::store::{Noted, StoreError};

/// How often the shards are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How many names a new run is given up while they lead to shards that do not answer: with half of the
/// shards held up, one start in thousands meets one of them.
const NAMES_TRIED: usize = 12;

/// Looks at the shards until the host stops, and says once of each message that takes too long.
pub(crate) async fn look_out(inboxes: Inboxes, clock: Clock) {
    let mut was_told = vec![false; inboxes.watches().len()];
    while !inboxes.are_stopped() {
        clock.pause(LOOK).await;
        for (busy, told) in busy(&inboxes).zip(&mut was_told) {
            let busy = busy.filter(Busy::is_too_long);
            if let Some(busy) = busy.as_ref().filter(|_| !*told) {
                tell(busy);
            }
            *told = busy.is_some();
        }
    }
}

/// Each shard that is at a message, and nothing of the others.
fn busy(inboxes: &Inboxes) -> impl Iterator<Item = Option<Busy>> {
    inboxes.watches().enumerate().map(|(shard, watch)| {
        let time = watch.busy_for()?;
        Some(Busy { shard, time, computes: watch.computes() })
    })
}

fn tell(busy: &Busy) {
    let shard = busy.shard;
    let seconds = busy.time.as_secs();
    match &busy.computes {
        Some((run, workflow)) => tracing::warn!(
            shard,
            %run,
            %workflow,
            seconds,
            "a turn takes long, and other runs wait for it; `segno cancel {run}` ends the run"
        ),
        None => tracing::warn!(
            shard,
            seconds,
            "a shard is held up, by the disk perhaps, and its runs wait"
        ),
    }
}

impl Engine {
    /// The shards that have been at one message for so long that they count as not answering.
    #[must_use]
    pub fn unresponsive(&self) -> Vec<Busy> {
        self.busy().filter(Busy::is_too_long).collect()
    }

    /// The shards that are at a message.
    pub(crate) fn busy(&self) -> impl Iterator<Item = Busy> {
        busy(&self.0.inboxes).flatten()
    }

    /// Whether no shard answers, so that nothing can happen to any run.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.0.inboxes.watches().all(Watch::is_unresponsive)
    }

    /// Whether the shard of a run does not answer.
    pub(crate) fn is_unresponsive(&self, run: RunId) -> bool {
        self.0.inboxes.watch(run).is_unresponsive()
    }

    /// A name for a new run, which leads to a shard that answers where there is one.
    pub(super) fn name_run(&self) -> RunId {
        let now = self.0.outside.now();
        let mut last = self.0.last_run.lock().unwrap_or_else(PoisonError::into_inner);
        let mut run = self.0.outside.chance.run_id(now, *last);
        // With the next name the next shard is tried, or one by chance.
        for _ in 0..NAMES_TRIED {
            if !self.is_unresponsive(run) {
                break;
            }
            run = self.0.outside.chance.run_id(now, Some(run));
        }
        *last = Some(run);
        run
    }

    /// Waits for what the shard of a run was asked: to end the run. Where the shard does not answer,
    /// the run is ended without it.
    pub(crate) async fn or_without_shard(
        &self,
        run: RunId,
        by: Asker,
        asked: impl Future<Output = Result<(), EngineError>>,
    ) -> Result<(), EngineError> {
        tokio::select! {
            biased;
            () = self.until_unresponsive(run) => {}
            answer = asked => return answer,
        }
        loop {
            if let Some(written) = may_block(|| self.end_without_shard(run, by.clone()))? {
                return Ok(written.await.map_err(|_| StoreError::Closed).flatten()?);
            }
            // It is at work with the disk, or it has come back: soon it will let go.
            self.0.outside.clock.pause(LOOK).await;
        }
    }

    /// Waits until the shard of a run does not answer.
    pub(super) async fn until_unresponsive(&self, run: RunId) {
        while !self.is_unresponsive(run) {
            self.0.outside.clock.pause(LOOK).await;
        }
    }

    /// Ends a run, unless its shard is at work: that it is cancelled is written before all that the
    /// shard may write of it later, and the shard takes leave of it when it comes back. Blocks until
    /// what was handed in before is on disk. Says when the end of the run is.
    pub(crate) fn end_without_shard(
        &self,
        run: RunId,
        by: Asker,
    ) -> Result<Option<Written>, EngineError> {
        let mut refused = None;
        let writing = self.0.inboxes.watch(run).end_run(run, || {
            self.write_cancelled(run, by).map_err(|error| refused = Some(error)).ok()
        });
        refused.map_or(Ok(writing), Err)
    }

    /// Hands in that a run is cancelled, and forgets what it needs no more.
    fn write_cancelled(&self, run: RunId, by: Asker) -> Result<Written, EngineError> {
        let store = &self.0.store;
        let committer = &self.0.committer;
        committer.flush()?;
        let record = store.run(run)?.ok_or(EngineError::UnknownRun(run))?;
        if record.standing.ended_at().is_some() {
            return Err(EngineError::AlreadyEnded(run));
        }
        let noted = Noted::Cancelled { by: by.into_name() };
        let draft = cancelled(store, (run, record), self.0.outside.now(), Some(noted))?;
        let (done, written) = oneshot::channel();
        let outside = self.0.outside.clone();
        committer.submit(draft, move |result| {
            if result.is_ok() {
                // What it has timers for is refused when it is due.
                outside.end(run, &[]);
            }
            let _gone = done.send(result.map(drop));
        });
        Ok(written)
    }
}

/// When something is on disk, or why it is not.
type Written = oneshot::Receiver<Result<(), StoreError>>;

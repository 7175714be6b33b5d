//! Stopping in an orderly way: what runs may end, what has not begun is held back, and that is on disk
//! when the store is let go.

use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::thread::JoinHandle;
use std::time::Duration;

use segno_journal::Timestamp;

use crate::engine::handle::{Engine, ShardThreads, Threads};
use crate::store::{Draft, StoreError};

/// How long the threads may take for what they have begun: a turn is bounded by its fuel. Together with
/// the time for steps to end it stays below the half minute after which supervisors kill.
const JOIN_TIMEOUT: Duration = Duration::from_secs(6);

/// How long a shard that has not ended may be at work with the disk before it is left alone.
const LET_GO_TIMEOUT: Duration = Duration::from_secs(2);

/// How long writing may take, all in all.
const WRITE_TIMEOUT: Duration = Duration::from_secs(6);

/// How long what the host does by itself may take to come to the end of a piece.
const CHORES_TIMEOUT: Duration = Duration::from_secs(3);

/// How the shards have ended.
#[derive(Debug, PartialEq, Eq)]
enum Stopped {
    /// All are done.
    Ended,
    /// Some still compute, and write nothing any more.
    ShutOut,
    /// One has panicked, or may still write.
    Failed,
}

impl Engine {
    /// Stops: takes no more work, lets steps in flight end for as long as the configuration says,
    /// and writes that it stopped. What is on disk goes on at the next start. The store is
    /// closed when the last handle of the engine is dropped.
    pub async fn shutdown(&self) {
        let Some(stopped_at) = self.begin_stop() else { return };
        self.0.outside.runner().drain(self.0.config.drain).await;
        self.end(stopped_at).await;
    }

    /// Begins nothing more, since the store has failed for good: what runs may come to its end, though
    /// nobody hears of it, and what can be read still is.
    pub(crate) async fn halt(&self) {
        if self.begin_stop().is_some() {
            // No turn will ever tell them anything.
            self.0.outside.readers().let_all_go();
            self.0.outside.runner().drain(self.0.config.drain).await;
        }
    }

    /// Lets everything go but the handle, since the store has failed: steps are cut off, threads
    /// end, and the store is closed, so that it can be opened again.
    pub(crate) async fn abandon(&self) {
        let Some(stopped_at) = self.begin_stop() else { return };
        self.0.outside.runner().drain(Duration::ZERO).await;
        self.end(stopped_at).await;
        // Two attempts of one step must not run side by side, so the next engine waits for these.
        self.0.outside.runner().cut_off().await;
        self.0.store.close();
    }

    /// Lets those go who wait, and the threads.
    async fn end(&self, stopped_at: Timestamp) {
        let chores =
            async { tokio::join!(self.0.forgetting.chore.stop(), self.0.jobs.chore.stop()) };
        // A piece that waits for a shard ends with that.
        let _late = tokio::time::timeout(CHORES_TIMEOUT, chores).await;
        self.let_go();
        let threads = std::mem::take(&mut *self.0.threads.lock());
        let engine = self.clone();
        let stopped = tokio::task::spawn_blocking(move || engine.stop_threads(threads, stopped_at));
        match tokio::time::timeout(JOIN_TIMEOUT + LET_GO_TIMEOUT + WRITE_TIMEOUT, stopped).await {
            Ok(Ok(true)) => {}
            Ok(_) => {
                tracing::error!(
                    "the host was stopped after it had failed; what it acknowledged is on disk"
                )
            }
            Err(_late) => tracing::error!("the host was stopped while the disk was still writing"),
        }
    }

    /// Takes no more work, and begins no attempt from now on: says when that is, unless somebody
    /// stops already.
    pub(crate) fn begin_stop(&self) -> Option<Timestamp> {
        if self.0.stopping.swap(true, Ordering::AcqRel) {
            return None;
        }
        let outside = &self.0.outside;
        outside.timers().stop();
        outside.hold_back();
        // Whatever began, began before this.
        Some(outside.now())
    }

    /// No attempt is in flight any more: lets those go that wait, and the shards.
    pub(crate) fn let_go(&self) {
        self.0.outside.waiters().let_all_go();
        self.0.outside.readers().let_all_go();
        self.0.outside.ends().stop();
        self.0.admission.ask_no_more();
        self.0.inboxes.stop();
    }

    /// Waits for the threads, writes that the host stopped, and says whether all went well.
    fn stop_threads(&self, threads: Threads, stopped_at: Timestamp) -> bool {
        // First the shards, whose last turns the committer still writes.
        let shards = threads.shards.map_or(Stopped::Ended, |shards| self.stop_shards(shards));
        let orderly = shards != Stopped::Failed && self.write_stopped(stopped_at).is_ok();
        self.0.committer.stop();
        let committed = threads.committer.is_none_or(|thread| thread.join().is_ok());
        if shards == Stopped::ShutOut || self.0.admission.is_asking() {
            // Who still computes, be it a copy of a run, holds it, and would keep the next host out.
            self.0.store.close();
        }
        orderly && committed
    }

    /// Waits for the shards, and shuts out those that do not end.
    fn stop_shards(&self, ShardThreads { threads, ends }: ShardThreads) -> Stopped {
        let Err(RecvTimeoutError::Timeout) = ends.recv_timeout(JOIN_TIMEOUT) else {
            let panicked = threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count();
            return if panicked == 0 { Stopped::Ended } else { Stopped::Failed };
        };
        for busy in self.busy() {
            tracing::error!(%busy, "the host stops without a shard that does not end; what it was told last is lost");
        }
        let all = self.0.inboxes.gates().all(|watch| watch.shut_out(LET_GO_TIMEOUT));
        if all { Stopped::ShutOut } else { Stopped::Failed }
    }

    /// Writes when the host was stopped: so nothing that ran is suspected at the next start.
    pub(crate) fn write_stopped(&self, stopped_at: Timestamp) -> Result<(), StoreError> {
        self.0.committer.submit(Draft::stopped(stopped_at), |_written| {});
        self.0.committer.flush()
    }
}

//! Asking the shards why runs wait: many runs at once, and for no longer than a list may take. A shard
//! that does not answer costs a list a moment, and holds up nobody else.

use segno_api::Why;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use segno_journal::RunId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::engine::Engine;
use crate::engine::inbox::{Inspection, Message, shard_of};
use crate::engine::shard::Shard;
use crate::engine::waits;
use crate::engine::why::why;
use crate::store::Draft;

/// How long a list waits for a shard: some turns and a commit, not a shard that is stuck.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many questions may lie in the inbox of a shard: one that is stuck must not gather more of them
/// with each list.
const IN_LINE: usize = 32;

/// A question to a shard.
pub(crate) struct Question {
    runs: Vec<RunId>,
    /// Whether only those are wanted that are in trouble.
    only_trouble: bool,
    asker: oneshot::Sender<Vec<(RunId, Why)>>,
    /// Held until the shard has taken it.
    _place: OwnedSemaphorePermit,
}

/// The places in the inboxes of the shards.
pub(crate) struct Surveys(Box<[Arc<Semaphore>]>);

impl Surveys {
    /// All places are free.
    pub(crate) fn new(shards: usize) -> Self {
        Self((0..shards).map(|_| Arc::new(Semaphore::new(IN_LINE))).collect())
    }
}

impl Engine {
    /// Why each of these runs waits; of those that are in trouble only, if it is so wanted. A run of
    /// which nothing is said has ended, or is in no trouble.
    pub(crate) async fn survey(
        &self,
        runs: Vec<RunId>,
        only_trouble: bool,
    ) -> BTreeMap<RunId, Why> {
        let mut by_shard = BTreeMap::<usize, Vec<RunId>>::new();
        for run in runs {
            by_shard.entry(shard_of(run, self.0.config.shards)).or_default().push(run);
        }
        let answers =
            by_shard.into_iter().map(|(shard, runs)| self.ask_shard(shard, runs, only_trouble));
        join_all(answers)
            .await
            .into_iter()
            .flatten()
            .map(|(run, why)| (run, why.worded()))
            .collect()
    }

    async fn ask_shard(
        &self,
        shard: usize,
        runs: Vec<RunId>,
        only_trouble: bool,
    ) -> Vec<(RunId, Why)> {
        let unanswered = || runs.iter().map(|run| (*run, Why::unanswered())).collect();
        let Ok(place) = Arc::clone(&self.0.surveys.0[shard]).try_acquire_owned() else {
            return unanswered();
        };
        let (asker, answer) = oneshot::channel();
        let question = Question { runs: runs.clone(), only_trouble, asker, _place: place };
        self.0.inboxes.send(runs[0], Message::Survey(question));
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(whys)) => whys,
            Ok(Err(_)) | Err(_) => unanswered(),
        }
    }
}

impl Shard {
    /// Says how a run stands, in the line of the turns: never ahead of the disk.
    pub(crate) fn inspect(&self, id: RunId, asker: oneshot::Sender<Option<Inspection>>) {
        let inspection = self.runs.get(&id).map(|live| Inspection {
            record: live.record.clone(),
            turns: live.run.turns(),
            waits_for: waits::waits_for(live, &self.watched, self.outside.runner.steps()),
        });
        self.committer.submit(Draft::nothing(), move |written| {
            let _gone = asker.send(inspection.filter(|_| written.is_ok()));
        });
    }

    /// Says why runs wait, in the line of the turns: never ahead of the disk.
    pub(crate) fn answer(&self, question: Question) {
        let Question { runs, only_trouble, asker, _place } = question;
        if asker.is_closed() {
            return;
        }
        let steps = self.outside.runner.steps();
        let lives = runs.into_iter().filter_map(|id| Some((id, self.runs.get(&id)?)));
        let whys = lives.map(|(id, live)| (id, why(live, steps)));
        let whys: Vec<_> = whys.filter(|(_, why)| !only_trouble || why.trouble.is_some()).collect();
        self.committer.submit(Draft::nothing(), move |written| {
            // Who has gone in the meantime needs no answer.
            let _gone = written.is_ok().then(|| asker.send(whys));
        });
    }
}

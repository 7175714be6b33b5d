//! Asking the shards why runs wait: many runs at once, and for no longer than a list may take. A shard
//! that does not answer costs a list a moment, and holds up nobody else.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use segno_api::Why;
use segno_journal::RunId;
use tokio::sync::oneshot;

use crate::engine::handle::Engine;
use crate::engine::inbox::{Message, Question};

/// How long a list waits for a shard: some turns and a commit, not a shard that does not answer.
const PATIENCE: Duration = Duration::from_secs(1);

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
            by_shard.entry(self.0.inboxes.shard_of(run)).or_default().push(run);
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
        let Some(place) = self.0.admission.question(shard) else { return unanswered() };
        let (asker, answer) = oneshot::channel();
        let question = Question { runs: runs.clone(), only_trouble, asker, _place: place };
        self.0.inboxes.send(runs[0], Message::Survey(question));
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(whys)) => whys,
            Ok(Err(_)) | Err(_) => unanswered(),
        }
    }
}

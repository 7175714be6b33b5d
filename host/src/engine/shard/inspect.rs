//! What a shard says of its runs to whoever asks.

use segno_journal::RunId;
use tokio::sync::oneshot;

use crate::engine::inbox::{Inspection, Question};
use crate::engine::shard::why::why;
use crate::engine::shard::{Shard, waits};
use crate::store::Draft;

impl Shard {
    /// Says how a run stands, in the line of the turns: never ahead of the disk.
    pub(crate) fn inspect(&self, id: RunId, asker: oneshot::Sender<Option<Inspection>>) {
        let inspection = self.runs.get(&id).map(|active| Inspection {
            record: active.record.clone(),
            turns: active.run.turns(),
            waits_for: waits::waits_for(
                active,
                (&self.suspects, &self.heartbeats),
                self.outside.steps(),
            ),
            cleanup: waits::cleanup(active),
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
        let steps = self.outside.steps();
        let lives = runs.into_iter().filter_map(|id| Some((id, self.runs.get(&id)?)));
        let whys = lives.map(|(id, active)| (id, why(active, steps)));
        let whys: Vec<_> = whys.filter(|(_, why)| !only_trouble || why.trouble.is_some()).collect();
        self.committer.submit(Draft::nothing(), move |written| {
            // Who has gone in the meantime needs no answer.
            let _gone = written.is_ok().then(|| asker.send(whys));
        });
    }
}

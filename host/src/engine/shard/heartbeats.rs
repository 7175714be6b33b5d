//! What steps that are under way last said of how far they are: the next attempt is told.

use std::sync::Arc;

use segno_journal::{Op, RunId};

use crate::engine::shard::of_steps::OfSteps;
use crate::store::Draft;

/// The last heartbeats of the steps of a shard. Of those that send none there is nothing.
#[derive(Default)]
pub(crate) struct Heartbeats(OfSteps<Arc<str>>);

impl Heartbeats {
    /// Those that are known from before.
    pub(crate) fn new(known: impl Iterator<Item = (RunId, Op, String)>) -> Self {
        Self(OfSteps::new(known.map(|(run, op, details)| (run, op, details.into()))))
    }

    /// What a step last said, as JSON.
    pub(crate) fn get(&self, run: RunId, op: Op) -> Option<Arc<str>> {
        self.0.get(run, op).cloned()
    }

    /// A step says this.
    pub(crate) fn put(&mut self, run: RunId, op: Op, details: Arc<str>) {
        self.0.put(run, op, details);
    }

    /// The runs that steps have said something for, of those that a shard does not own.
    pub(crate) fn strangers(&self, owns: impl Fn(RunId) -> bool) -> impl Iterator<Item = RunId> {
        self.0.strangers(owns)
    }

    /// Forgets the steps that are over with a turn; or all of the run, if that is over.
    pub(crate) fn forget<T>(
        &mut self,
        draft: Draft<T>,
        run: RunId,
        over: &[Op],
        has_ended: bool,
    ) -> Draft<T> {
        let forgotten = self.0.forget(run, over, has_ended);
        forgotten.into_iter().fold(draft, |draft, op| draft.without_heartbeat(run, op))
    }

    /// Forgets all steps of a run.
    pub(crate) fn forget_run<T>(&mut self, draft: Draft<T>, run: RunId) -> Draft<T> {
        self.forget(draft, run, &[], true)
    }
}

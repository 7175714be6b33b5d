//! What steps that are under way last said of how far they are: the next attempt is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use segno_journal::{Op, RunId};

use crate::store::Draft;

/// The last heartbeats of the steps of a shard. Of those that send none there is nothing.
#[derive(Default)]
pub(crate) struct Heartbeats(BTreeMap<(RunId, Op), Arc<str>>);

impl Heartbeats {
    /// Those that are known from before.
    pub(crate) fn new(known: impl Iterator<Item = (RunId, Op, String)>) -> Self {
        Self(known.map(|(run, op, details)| ((run, op), details.into())).collect())
    }

    /// What a step last said, as JSON.
    pub(crate) fn get(&self, run: RunId, op: Op) -> Option<Arc<str>> {
        self.0.get(&(run, op)).cloned()
    }

    /// A step says this.
    pub(crate) fn put(&mut self, run: RunId, op: Op, details: Arc<str>) {
        self.0.insert((run, op), details);
    }

    /// The runs that steps have said something for, of those that a shard does not own.
    pub(crate) fn strangers(&self, owns: impl Fn(RunId) -> bool) -> Vec<RunId> {
        self.0.keys().map(|(run, _)| *run).filter(|run| !owns(*run)).collect()
    }

    /// Forgets the steps that are over with a turn; or all of the run, if that is over.
    pub(crate) fn forget<T>(
        &mut self,
        draft: Draft<T>,
        run: RunId,
        over: &[Op],
        has_ended: bool,
    ) -> Draft<T> {
        if has_ended {
            return self.forget_run(draft, run);
        }
        let known = over.iter().filter(|op| self.0.remove(&(run, **op)).is_some());
        known.fold(draft, |draft, op| draft.without_heartbeat(run, *op))
    }

    /// Forgets all steps of a run.
    pub(crate) fn forget_run<T>(&mut self, draft: Draft<T>, run: RunId) -> Draft<T> {
        let forgotten = self.0.extract_if((run, Op(0))..=(run, Op(u64::MAX)), |_, _| true);
        forgotten.fold(draft, |draft, ((run, op), _)| draft.without_heartbeat(run, op))
    }
}

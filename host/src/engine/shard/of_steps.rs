//! What a shard knows of some of the steps of its runs, in step with rows on disk.

use std::collections::BTreeMap;

use segno_journal::{Op, RunId};

/// Something of each of some steps. Mostly there are few.
pub(crate) struct OfSteps<T>(BTreeMap<(RunId, Op), T>);

impl<T> Default for OfSteps<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> OfSteps<T> {
    /// What is known from before.
    pub(crate) fn new(known: impl IntoIterator<Item = (RunId, Op, T)>) -> Self {
        Self(known.into_iter().map(|(run, op, thing)| ((run, op), thing)).collect())
    }

    pub(crate) fn get(&self, run: RunId, op: Op) -> Option<&T> {
        self.0.get(&(run, op))
    }

    pub(crate) fn get_mut(&mut self, run: RunId, op: Op) -> Option<&mut T> {
        self.0.get_mut(&(run, op))
    }

    pub(crate) fn put(&mut self, run: RunId, op: Op, thing: T) {
        self.0.insert((run, op), thing);
    }

    /// The runs of which something is known and which a shard does not own.
    pub(crate) fn strangers(&self, owns: impl Fn(RunId) -> bool) -> impl Iterator<Item = RunId> {
        self.0.keys().map(|(run, _)| *run).filter(move |run| !owns(*run))
    }

    /// Forgets the steps that are over with a turn, or all of the run if that is over. Gives those of which
    /// something was known: they have a row.
    pub(crate) fn forget(&mut self, run: RunId, over: &[Op], has_ended: bool) -> Vec<Op> {
        if has_ended {
            let forgotten = self.0.extract_if((run, Op(0))..=(run, Op(u64::MAX)), |_, _| true);
            return forgotten.map(|((_, op), _)| op).collect();
        }
        over.iter().copied().filter(|op| self.0.remove(&(run, *op)).is_some()).collect()
    }
}

#[cfg(test)]
mod tests {
    use segno_journal::Timestamp;

    use super::*;

    #[test]
    fn steps_are_known_until_they_or_their_run_are_over() {
        let [one, other] = [1, 2].map(|number| RunId::from_parts(Timestamp(0), number));
        let mut known = OfSteps::new([(one, Op(1), 'a'), (one, Op(2), 'b'), (other, Op(1), 'c')]);
        assert_eq!(known.forget(one, &[Op(1), Op(9)], false), [Op(1)]);
        assert_eq!((known.get(one, Op(1)), known.get(one, Op(2))), (None, Some(&'b')));
        assert_eq!(known.strangers(|run| run == one).collect::<Vec<_>>(), [other]);
        assert_eq!(known.forget(one, &[], true), [Op(2)]);
        assert_eq!(known.get(other, Op(1)), Some(&'c'));
    }
}

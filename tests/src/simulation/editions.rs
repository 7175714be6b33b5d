//! The editions of the workflows that are deployed one after the other: they do the same, and each is a
//! module of its own.

use std::collections::{BTreeMap, BTreeSet};

use segno_host::engine::Deployed;
use segno_host::store::{RunRecord, Store};
use segno_journal::{Digest, RunId};

/// How many there are.
pub(crate) const EDITIONS: u8 = 3;

/// Which modules new runs were started on, and which runs are on which.
#[derive(Clone, Default)]
pub(crate) struct Editions {
    /// The modules that were current on disk, in order.
    current: Vec<Digest>,
    /// Which of them may be current for what is asked now: this one or a later one.
    known: usize,
    /// On which module each run was first seen.
    first: BTreeMap<RunId, Digest>,
    /// The runs whose code was looked at since the host was opened.
    looked_at: BTreeSet<RunId>,
}

impl Editions {
    /// Looks at what is current on disk.
    pub(crate) fn look(&mut self, store: &Store) {
        let workflows = store.workflows().expect("the store can be read");
        let Some((_, digest)) = workflows.first() else { return };
        let one_deploy = workflows.iter().all(|(_, other)| other == digest);
        assert!(one_deploy, "the workflows of a module were not deployed at once: {workflows:?}");
        if self.current.last() != Some(digest) {
            self.current.push(*digest);
        }
    }

    /// Looks at a run on disk: the code that it is on is there until it has ended.
    pub(crate) fn look_at_run(&mut self, run: RunId, record: &RunRecord, store: &Store) {
        self.first.entry(run).or_insert(record.module);
        if record.standing.ended_at().is_none() && self.looked_at.insert(run) {
            let code = store.code(record.module).expect("the store can be read");
            assert!(code.is_some(), "the code of {run} is gone: {record:?}");
        }
    }

    /// A host was opened: it knows what is on disk.
    pub(crate) fn opened(&mut self, store: &Store) {
        self.look(store);
        self.looked_at.clear();
        self.known = self.current.len().saturating_sub(1);
    }

    /// A deploy was answered: what is asked from now on is started on it, or on a later one.
    pub(crate) fn deployed(&mut self, deployed: &Deployed) {
        let at = self.current.iter().rposition(|digest| digest.to_string() == deployed.digest);
        self.known = self.known.max(at.expect("a deploy was answered, and it is not on disk"));
    }

    /// Since when what is asked now may be current.
    pub(crate) fn known(&self) -> usize {
        self.known
    }

    /// A run was started that was asked for since then.
    pub(crate) fn started(&self, run: RunId, since: usize) {
        let module = self.first[&run];
        let may_be = self.current[since..].contains(&module);
        assert!(may_be, "{run} was started on {module}, which was not current any more");
    }

    /// All runs have ended: no module is left but the current one.
    pub(crate) fn at_the_end(&self, store: &Store) {
        let modules = store.modules().expect("the store can be read");
        let left: Vec<_> = modules
            .iter()
            .map(|(digest, _)| digest)
            .filter(|digest| self.current.last() != Some(*digest))
            .collect();
        assert!(left.is_empty(), "modules are left that nothing needs: {left:?}");
    }
}

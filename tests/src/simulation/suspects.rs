//! What the witness knows of steps that ran when the host went down: only they may be suspected, and of
//! those that are watched it is on disk that they begin before they do.

use std::collections::{BTreeMap, BTreeSet};

use segno_host::steps::StepAttempt;
use segno_host::store::Store;
use segno_journal::{Op, RunId, Timestamp};

/// The steps that may be suspected.
#[derive(Clone, Default)]
pub(crate) struct Suspects {
    /// Those that are watched since the last start.
    watched: BTreeSet<(RunId, Op)>,
    /// How often the host went down when it was on disk that an attempt of a step had begun.
    crashes: BTreeMap<(RunId, Op), u32>,
}

impl Suspects {
    /// A host was opened, after a crash or an orderly stop, and has not set its runs going: these
    /// operations were open.
    pub(crate) fn opened(
        &mut self,
        open: impl Iterator<Item = (RunId, Op)>,
        store: &Store,
        has_crashed: bool,
    ) {
        let known = store.losses().expect("the store can be read");
        if has_crashed {
            let running = known.iter().filter(|(.., losses)| losses.running);
            running.for_each(|(run, op, _)| *self.crashes.entry((*run, *op)).or_default() += 1);
            self.watched = open.collect();
        } else {
            self.watched = known.into_iter().map(|(run, op, _)| (run, op)).collect();
        }
    }

    /// A run is tried again: of its steps nothing was under way at the last start.
    pub(crate) fn began_anew(&mut self, id: RunId) {
        self.watched.retain(|(run, _)| *run != id);
    }

    /// An attempt began.
    pub(crate) fn began(&self, attempt: &StepAttempt, now: Timestamp, store: &Store) {
        let step = (attempt.run, attempt.op);
        if !self.watched.contains(&step) {
            return;
        }
        let known = store.losses().expect("the store can be read");
        let losses =
            known.into_iter().find(|(run, op, _)| (*run, *op) == step).map(|(.., losses)| losses);
        let losses =
            losses.unwrap_or_else(|| panic!("{step:?} began, and it is not on disk that it did"));
        assert!(losses.running, "{step:?} began, and the disk says that it does not run");
        assert!(!losses.is_stopped(), "{step:?} began, and was to begin no more");
        assert!(losses.retry_at <= now, "{step:?} began before its pause was over");
        let crashes = self.crashes.get(&step).copied().unwrap_or_default();
        assert!(
            losses.count <= crashes,
            "{step:?} is suspected of {} crashes, not {crashes}",
            losses.count
        );
    }
}

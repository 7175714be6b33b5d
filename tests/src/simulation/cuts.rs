//! What is kept of the journal of each run: all of it, or only its last turns and the images that stand
//! for the others.

use std::collections::{BTreeMap, BTreeSet};

use segno_host::store::{RunRecord, Standing, Store};
use segno_journal::{BlockKind, Blocked, RunId, Turn};

use crate::simulation::damage::ImageKey;
use crate::simulation::turns::turns;

/// The workflow of whose runs only the last turns are kept.
pub(crate) const KEPT_WORKFLOW: &str = "medley_kept";

/// How many these are.
const KEPT: u64 = 8;

/// How many turns lie between two images at most, where they are taken as often as in a life: as many as
/// one may cost that has compressed badly.
pub(crate) const FEW: u64 = 48;

/// What was seen of journals and images.
#[derive(Clone, Default)]
pub(crate) struct Cuts {
    /// The positions of the two newest images that a run ever had on disk, newest first.
    images: BTreeMap<RunId, [u64; 2]>,
    /// The images that were harmed.
    harmed: BTreeSet<ImageKey>,
    /// The runs that cannot go on any more: their first turns were forgotten, and all their images are
    /// harmed.
    lost: BTreeSet<RunId>,
    /// The runs that somebody tried to let go on on another module.
    tried_elsewhere: BTreeSet<RunId>,
    /// Turns were forgotten.
    has_cut: bool,
}

impl Cuts {
    /// Looks at what is on disk of a run that has had so many turns.
    pub(crate) fn look(&mut self, run: RunId, record: &RunRecord, had: u64, store: &Store) {
        self.look_at_block(run, record);
        let has_ended = record.standing.ended_at().is_some();
        if &*record.workflow != KEPT_WORKFLOW {
            return;
        }
        let images = store.images(run).expect("the store can be read");
        if has_ended {
            // In the last transaction there may have been images that nobody saw.
            return assert!(
                images.is_empty() || self.lost.contains(&run),
                "images of {run} are left"
            );
        }
        let seen = self.images.entry(run).or_default();
        for (position, _) in images.into_iter().rev() {
            if position > seen[0] {
                *seen = [position, seen[0]];
            }
        }
        let [newest, older] = *seen;
        let Some(first) = store.first_turn_after(run, 0).expect("the store can be read") else {
            return;
        };
        assert!(
            first <= older.min(newest.saturating_sub(KEPT)).max(1),
            "{run}: turns before {first} are gone"
        );
        self.has_cut |= first > 1;
        let kept = had - first;
        assert!(kept <= KEPT + 2 * FEW, "{run}: {kept} turns are kept of {had}");
    }

    /// Only a run that is lost is blocked for its journal, or one that was tried elsewhere; it says why.
    fn look_at_block(&self, run: RunId, record: &RunRecord) {
        if let Standing::Blocked(Blocked { kind: BlockKind::Journal, message }) = &record.standing {
            let why = "none of its images can be used, and its turns before ";
            assert!(message.contains(why), "{run} is blocked: {message}");
            let may_be = self.lost.contains(&run) || self.tried_elsewhere.contains(&run);
            assert!(may_be, "{run} cannot go on, though not all its images were harmed: {message}");
        }
    }

    /// Whether turns of any run were forgotten.
    pub(crate) fn has_cut(&self) -> bool {
        self.has_cut
    }

    /// The images that were harmed.
    pub(crate) fn harmed(&self) -> &BTreeSet<ImageKey> {
        &self.harmed
    }

    /// These images were harmed while no host ran.
    pub(crate) fn harm(&mut self, images: BTreeSet<ImageKey>) {
        self.harmed.extend(images);
    }

    /// A host was opened on what is there now.
    pub(crate) fn opened(&mut self, store: &Store) {
        let runs: BTreeSet<_> = self.harmed.iter().map(|(run, _)| *run).collect();
        let unfinished = store.unfinished().expect("the store can be read");
        for run in unfinished.into_iter().filter(|run| runs.contains(run)) {
            let first = store.first_turn_after(run, 0).expect("the store can be read");
            let images = store.images(run).expect("the store can be read");
            let has_none =
                images.iter().all(|(position, _)| self.harmed.contains(&(run, *position)));
            if has_none && first > Some(1) {
                self.lost.insert(run);
            }
        }
    }

    /// Somebody tries to let a run go on on another module: it cannot, where its turns were forgotten.
    pub(crate) fn tried_elsewhere(&mut self, run: RunId) {
        self.tried_elsewhere.insert(run);
    }

    /// Whether the run can go on no more.
    pub(crate) fn is_lost(&self, run: RunId) -> bool {
        self.lost.contains(&run)
    }

    /// What was on disk of a run still is, but for turns that it may forget. Nothing comes after its
    /// end.
    pub(crate) fn survived(run: RunId, (seen, is_over): (&[Turn], bool), store: &Store) {
        let kept = turns(store, run, 0);
        let had = kept.last().map_or(0, |last| last.seq + 1);
        assert!(had >= seen.len() as u64, "{run} has lost turns that were on disk");
        assert!(!is_over || had == seen.len() as u64, "{run} has had turns after its end");
        for (before, after) in kept.iter().zip(kept.iter().skip(1)) {
            assert!(
                before.seq == 0 || before.seq + 1 == after.seq,
                "{run} has no turn {}",
                before.seq + 1
            );
        }
        for turn in &kept {
            let before = usize::try_from(turn.seq).ok().and_then(|seq| seen.get(seq));
            assert!(
                before.is_none_or(|before| before == turn),
                "{run} has another turn than was on disk: {turn:?}"
            );
        }
    }
}

//! Copies of runs that were asked lately, as they were before they were asked: the next copy of such a run
//! needs only the turns since then.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use segno_journal::{Digest, RunId};

use crate::sandbox::Image;

/// How many runs have a copy kept.
const KEPT: usize = 16;

/// How large the memory of one may be, in bytes.
const LARGEST: usize = 4 << 20;

/// The copies that are kept, the one that was of use last at the end.
#[derive(Default)]
pub(crate) struct Copies(Mutex<VecDeque<Kept>>);

#[derive(Clone)]
struct Kept {
    run: RunId,
    module: Digest,
    turns: u64,
    image: Arc<Image>,
}

impl Copies {
    /// The copy of a run on this module that has had so many turns at most: how many, and what it was.
    pub(crate) fn find(&self, run: RunId, module: Digest, turns: u64) -> Option<(u64, Arc<Image>)> {
        let mut kept = self.0.lock();
        let at = kept.iter().position(|it| it.run == run)?;
        let found = kept.remove(at)?;
        kept.push_back(found.clone());
        let is_of_use = found.module == module && found.turns <= turns;
        is_of_use.then_some((found.turns, found.image))
    }

    /// Keeps what a copy was after so many turns, unless a later one is kept.
    pub(crate) fn keep(&self, run: RunId, module: Digest, turns: u64, image: Image) {
        if image.memory.len() > LARGEST {
            return;
        }
        let mut kept = self.0.lock();
        if let Some(at) = kept.iter().position(|it| it.run == run) {
            if kept[at].module == module && kept[at].turns >= turns {
                return;
            }
            kept.remove(at);
        }
        kept.push_back(Kept { run, module, turns, image: Arc::new(image) });
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }

    /// Forgets the copy of a run: the turns behind it did not follow from it.
    pub(crate) fn forget(&self, run: RunId) {
        self.0.lock().retain(|it| it.run != run);
    }
}

#[cfg(test)]
mod tests {
    use segno_journal::Timestamp;

    use super::*;

    const MODULE: Digest = Digest::from_bytes([1; 32]);

    fn run(number: u128) -> RunId {
        RunId::from_parts(Timestamp(1), number)
    }

    fn image(size: usize) -> Image {
        Image { pages: 1, operations: 0, memory: vec![0; size] }
    }

    fn turns(copies: &Copies, number: u128, turns: u64) -> Option<u64> {
        copies.find(run(number), MODULE, turns).map(|(turns, _image)| turns)
    }

    #[test]
    fn the_latest_copy_is_kept_and_is_of_use_to_those_that_come_after_it() {
        let copies = Copies::default();
        copies.keep(run(1), MODULE, 9, image(1));
        copies.keep(run(1), MODULE, 7, image(1));
        assert_eq!(
            (turns(&copies, 1, 8), turns(&copies, 1, 9), turns(&copies, 1, 99)),
            (None, Some(9), Some(9))
        );
        let other = Digest::from_bytes([2; 32]);
        assert!(copies.find(run(1), other, 99).is_none(), "another module made it");
        copies.keep(run(1), other, 3, image(1));
        assert_eq!(turns(&copies, 1, 99), None, "the run was moved");
        copies.forget(run(1));
        assert!(copies.find(run(1), other, 99).is_none());
    }

    #[test]
    fn those_that_were_of_use_lately_are_kept_and_no_large_ones() {
        let copies = Copies::default();
        copies.keep(run(0), MODULE, 1, image(LARGEST + 1));
        assert_eq!(turns(&copies, 0, 1), None);
        for number in 0..KEPT as u128 {
            copies.keep(run(number), MODULE, 1, image(1));
        }
        assert_eq!(turns(&copies, 0, 1), Some(1));
        copies.keep(run(99), MODULE, 1, image(1));
        assert_eq!((turns(&copies, 0, 1), turns(&copies, 1, 1)), (Some(1), None));
    }
}

//! When an image of a run is taken, and which are kept.
//!
//! An image stands for all turns before its position. Two are kept, so that one may be damaged.
//! What an image costs is writing it; what it saves is replaying the turns behind it, when the run
//! comes back. Both are bounded here.

use crate::engine::config::ImageTurns;

/// How much fuel takes as long as reading a turn back and delivering it.
const FUEL_PER_TURN: u64 = 10_000;

/// How many bytes of images are written for each turn at most, over time: the image of a large
/// memory is taken more rarely.
const BYTES_PER_TURN: u64 = 256;

/// How many turns are forgotten at once: the line of those who wait for the disk must not stand
/// still for it.
pub(crate) const CUT_AT_ONCE: u64 = 1_024;

/// What is known of the images of a run, and of the journal behind them.
#[derive(Debug)]
pub(crate) struct Images {
    newest: Option<u64>,
    older: Option<u64>,
    /// How many bytes the newest one has.
    size: u64,
    /// What has happened since the newest one.
    turns: u64,
    fuel: u64,
    /// The guest cannot be saved.
    refused: bool,
    /// The first turn that is on disk, besides turn 0, which says what the run was given.
    first_turn: u64,
}

impl Default for Images {
    fn default() -> Self {
        Self {
            newest: None,
            older: None,
            size: 0,
            turns: 0,
            fuel: 0,
            refused: false,
            first_turn: 1,
        }
    }
}

impl Images {
    /// Of a run that has had `turns` turns, of which those from `first_turn` on are on disk, with
    /// images at these positions, newest first.
    pub(crate) fn found(positions: &[u64], first_turn: u64, turns: u64) -> Self {
        let newest = positions.first().copied();
        let since = turns.saturating_sub(newest.unwrap_or_default());
        Self {
            newest,
            older: positions.get(1).copied(),
            turns: since,
            first_turn,
            ..Self::default()
        }
    }

    /// The positions of the images that are on disk or on their way.
    pub(crate) fn positions(&self) -> impl Iterator<Item = u64> + use<> {
        self.newest.into_iter().chain(self.older)
    }

    /// The first turn that is on disk, besides turn 0.
    pub(crate) const fn first_turn(&self) -> u64 {
        self.first_turn
    }

    /// Whether all turns of the run are on disk.
    pub(crate) const fn has_whole_journal(&self) -> bool {
        self.first_turn <= 1
    }

    /// The run has had a turn that took so much fuel.
    pub(crate) const fn note_turn(&mut self, fuel: u64) {
        self.turns += 1;
        self.fuel = self.fuel.saturating_add(fuel);
    }

    /// The guest cannot be saved; nobody asks it again.
    pub(crate) const fn refuse(&mut self) {
        self.refused = true;
    }

    /// Whether an image is worth its while though the guest stays.
    pub(crate) const fn is_due(&self, after: ImageTurns) -> bool {
        self.is_worth(after.live, after.apart)
    }

    /// Whether an image is worth its while since the guest is let go.
    pub(crate) const fn is_due_when_let_go(&self, after: ImageTurns) -> bool {
        self.is_worth(after.let_go, after.apart)
    }

    const fn is_worth(&self, turns: u64, apart: u64) -> bool {
        let owed = self.turns.saturating_add(self.fuel / FUEL_PER_TURN);
        !self.refused
            && self.turns >= apart
            && owed >= turns
            && owed.saturating_mul(BYTES_PER_TURN) >= self.size
    }

    /// An image of so many bytes at this position is on its way to the disk. Gives the position of
    /// the one that is not needed any more.
    pub(crate) const fn put(&mut self, position: u64, size: u64) -> Option<u64> {
        let unneeded = self.older.take();
        self.older = self.newest.replace(position);
        (self.size, self.turns, self.fuel) = (size, 0, 0);
        unneeded
    }

    /// The image at this position is on disk and cannot be used.
    pub(crate) fn drop_unusable(&mut self, position: u64) {
        if self.older == Some(position) {
            self.older = None;
        } else if self.newest == Some(position) {
            self.newest = self.older.take();
            self.turns += position - self.newest.unwrap_or_default();
        }
    }

    /// None of the images is of use any more. Gives their positions.
    pub(crate) fn forget(&mut self) -> Vec<u64> {
        let positions = self.positions().collect();
        self.turns += self.newest.take().unwrap_or_default();
        (self.older, self.size) = (None, 0);
        positions
    }

    /// The turns that can be forgotten where only the last `keep` are wanted: those for which both
    /// images stand, and never turn 0. They count as forgotten.
    pub(crate) fn cut(&mut self, keep: u64) -> std::ops::Range<u64> {
        let (Some(newest), Some(older)) = (self.newest, self.older) else { return 0..0 };
        // Who goes on from the older image looks for the turn before it.
        let end = older
            .saturating_sub(1)
            .min(newest.saturating_sub(keep))
            .min(self.first_turn + CUT_AT_ONCE);
        let cut = self.first_turn..end.max(self.first_turn);
        self.first_turn = cut.end;
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::config::{APART, WORTH_WHEN_LET_GO, WORTH_WHILE_LIVE};

    fn after(turns: u64, fuel: u64) -> Images {
        let mut images = Images::default();
        (0..turns).for_each(|_| images.note_turn(fuel));
        images
    }

    #[test]
    fn an_image_is_worth_its_while_after_many_turns_or_much_computing() {
        let cases = [
            (after(WORTH_WHILE_LIVE - 1, 0), false, true),
            (after(WORTH_WHILE_LIVE, 0), true, true),
            (after(WORTH_WHEN_LET_GO - 1, 0), false, false),
            (after(WORTH_WHEN_LET_GO, 0), false, true),
            (after(APART, FUEL_PER_TURN * WORTH_WHILE_LIVE), true, true),
            (after(APART - 1, FUEL_PER_TURN * WORTH_WHILE_LIVE), false, false),
        ];
        for (images, live, let_go) in cases {
            let after = ImageTurns::default();
            let due = (images.is_due(after), images.is_due_when_let_go(after));
            assert_eq!(due, (live, let_go), "{images:?}");
        }
    }

    #[test]
    fn a_large_image_is_taken_more_rarely() {
        let mut images = after(WORTH_WHILE_LIVE, 0);
        images.put(WORTH_WHILE_LIVE, 1 << 20);
        let between = (1..).find(|_| {
            images.note_turn(0);
            images.is_due(ImageTurns::default())
        });
        assert_eq!(between, Some((1 << 20) / BYTES_PER_TURN));
    }

    #[test]
    fn a_guest_that_cannot_be_saved_is_asked_once() {
        let mut images = after(10_000, 0);
        images.refuse();
        let after = ImageTurns::default();
        assert!(!images.is_due(after) && !images.is_due_when_let_go(after));
    }

    #[test]
    fn two_images_are_kept_and_the_third_is_unneeded() {
        let mut images = Images::default();
        assert_eq!(
            [300, 600, 900, 1_200].map(|position| images.put(position, 0)),
            [None, None, Some(300), Some(600)]
        );
        assert_eq!(images.positions().collect::<Vec<_>>(), [1_200, 900]);
        let mut found = Images::found(&[1_200, 900], 1, 1_300);
        assert_eq!((found.turns, found.put(1_500, 0)), (100, Some(900)));
    }

    #[test]
    fn an_image_that_cannot_be_used_is_no_reason_to_forget_turns() {
        for (unusable, left, turns) in [(1_200, 900, 400), (900, 1_200, 100)] {
            let mut images = Images::found(&[1_200, 900], 1, 1_300);
            images.drop_unusable(unusable);
            assert_eq!((images.positions().collect::<Vec<_>>(), images.turns), (vec![left], turns));
            assert_eq!(images.cut(0), 0..0);
            images.drop_unusable(left);
            assert_eq!((images.positions().count(), images.turns), (0, 1_300));
        }
    }

    #[test]
    fn only_turns_behind_both_images_and_beyond_the_wanted_ones_are_forgotten() {
        let mut images = Images::default();
        images.put(300, 0);
        assert!(images.cut(10).is_empty(), "one image may be damaged");
        images.put(600, 0);
        assert_eq!(images.cut(400), 1..200);
        assert_eq!(images.cut(400), 200..200);
        assert_eq!(images.cut(10), 200..299);
        images.put(900, 0);
        assert!(images.cut(900).is_empty() && images.cut(u64::MAX).is_empty());
        assert!(!images.has_whole_journal());
    }

    #[test]
    fn what_is_forgotten_at_once_is_bounded() {
        let mut images = Images::found(&[1_000_000, 999_000], 1, 1_000_000);
        assert_eq!(images.cut(1), 1..1 + CUT_AT_ONCE);
        assert_eq!(images.cut(1), 1 + CUT_AT_ONCE..1 + 2 * CUT_AT_ONCE);
    }
}

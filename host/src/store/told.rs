//! What the guest of a run is told of it in each of its turns.

use segno_journal::{RunId, Timestamp};

use crate::store::lineage::{Ancestor, Lineage, MAX_ANCESTORS};
use crate::store::records::RunRecord;

impl RunRecord {
    /// Which run the guest of this one is told to be in a turn.
    #[must_use]
    pub fn told(&self, run: RunId, turn: u64) -> Ancestor {
        let mut of_before = self.forked.iter().flat_map(|lineage| &lineage.ancestors);
        of_before.find(|ancestor| turn < ancestor.until).cloned().unwrap_or(Ancestor {
            run,
            seed: self.seed,
            parent: self.parent.as_ref().map(|parent| parent.run),
            until: u64::MAX,
        })
    }

    /// When the guest of this run is told that it was started.
    #[must_use]
    pub fn told_start(&self) -> Timestamp {
        self.forked.as_ref().map_or(self.started_at, |lineage| lineage.started_at)
    }

    /// The last number under which turns of the runs were set aside that it has turns of.
    #[must_use]
    pub fn set_aside(&self) -> u32 {
        self.forked.as_ref().map_or(0, |lineage| lineage.set_aside)
    }

    /// Of which runs a fork of this one would have its turns, which leaves it before a turn; nothing where there are
    /// too many.
    #[must_use]
    pub fn lineage_before(&self, run: RunId, turn: u64) -> Option<Lineage> {
        let mut ancestors = Vec::new();
        let mut from = 0;
        while from < turn {
            let told = self.told(run, from);
            let until = told.until.min(turn);
            ancestors.push(Ancestor { until, ..told });
            from = until;
        }
        let (started_at, set_aside) = (self.told_start(), self.set_aside());
        let (from, fingerprint) = (run, 0);
        let lineage = Lineage { from, turn, started_at, ancestors, set_aside, fingerprint };
        (lineage.ancestors.len() <= MAX_ANCESTORS).then_some(lineage)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use segno_journal::Digest;

    use super::*;
    use crate::store::Standing;

    fn run(number: u128) -> RunId {
        RunId::from_parts(Timestamp(1), number)
    }

    fn record(seed: u8) -> RunRecord {
        let module = Digest::from_bytes([0; 32]);
        RunRecord::new("w".into(), module, Timestamp(seed.into()), [seed; 32], Standing::Running)
    }

    fn fork(of: (&RunRecord, u128), turn: u64, seed: u8) -> RunRecord {
        let lineage = of.0.lineage_before(run(of.1), turn).expect("there are few");
        RunRecord { forked: Some(Arc::new(lineage)), ..record(seed) }
    }

    fn told(record: &RunRecord, turns: &[u64]) -> Vec<(RunId, u8)> {
        let of = |turn: &u64| record.told(run(9), *turn);
        turns.iter().map(of).map(|told| (told.run, told.seed[0])).collect()
    }

    #[test]
    fn a_fork_is_told_to_be_the_run_whose_turn_it_was() {
        let first = record(1);
        assert_eq!(told(&first, &[0, 5]), [(run(9), 1), (run(9), 1)]);
        let second = fork((&first, 1), 3, 2);
        assert_eq!(told(&second, &[0, 2, 3]), [(run(1), 1), (run(1), 1), (run(9), 2)]);
        let third = fork((&second, 2), 5, 3);
        assert_eq!(
            told(&third, &[2, 3, 4, 5]),
            [(run(1), 1), (run(2), 2), (run(2), 2), (run(9), 3)]
        );
        assert_eq!(third.told_start(), Timestamp(1), "the first one was started then");
    }

    #[test]
    fn a_fork_that_leaves_a_fork_where_that_was_another_run_has_turns_of_that_only() {
        let second = fork((&record(1), 1), 3, 2);
        let third = fork((&second, 2), 3, 3);
        let lineage = third.forked.as_deref().expect("it is a fork");
        assert_eq!((lineage.from, lineage.turn, lineage.ancestors.len()), (run(2), 3, 1));
        assert_eq!(told(&third, &[2, 3]), [(run(1), 1), (run(9), 3)]);
    }

    #[test]
    fn forks_of_forks_come_to_an_end() {
        let mut last = record(0);
        for turn in 1..=MAX_ANCESTORS as u64 {
            last = fork((&last, turn.into()), turn, 1);
        }
        assert_eq!(last.lineage_before(run(999), MAX_ANCESTORS as u64 + 1), None);
        assert!(last.lineage_before(run(999), 5).is_some(), "it leaves that early");
    }
}

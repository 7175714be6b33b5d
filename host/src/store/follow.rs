//! Whether the turns of a run follow one another, and say the same as its record.

use segno_journal::{Run, Turn, Verdict};

use crate::store::records::Standing;

/// The turns of a run, one after the other.
#[derive(Default)]
pub(super) struct Journal {
    /// The position of the next turn.
    next: u64,
    /// The state of the run; nothing where turns were forgotten, as its workflow wishes.
    run: Option<Run>,
    has_forgotten: bool,
    verdict: Option<Verdict>,
}

impl Journal {
    /// Takes the next turn, or says what is wrong with it.
    pub(super) fn follow(self, turn: &Turn) -> Result<Self, String> {
        let gap = turn.seq != self.next;
        if gap && (self.next != 1 || turn.seq == 0) {
            return Err(format!("turn {} is missing", self.next));
        }
        let has_forgotten = self.has_forgotten || gap;
        let run = if has_forgotten {
            None
        } else {
            let applied = self.run.unwrap_or_default().apply(turn);
            Some(applied.map_err(|fault| format!("turn {}: {fault}", turn.seq))?.0)
        };
        Ok(Self { next: turn.seq + 1, run, has_forgotten, verdict: Some(turn.verdict.clone()) })
    }

    /// Whether the last turn and the record of the run say the same.
    pub(super) fn agrees(&self, standing: &Standing) -> Result<(), String> {
        let agree = match (&self.verdict, standing) {
            (Some(Verdict::Completed(_)), Standing::Completed(_))
            | (Some(Verdict::Failed(_) | Verdict::FailedAt(_)), Standing::Failed(_))
            | (
                Some(Verdict::Waiting) | None,
                Standing::Running | Standing::Blocked(_) | Standing::Pending | Standing::Paused(_),
            )
            // A run that cannot be read is cancelled without a turn.
            | (_, Standing::Cancelled(_)) => true,
            _ => false,
        };
        if agree {
            Ok(())
        } else {
            Err("its record and its last turn disagree whether it is over".into())
        }
    }
}

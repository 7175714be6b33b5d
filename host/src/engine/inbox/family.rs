//! What shards are told of families of runs.

use segno_journal::{Op, RunId, Signal, Tell};

use crate::engine::admission::Member;
use crate::store::RunRecord;

/// A child that is on disk, and is to begin.
pub(crate) struct Begun {
    pub(crate) run: RunId,
    pub(crate) record: RunRecord,
    pub(crate) member: Member,
}

/// A signal from a run of the same family.
pub(crate) struct FamilySignal {
    /// To whom it is sent.
    pub(crate) run: RunId,
    /// The run that sends it, and as which operation.
    pub(crate) from: (RunId, Op),
    /// What the family of that is known by.
    pub(crate) root: RunId,
    pub(crate) signal: Signal,
}

impl FamilySignal {
    /// What a run sends. To send it again is to send it once: it is known there by a key.
    pub(crate) fn new(from: RunId, root: RunId, tell: Tell) -> Self {
        let Tell { op, to, name, payload } = tell;
        // No key from outside has a control character.
        let key = Some(format!("\u{1}{from}#{op}"));
        let signal = Signal { number: 0, name, payload, key };
        Self { run: to, from: (from, op), root, signal }
    }
}

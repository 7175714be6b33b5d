//! What shards are told of families of runs.

use segno_journal::{Op, RunId, Signal, Tell};

use crate::engine::admission::{Admitted, Carried, Member};
use crate::store::RunRecord;

/// A child, or a run of a batch, that is on disk and is to begin.
pub(crate) struct Begun {
    pub(crate) run: RunId,
    pub(crate) record: RunRecord,
    /// Its place in its family, if it is a child.
    pub(crate) member: Option<Member>,
    /// The room that it takes until it has begun, if it is of a batch.
    pub(crate) _admitted: Option<Admitted>,
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
    /// The room that it takes on its way.
    pub(crate) _carried: Carried,
}

impl FamilySignal {
    /// What a run sends, in this room.
    pub(crate) fn new(from: RunId, root: RunId, tell: Tell, carried: Carried) -> Self {
        let Tell { op, to, name, payload } = tell;
        let signal = Signal { number: 0, name, payload, key: None };
        Self { run: to, from: (from, op), root, signal, _carried: carried }
    }
}

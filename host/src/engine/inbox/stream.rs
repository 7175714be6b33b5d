//! What a shard is told of streams.

use segno_journal::{Op, RunId, Timestamp};

use crate::steps::{Piece, Written};

/// An attempt of a step writes to the streams of its run.
pub(crate) struct StepWrite {
    pub(crate) run: RunId,
    pub(crate) op: Op,
    /// Which attempt, from 1.
    pub(crate) attempt: u32,
    /// When it began.
    pub(crate) begun: Timestamp,
    pub(crate) pieces: Vec<Piece>,
    /// Hears when it is on disk.
    pub(crate) written: Written,
}

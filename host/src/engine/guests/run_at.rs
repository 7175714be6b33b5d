//! A run, as its guest sees it.

use segno_journal::{Run, RunId, Timestamp};

use crate::engine::guests::images::Images;
use crate::sandbox::Facts;
use crate::store::{Ancestor, RunRecord};

/// A run, where it is: what has to be known of it to make its guest again, or an image of that.
#[derive(Clone, Copy)]
pub(crate) struct RunAt<'a> {
    pub(crate) id: RunId,
    pub(crate) record: &'a RunRecord,
    pub(crate) state: &'a Run,
    /// How many turns it has had, or its copy is to have had.
    pub(crate) turns: u64,
    pub(crate) images: &'a Images,
    /// When its last turn was.
    pub(crate) last_at: Timestamp,
}

impl RunAt<'_> {
    /// What its guest is told of it in a turn.
    pub(crate) fn facts(&self, turn: u64) -> Facts {
        let Ancestor { run, seed, parent, until: _ } = self.record.told(self.id, turn);
        let started_at = self.record.told_start();
        Facts { run, workflow: self.record.workflow.to_string(), started_at, seed, parent }
    }
}

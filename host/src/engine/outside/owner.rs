//! Whose an operation is.

use std::sync::Arc;

use segno_journal::{Parent, RunId, Timestamp};

/// The run that a step or a timer belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) run: RunId,
    pub(crate) workflow: Arc<str>,
    /// When the run was started.
    pub(crate) started_at: Timestamp,
    /// Whose child it is, if it is one.
    pub(crate) parent: Option<Arc<Parent>>,
    /// Whether somebody is to be called when the run has ended.
    pub(crate) calls: bool,
}

impl Owner {
    /// What the family of the run is known by.
    pub(crate) fn root(&self) -> RunId {
        self.parent.as_ref().map_or(self.run, |parent| parent.root)
    }
}

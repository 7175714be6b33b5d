//! Whose an operation is.

use std::sync::Arc;

use segno_journal::{RunId, Timestamp};

/// The run that a step or a timer belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) run: RunId,
    pub(crate) workflow: Arc<str>,
    /// When the run was started.
    pub(crate) started_at: Timestamp,
}

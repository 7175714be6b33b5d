//! Whose an operation is.

use std::sync::Arc;

use segno_journal::RunId;

/// The run that a step or a timer belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) run: RunId,
    pub(crate) workflow: Arc<str>,
}

//! Which steps this process has tried: a test waits until one has really begun.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

static TRIED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Whether the step is tried for the first time: from now on it has been.
pub fn is_first(step_id: &str) -> bool {
    TRIED.lock().unwrap_or_else(PoisonError::into_inner).insert(step_id.to_owned())
}

/// Whether a step with this ID has begun in this process.
pub fn has_begun(step_id: &str) -> bool {
    TRIED.lock().unwrap_or_else(PoisonError::into_inner).contains(step_id)
}

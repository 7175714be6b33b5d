//! What a run may know of itself.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::runtime::Runtime;

/// A run, as its workflow sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// `run_` and a ULID.
    pub id: String,
    /// The name of its workflow.
    pub workflow: String,
    /// When it was started.
    pub started_at: Timestamp,
}

/// Which run this is. The same on replay.
///
/// Natively, outside a host, it is `run_detached`.
#[must_use]
pub fn run() -> RunInfo {
    #[cfg(not(target_family = "wasm"))]
    if !Runtime::is_here() {
        return RunInfo {
            id: "run_detached".to_owned(),
            workflow: "detached".to_owned(),
            started_at: crate::now(),
        };
    }
    Runtime::here(|runtime| runtime.host().run())
}

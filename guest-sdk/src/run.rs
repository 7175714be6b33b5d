//! What a run may know of itself.

use jiff::Timestamp;
use segno_guest_runtime::context;
#[cfg(not(target_family = "wasm"))]
use segno_guest_runtime::runtime::Runtime;
use segno_guest_runtime::types;
use serde::{Deserialize, Serialize};

use crate::time;

/// A run, as its workflow sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// `run_` and a ULID.
    pub id: String,
    /// The name of its workflow.
    pub workflow: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// The ID of the run that started it, if it is the [child](crate::spawn) of one.
    #[serde(default)]
    pub parent: Option<String>,
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
            started_at: time::now(),
            parent: None,
        };
    }
    let types::RunInfo { id, workflow, started_at, parent } = context::run();
    RunInfo { id, workflow, started_at: time::moment(started_at), parent }
}

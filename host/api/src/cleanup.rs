//! How a run is cancelled, and what it undoes before it ends.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a run is to be cancelled.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// End it at once: nothing that it registered is undone.
    #[serde(default)]
    pub kill: bool,
    /// How long it may take to clean up, as `30s` or `2h`; one hour where that is left out. Then it ends as failed,
    /// whatever is left to be undone.
    pub within: Option<String>,
}

/// What a run undoes when it fails or is cancelled, and how far it is with that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CleanupView {
    /// The compensations that it has registered and that are not over, oldest first. They run last first.
    pub compensations: Vec<CompensationView>,
    /// Whether it is amid something that is not to be stopped: a cancel waits for that.
    pub shielded: bool,
    /// Whether a cancel waits for it to go on: it is blocked or paused, or its host is, and will be told then.
    #[serde(default)]
    pub cancel_waits: bool,
    /// When it was told to end, if it was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub told_at: Option<Timestamp>,
    /// When it ends at the latest, if it was told to.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Since when its compensations run, if they do.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// With what it fails then; `null` where it is cancelled.
    pub error: Option<String>,
}

/// Something that a run undoes when it fails or is cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CompensationView {
    /// The number of the operation in its run.
    pub op: u64,
    /// Its name.
    pub name: String,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub registered_at: Timestamp,
    /// When it began, if it has.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub begun_at: Option<Timestamp>,
}

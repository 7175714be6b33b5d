//! Whether a host can take work, and what is wrong with it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The host can take work.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`, or `degraded`: some runs wait, because a shard of the host does not answer; others go on.
    /// A host that can do nothing for any run answers 503.
    #[schema(value_type = String, example = "ok")]
    pub status: Cow<'static, str>,
    /// What the host cannot do, though it can take work: which of its shards are held up, and how many
    /// of the steps that runs wait for it lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthReport {
    /// One sentence for each thing that is wrong; none where all is well.
    pub problems: Vec<HealthProblem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthProblem {
    /// What kind of thing, for programs.
    pub kind: ProblemKind,
    /// How many runs, operations, shards or seconds, where that says something.
    pub count: u64,
    /// What is wrong and what to do, as a sentence.
    pub message: String,
}

/// The kinds of things that are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The host takes no work.
    NotReady,
    /// Runs are blocked.
    Blocked,
    /// Runs wait for a step that this host lacks.
    MissingStep,
    /// A step fails again and again.
    Failing,
    /// A part of the host does not answer for its runs.
    Unanswered,
    /// Timers are late.
    Late,
    /// Somebody has paused the host.
    Paused,
}

/// Whether a host is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostPauseView {
    /// Whether it is.
    pub paused: bool,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<jiff::Timestamp>,
    /// The name of the token with which it was paused.
    pub by: Option<String>,
}

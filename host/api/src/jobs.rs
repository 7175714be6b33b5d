//! Jobs: what is done to many runs at once.

use std::fmt;

use jiff::Timestamp;
use segno_journal::{JobId, RunId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::filter::RunCounts;
use crate::runs::RunStatus;

/// What a job does to each run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// It cancels it.
    Cancel,
    /// It holds it up.
    Pause,
    /// It lets it go on.
    Resume,
    /// It has it tried again from where it failed.
    Retry,
    /// It deletes it.
    Delete,
    /// It moves it to another module.
    Move,
}

impl JobKind {
    /// How the runs stand to which it can be done.
    #[must_use]
    pub const fn takes(self) -> &'static [RunStatus] {
        match self {
            Self::Cancel | Self::Move => {
                &[RunStatus::Pending, RunStatus::Running, RunStatus::Blocked, RunStatus::Paused]
            }
            Self::Pause => &[RunStatus::Pending, RunStatus::Running],
            Self::Resume => &[RunStatus::Blocked, RunStatus::Paused],
            Self::Retry => &[RunStatus::Failed],
            Self::Delete => &[RunStatus::Completed, RunStatus::Failed, RunStatus::Cancelled],
        }
    }
}

/// The word for it, as requests have it.
impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::Delete => "delete",
            Self::Move => "move",
        })
    }
}

/// What is to be done to all runs that a filter means.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// What is done to each.
    pub action: JobKind,
    /// Of `cancel`: at once, and nothing is undone.
    #[serde(default)]
    pub kill: bool,
    /// Of `cancel`: how long each may take to undo what it registered, as `30s` or `2h`; an hour where it is not said.
    pub within: Option<String>,
    /// Of `move`, the module: its digest, or a beginning of it that no other has. Of `resume` and `retry`, the module
    /// to go on with, if not each run's own.
    pub module: Option<String>,
    /// That all runs are meant is to be said where the filter is empty.
    #[serde(default)]
    pub all: bool,
    /// Say how many runs are meant, and do nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// A job that was made; or, of a dry run, what it would have been about.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JobMade {
    /// The job; nothing where it was a dry run.
    pub job: Option<JobView>,
    /// How many runs it is about.
    pub runs: RunCounts,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// Its ID.
    #[schema(value_type = String)]
    pub job_id: JobId,
    /// What it does to each run.
    pub action: JobKind,
    /// Of `cancel`: whether that is at once, and nothing is undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill: Option<bool>,
    /// Of `cancel`: how long each may take to undo what it registered, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// The digest of the module that the runs go on with, if that is not their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Which runs it is about: the parameters of a list of them, each as `NAME=VALUE`.
    pub filter: Vec<String>,
    /// Whether it goes on.
    pub status: JobStatus,
    /// The name of the token with which it was made.
    pub by: Option<String>,
    /// The name of the token with which it was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
    /// When it was made. Runs that were started later are none of its own.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// How far it is.
    pub runs: JobProgress,
    /// It goes through the runs from the newest to the oldest. This is as far as it is on disk: those before this one
    /// are left.
    #[schema(value_type = String)]
    pub at: RunId,
}

/// Whether a job goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// It goes on, also after a restart of the host.
    Running,
    /// It has been at all its runs.
    Completed,
    /// Somebody has stopped it.
    Stopped,
}

/// How many runs a job is about, and what came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobProgress {
    /// How many matched its filter when it was made.
    pub matched: u64,
    /// Whether there may have been more: only so many are counted.
    pub more: bool,
    /// To how many it was done.
    pub done: u64,
    /// With how many there was nothing to do any more: they had ended, or somebody else had done it.
    pub unchanged: u64,
    /// How many did not take it. Which, and why, is told beside the job.
    pub refused: u64,
}

/// A page of jobs, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobView>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// A run that did not take what a job was to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobRefusal {
    /// The run.
    #[schema(value_type = String)]
    pub run_id: RunId,
    /// Why. A sentence.
    pub reason: String,
}

/// A page of the runs that did not take what a job was to do, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct JobRefusals {
    /// The runs.
    pub refusals: Vec<JobRefusal>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

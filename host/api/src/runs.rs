//! Runs: how one stands, and lists of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use segno_journal::{BlockKind, RunId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::attributes::AttributeView;
use crate::cleanup::CleanupView;
use crate::waits::{Wait, Why};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Begun, not over.
    Running,
    /// Stopped with its state whole, until somebody mends what stopped it.
    Blocked,
    /// Over, with an output.
    Completed,
    /// Over, with an error.
    Failed,
    /// Over, stopped from outside.
    Cancelled,
    /// It begins later.
    Pending,
    /// Held up by somebody: what happens to it waits until it is resumed.
    Paused,
}

impl RunStatus {
    /// All of them: first those of runs that go on, then how runs end.
    pub const ALL: [Self; 7] = [
        Self::Running,
        Self::Blocked,
        Self::Paused,
        Self::Pending,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// True if nothing can happen to the run any more.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The word for it, as requests and answers have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Blocked => "blocked",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Pending => "pending",
            Self::Paused => "paused",
        }
    }
}

/// A run in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
    /// `run_` and a ULID.
    #[schema(value_type = String)]
    pub run_id: RunId,
    /// The name of its workflow.
    pub workflow: String,
    /// Where it stands.
    pub status: RunStatus,
    /// The digest of its module.
    pub module: String,
    /// When it was started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it ended, if it has.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Why it does not go on just now, if it has not ended.
    pub why: Option<Why>,
}

/// The run that started another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParentView {
    /// Its ID.
    #[schema(value_type = String)]
    pub run_id: RunId,
    /// As which of its operations.
    pub op: u64,
}

/// The run that another one was forked from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForkedFrom {
    /// Its ID.
    #[schema(value_type = String)]
    pub run_id: RunId,
    /// Before which of its turns: the fork has those before it from there.
    pub turn: u64,
}

/// A run, as far as it is known.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunView {
    /// `run_` and a ULID.
    #[schema(value_type = String)]
    pub run_id: RunId,
    /// The name of its workflow.
    pub workflow: String,
    /// Where it stands.
    pub status: RunStatus,
    /// The digest of its module.
    pub module: String,
    /// When it was started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it begins, if that was to be later than its start.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub begins_at: Option<Timestamp>,
    /// When its time is over, if it has a time-out.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub times_out_at: Option<Timestamp>,
    /// When it ended, if it has.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// The run that started it, if it is the child of one.
    pub parent: Option<ParentView>,
    /// The run that it was forked from, if it is a fork.
    #[serde(default)]
    pub forked_from: Option<ForkedFrom>,
    /// How many turns it has had.
    pub turns: u64,
    /// What it was given.
    #[schema(value_type = Value)]
    pub input: Box<RawValue>,
    /// What it returned, if it is completed.
    #[schema(value_type = Option<Value>)]
    pub output: Option<Box<RawValue>>,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// The name of the type of that error, where it is known.
    pub error_type: Option<String>,
    /// Where in the source of the workflow it arose, where that is known: a file, a line and a column.
    pub error_at: Option<String>,
    /// Why it is blocked, if it is.
    pub blocked: Option<BlockedView>,
    /// What it waits for: empty once it has ended.
    pub waits_for: Vec<Wait>,
    /// What it undoes when it fails or is cancelled, and how far it is with that; `null` where there is nothing.
    #[serde(default)]
    pub cleanup: Option<CleanupView>,
    /// What is called when it has ended, if that was asked for at its start.
    #[serde(default)]
    pub on_end: Option<OnEndView>,
    /// What it is found by: each a string, a number, a boolean, or a moment as `{"time": "2026-11-30T00:00:00Z"}`.
    #[serde(default)]
    #[schema(value_type = Value)]
    pub attributes: BTreeMap<String, AttributeView>,
}

/// What is called when a run has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OnEndView {
    /// The URL.
    pub url: String,
    /// How it stands.
    pub status: OnEndStatus,
    /// How often it was called in vain. Once the call has come, that is not known any more.
    pub failed: u32,
    /// When it is called next, if it is owed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// What went wrong last.
    pub error: Option<String>,
}

/// How it stands with a call at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnEndStatus {
    /// The run has not ended.
    Waiting,
    /// It has, and the call is still to come.
    Owed,
    /// The call has come.
    Made,
    /// The call has not come for three days, or whoever was called wants none.
    GivenUp,
}

/// Why a run is blocked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BlockedView {
    /// `trap`, `divergence`, `limit`, `module`, `journal`, `lost` or `parked`.
    #[schema(value_type = String)]
    pub kind: BlockKind,
    /// What happened and what to do.
    pub message: String,
    /// When it was blocked; `null` where so much happened to it since that this was forgotten.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

/// A page of a list of runs, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct RunPage {
    /// The runs.
    pub runs: Vec<RunSummary>,
    /// What to pass as `cursor` for the next page, if there is one.
    pub next: Option<String>,
}

/// The answer to a start.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Started {
    /// `run_` and a ULID.
    #[schema(value_type = String)]
    pub run_id: RunId,
    /// Where it stands.
    pub status: RunStatus,
    /// False if the idempotency key was known: then this is the run that it started.
    #[serde(skip)]
    pub created: bool,
}

/// What comes of a start where the run that its idempotency key has started has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IfRunning {
    /// The answer is that run, whatever its input is; it is sent the signals of the start.
    Use,
    /// The start is refused.
    Refuse,
    /// That run is cancelled, and another one is started when it has ended.
    Cancel,
}

/// What a run is started with.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// What the workflow is given; `null` where it takes nothing.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    pub input: Box<RawValue>,
    /// Signals that it is sent in the same moment: either all of it is stored, or nothing. Where the idempotency
    /// key has started a run before, that one is sent them.
    #[serde(default)]
    pub signals: Vec<SignalRequest>,
    /// A URL that is called when the run has ended: signed, and again and again until it has come. That of a run
    /// that the idempotency key has started before stays.
    #[serde(default)]
    pub on_end: Option<String>,
    /// When it begins; at once where neither this nor `start_after` says.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub start_at: Option<Timestamp>,
    /// How long after its start it begins, as `30s` or `2h`.
    #[serde(default)]
    pub start_after: Option<String>,
    /// How long it may take from its beginning, as `30s` or `2h`. Then its workflow cleans up, and it has failed.
    #[serde(default)]
    pub timeout: Option<String>,
    /// What it is found by, with its workflow and how it stands: up to 32 strings of up to 1 KiB, numbers, booleans, or
    /// moments as `{"time": "2026-11-30T00:00:00Z"}`, by names of small letters, digits, `_`, `.` and `-`.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    pub attributes: BTreeMap<String, AttributeView>,
    /// What comes of it where the run that the idempotency key has started has not ended: `use`, `refuse` or `cancel`.
    /// Where this is said, the key leads to one run at a time: where that has ended, another one is started, and the
    /// key leads to it. Where nothing is said, it leads to the first one as long as that is kept.
    #[serde(default)]
    pub if_running: Option<IfRunning>,
}

/// A signal that is sent with the start of a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalRequest {
    /// Its name.
    pub name: String,
    /// What is sent; `null` where that is left out.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    pub payload: Box<RawValue>,
    /// A signal with the same key comes once.
    pub key: Option<String>,
}

/// Which sleep of a run is to end early.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WakeRequest {
    /// The number of its operation; all sleeps where none is given.
    pub op: Option<u64>,
}

/// How a failed run is to be tried again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// The turn to go back to: it is set aside, with all behind it. Where none is given, the one that delivered the
    /// failure which led to the error of the run.
    pub turn: Option<u64>,
    /// The digest of the module to go on with; its own where none is given.
    pub module: Option<String>,
}

/// How a run is to be forked.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkRequest {
    /// Before which turn the new run leaves it. Where none is given: of a run that has failed, the turn that delivered
    /// the failure; of another one that has ended, its last turn; else it leaves it as it stands.
    pub turn: Option<u64>,
    /// The digest of the module to go on with; that of the run where none is given.
    pub module: Option<String>,
    /// The steps that are open then and get another input: their operations, and the input of each.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub inputs: BTreeMap<u64, Box<RawValue>>,
}

/// Where a run is to go on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    /// The digest of the module, or a beginning of it that no other has.
    pub module: String,
}

/// How a blocked run is to go on.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeRequest {
    /// The digest of the module to go on with; its own where none is given.
    pub module: Option<String>,
}

//! What the engine tells of itself: the shapes that the management API and the CLI show.

use jiff::Timestamp;
use segno_journal::{BlockKind, Level, RunId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::engine::json::Json;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Begun, not over.
    Running,
    /// Parked with its state whole, until somebody mends what stopped it.
    Blocked,
    /// Over, with an output.
    Completed,
    /// Over, with an error.
    Failed,
    /// Over, stopped from outside.
    Cancelled,
}

impl RunStatus {
    /// True if nothing can happen to the run any more.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
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

/// Why a run that has not ended does not go on just now: of all that it waits for, what most needs
/// somebody's eye.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// In a few words, on one line.
    pub text: String,
    /// What is wrong; `null` where the run only waits.
    pub trouble: Option<Trouble>,
    /// Since when it waits so, where that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// What it waits for. An error in it is shortened.
    pub wait: Option<Wait>,
    /// How many things it waits for.
    pub waits: usize,
    /// If it is blocked, which kind of trouble: as in `blocked` of the run.
    #[schema(value_type = Option<String>)]
    pub kind: Option<BlockKind>,
    /// If it is blocked, the beginning of the reason.
    pub reason: Option<String>,
}

/// What is wrong with a run, so that somebody should look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It is blocked.
    Blocked,
    /// It waits for a step that this host lacks.
    MissingStep,
    /// At least three attempts of a step that it waits for have failed.
    Failing,
    /// The part of the host that owns it does not answer.
    Unanswered,
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
    /// When it ended, if it has.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
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
    /// Why it is parked, if it is.
    pub blocked: Option<BlockedView>,
    /// What it waits for: empty once it has ended.
    pub waits_for: Vec<Wait>,
}

/// Why a run is parked.
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

/// One thing that a run waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Wait {
    /// A step that has not ended.
    Step {
        /// The number of the operation in its run.
        op: u64,
        /// The idempotency key: run ID and operation.
        step_id: String,
        /// The name of the step.
        name: String,
        /// True where this host has no step of this name: the operation waits for a host that has it.
        #[serde(default)]
        missing: bool,
        /// When the workflow asked for it.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// The number of the attempt that runs or is due next, from 1.
        attempt: u32,
        /// Why the last attempt failed, if one did.
        last_error: Option<String>,
        /// When the next attempt is due, if the last one failed.
        #[schema(value_type = Option<String>, format = DateTime)]
        retry_at: Option<Timestamp>,
        /// How often the host went down while it ran: that uses up no attempt, but each time there is a
        /// longer pause, and in the end the run is blocked.
        #[serde(default)]
        losses: u32,
    },
    /// A sleep that is not over.
    Sleep {
        /// The number of the operation in its run.
        op: u64,
        /// When it began.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// When it is over.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// A call of a webhook.
    Webhook {
        /// The number of the operation in its run.
        op: u64,
        /// Where to call it.
        url: String,
        /// When it was opened.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// How many requests the workflow has not taken yet.
        untaken: usize,
    },
}

/// A page of a list of runs, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct RunPage {
    /// The runs.
    pub runs: Vec<RunSummary>,
    /// What to pass as `cursor` for the next page, if there is one.
    pub next: Option<String>,
}

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only runs of this workflow.
    pub workflow: Option<String>,
    /// Only runs that stand so.
    pub status: Option<RunStatus>,
    /// Only runs that somebody should look at.
    pub trouble: bool,
    /// How many at most.
    pub limit: usize,
    /// Only runs before this one.
    pub before: Option<RunId>,
}

/// One entry of a run's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// The turn in which it happened. A failed attempt belongs to no turn of its own: it carries
    /// the number of the turn that asked for the step, or of the first one that was not forgotten
    /// since. What was done to the run from outside carries the number of the turn that followed.
    pub turn: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What.
    pub event: HistoryEvent,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields say what they are; the variants say what they mean")]
pub enum HistoryEvent {
    /// The run began.
    RunStarted {
        #[schema(value_type = Value)]
        input: Json,
    },
    /// The workflow asked for a step.
    StepStarted {
        op: u64,
        step_id: String,
        name: String,
        #[schema(value_type = Value)]
        input: Json,
    },
    /// An attempt of a step failed and is tried again. It stands before the end of its step; those of
    /// steps that are not over, of the first 1,000 of them, stand at the end of the history.
    /// Its name is `null` where that of [`HistoryEvent::StepCompleted`] is.
    StepRetrying {
        op: u64,
        name: Option<String>,
        attempt: u32,
        error: String,
        #[schema(value_type = String, format = DateTime)]
        retry_at: Timestamp,
    },
    /// A step returned. Its name is `null` where the turn that asked for it was forgotten, as its
    /// workflow wishes with `history = "keep N"`.
    StepCompleted {
        op: u64,
        name: Option<String>,
        #[schema(value_type = Value)]
        output: Json,
    },
    /// A step failed for good.
    StepFailed { op: u64, name: String, attempts: u32, error: String, fatal: bool },
    /// The workflow began to sleep.
    SleepStarted {
        op: u64,
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// A sleep was over.
    SleepCompleted { op: u64 },
    /// The workflow gave up a sleep that it no longer waits for.
    SleepCancelled { op: u64 },
    /// The workflow opened a webhook.
    WebhookCreated { op: u64, url: String },
    /// A webhook was called.
    WebhookRequested { op: u64, request: u64, method: String, url: String, bytes: usize },
    /// The workflow took a request.
    WebhookTaken { op: u64 },
    /// The workflow answered a request.
    WebhookResponded { request: u64, status: u16 },
    /// The workflow closed a webhook.
    WebhookDisposed { op: u64 },
    /// The workflow wrote to the log.
    Log {
        #[schema(value_type = String)]
        level: Level,
        message: String,
    },
    /// The run returned.
    RunCompleted {
        #[schema(value_type = Value)]
        output: Json,
    },
    /// The run failed.
    RunFailed { error: String },
    /// The run was cancelled; by whom, where that is known.
    RunCancelled { by: Option<String> },
    /// The run was blocked: `event`, in words, is what it could not be given; nothing where it was
    /// only replayed.
    RunBlocked {
        #[schema(value_type = String)]
        kind: BlockKind,
        message: String,
        event: Option<String>,
    },
    /// Somebody let the run go on; who, where that is known.
    RunResumed { by: Option<String> },
    /// Somebody moved the run to another module; who, where that is known.
    ModuleChanged { by: Option<String>, from: String, to: String },
}

/// A page of a history, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HistoryPage {
    /// The entries.
    pub events: Vec<HistoryEntry>,
    /// What to pass as `cursor` for the next page, if there is one: the number of the next turn.
    pub next: Option<u64>,
}

/// A module, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ModuleView {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// The names of its workflows.
    pub workflows: Vec<String>,
    /// The names of the steps that it may call.
    pub steps: Vec<String>,
    /// Of its workflows, those of which it starts the new runs.
    pub current_for: Vec<String>,
    /// How many runs that have not ended are on it.
    pub runs: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Which SDK built it.
    pub sdk: String,
    /// When it was first deployed.
    #[schema(value_type = String, format = DateTime)]
    pub deployed_at: Timestamp,
}

/// A workflow, as the module has it that starts its new runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowView {
    /// The name by which runs are started.
    pub name: String,
    /// The module: `sha256:` and 64 hexadecimal digits.
    pub module: String,
    /// How many of the last turns of a run are kept at least; all, where it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<u64>,
    /// The JSON Schema of what a run is started with, if the module has one. It is what the module says:
    /// whether an input fits is decided by its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub input: Option<Json>,
    /// The JSON Schema of what a run returns, if the module has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub output: Option<Json>,
}

/// What a deploy did.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Deployed {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// The workflows whose new runs it now starts.
    pub workflows: Vec<String>,
    /// True if this very module was current for all of them before.
    pub unchanged: bool,
    /// What the deployer should know, for example a step that this host does not have.
    pub warnings: Vec<String>,
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

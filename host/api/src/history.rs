//! The history of a run: what happened, entry by entry.

use std::collections::BTreeMap;

use jiff::Timestamp;
use segno_journal::{BlockKind, Level, RunId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::attributes::AttributeView;
use crate::json::Json;

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
    /// Somebody ended a sleep before its time; who, where that is known.
    SleepWoken { op: u64, by: Option<String> },
    /// The workflow gave up a step: its attempt was told to stop.
    StepCancelled { op: u64 },
    /// The workflow opened a webhook.
    WebhookCreated { op: u64, url: String },
    /// A webhook was called.
    WebhookRequested { op: u64, request: u64, method: String, url: String, bytes: usize },
    /// The workflow took the oldest of what had come to a webhook or a hook, or of the signals of a name.
    Taken { op: u64 },
    /// The workflow answered a request or a signal, by its number.
    Responded { request: u64, status: u16 },
    /// The workflow closed a webhook or a hook, or takes in the signals of a name no more.
    Disposed { op: u64 },
    /// The workflow opened a hook. Whether it has its token is said later where it chose it.
    HookCreated { op: u64, token: String },
    /// A hook has the token that the workflow chose.
    HookOpened { op: u64 },
    /// A hook has not got its token, which a hook of this run has.
    HookTaken { op: u64, owner: String },
    /// A hook was called.
    HookReceived {
        op: u64,
        #[schema(value_type = Value)]
        payload: Json,
    },
    /// The workflow takes in the signals of a name.
    SignalOpened { op: u64, name: String },
    /// A signal came, whether or not the workflow takes in its name.
    SignalReceived {
        number: u64,
        name: String,
        #[schema(value_type = Value)]
        payload: Json,
    },
    /// The workflow started a child.
    ChildStarted {
        op: u64,
        run_id: String,
        workflow: String,
        #[schema(value_type = Value)]
        input: Json,
    },
    /// A child returned.
    ChildCompleted {
        op: u64,
        #[schema(value_type = Value)]
        output: Json,
    },
    /// A child failed.
    ChildFailed { op: u64, error: String },
    /// A child was cancelled.
    ChildCancelled { op: u64 },
    /// The workflow cancels a child.
    ChildCancelling { op: u64 },
    /// The workflow sent a signal to a run of its family.
    SignalSent {
        op: u64,
        run_id: String,
        name: String,
        #[schema(value_type = Value)]
        payload: Json,
    },
    /// A signal to another run was on its disk.
    SignalDelivered { op: u64 },
    /// A signal to another run was not taken; why, in words.
    SignalRefused { op: u64, reason: String },
    /// The workflow shows a value to those who ask.
    Published {
        name: String,
        #[schema(value_type = Value)]
        value: Json,
    },
    /// The workflow gave the run an attribute.
    AttributeSet {
        name: String,
        #[schema(value_type = Value)]
        value: AttributeView,
    },
    /// The workflow took an attribute from the run.
    AttributeRemoved { name: String },
    /// The workflow wrote a chunk to a stream; how many bytes.
    StreamWritten { stream: String, bytes: u64 },
    /// The workflow closed a stream.
    StreamClosed { stream: String },
    /// The workflow registered what undoes something.
    CompensationRegistered { op: u64, name: String },
    /// The workflow took a compensation back: what it would undo is to stay.
    CompensationKept { op: u64 },
    /// The run is to end, and its workflow was told so: by whom, where that is known, and with what it fails in
    /// the end, where its time is over. It may take so many milliseconds to clean up.
    RunCancelling { by: Option<String>, error: Option<String>, within_ms: u64 },
    /// The workflow is over, with this error or cancelled, and what it registered is undone from now on.
    CleanupStarted { error: Option<String> },
    /// A compensation began.
    CompensationStarted { op: u64 },
    /// A compensation has done what it was to do.
    CompensationCompleted { op: u64 },
    /// A compensation could not do what it was to do.
    CompensationFailed { op: u64, error: String },
    /// The workflow began what must not be stopped amid.
    ShieldStarted { op: u64 },
    /// That was over.
    ShieldEnded { op: u64 },
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
    /// The run failed: with what, and where it is known, the type of the error and where in the source of the
    /// workflow it arose.
    RunFailed { error: String, error_type: Option<String>, error_at: Option<String> },
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
    /// Somebody holds the run up; who, where that is known.
    RunPaused { by: Option<String> },
    /// Somebody tries the run again, which had failed; who, where that is known. So many turns are set aside under
    /// this number, and kept. The steps get new attempts.
    RunRetried { by: Option<String>, set_aside: u32, turns: u64, steps: Vec<u64> },
    /// The run is a fork of another one, as of here: the turns before this one were turns of that. Who asked for it,
    /// where that is known, which steps have another input, and which begin anew.
    RunForked {
        by: Option<String>,
        #[schema(value_type = String)]
        from: RunId,
        #[schema(value_type = Value)]
        inputs: BTreeMap<String, Json>,
        steps: Vec<u64>,
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

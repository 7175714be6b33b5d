//! Why the engine did not do what it was asked.

mod jobs;
mod known;

use segno_api::{SHOWN, printable};
use segno_journal::{Digest, RunId};

pub use crate::engine::error::jobs::JobError;

use crate::engine::error::known::{
    known_queries, known_streams, known_workflows, listed, turns_had,
};
use crate::name::name;
use crate::sandbox::ModuleError;
use crate::store::{KeptFor, StoreError};

/// Why a request to the engine was not carried out. Where nothing else is said, nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No module offers this workflow.
    #[error("there is no workflow `{name}`; {}", known_workflows(known))]
    UnknownWorkflow {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// No run has this ID.
    #[error("there is no run {0}")]
    UnknownRun(RunId),
    /// No webhook has this token.
    #[error("there is no such webhook")]
    UnknownWebhook,
    /// No hook has this token.
    #[error(
        "no hook has the token `{token}`: none was opened yet, or it was disposed of, or its run has ended; \
         `{me} hooks` lists those that there are",
        me = name()
    )]
    UnknownHook {
        /// The token, as far as it is shown.
        token: String,
    },
    /// The webhook is closed, or its run is over. Of a hook and of a signal, whoever asked is told more.
    #[error("this webhook is closed: it was disposed of, or its run has ended")]
    InboxClosed,
    /// Too much waits to be taken.
    #[error("more waits here than the workflow has taken; try again later")]
    InboxFull,
    /// Nobody answers to this name.
    #[error("nobody answers to the query `{}`; {}", printable(name, SHOWN), known_queries(known))]
    UnknownQuery {
        /// The name.
        name: String,
        /// Those that are known.
        known: Vec<String>,
    },
    /// Chunks of a stream were forgotten before they were read.
    #[error(
        "chunks of the stream were forgotten before they were read; read on from the oldest that is kept"
    )]
    ForgottenChunks,
    /// The host calls nobody at the end of a run.
    #[error(
        "this host calls nobody at the end of a run: it was started without the step `http`, or without a signing key"
    )]
    CannotCall,
    /// What is to be called at the end of a run is no URL.
    #[error(
        "what is called at the end of a run must be an http or https URL of at most 2048 bytes"
    )]
    BadUrl,
    /// The run has no such stream.
    #[error("the run has no stream `{}`; {}", printable(name, SHOWN), known_streams(known))]
    UnknownStream {
        /// The name.
        name: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// The question does not fit.
    #[error("the question does not fit: {}", printable(reason, REASON_BYTES))]
    QueryRefused {
        /// The run.
        run: RunId,
        /// Why, as the workflow says it.
        reason: String,
    },
    /// No copy of the run can be made, or it failed to answer.
    #[error("a copy of run {run} could not answer: {}", printable(reason, REASON_BYTES))]
    QueryFailed {
        /// The run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// There can be no copy of the run, now or as it was.
    #[error("no copy of run {run} can be made: {reason}")]
    NoCopy {
        /// The run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// The run has not had such a turn.
    #[error("run {run} has no such turn: {}", turns_had(*turns))]
    NoSuchTurn {
        /// The run.
        run: RunId,
        /// How many it has had.
        turns: u64,
    },
    /// The run is over, so it takes no signal.
    #[error("run {0} has ended, so it takes no signal any more")]
    SignalTooLate(RunId),
    /// The run ended before it answered a signal.
    #[error("run {0} has ended without an answer to this signal, which it had taken in")]
    SignalUnanswered(RunId),
    /// The name or the key of a signal cannot be used.
    #[error("{what} must have from 1 to {limit} bytes, and no control characters")]
    BadWord {
        /// What it is.
        what: &'static str,
        /// How long it may be, in bytes.
        limit: usize,
    },
    /// The idempotency key came with another signal.
    #[error(
        "the idempotency key came to run {0} with another signal before; repeat that, or use another key"
    )]
    OtherSignal(RunId),
    /// The answer to a signal is no longer kept.
    #[error(
        "run {0} has answered this signal, but forgot the turn in which it did, as its workflow wishes with `history`"
    )]
    AnswerForgotten(RunId),
    /// The run is over, so it cannot be cancelled.
    #[error("run {0} has already ended; only a run that has not ended can be cancelled")]
    AlreadyEnded(RunId),
    /// The run is not to be touched.
    #[error(
        "the run of this is blocked and left out of this host until it is resumed; try again later"
    )]
    LeftOut,
    /// The run cannot clean up before it ends, and it has something to undo.
    #[error(
        "run {0} is left out of this host, and has something to undo before it ends; resume it first, or end it at \
         once with `--kill`"
    )]
    CannotCleanUp(RunId),
    /// A paused or failed run does not do the same on the module that it was to go on with.
    #[error("run {run} stays as it is, because it does not fit the module: {reason}")]
    DoesNotFit {
        /// The run.
        run: RunId,
        /// What does not agree, with both sides.
        reason: String,
    },
    /// The run goes on, so it is not deleted.
    #[error("run {0} has not ended; only a run that has can be deleted: cancel it first")]
    NotEnded(RunId),
    /// The run is needed, so it is not deleted yet.
    #[error("run {run} cannot be deleted yet: {why}")]
    StillNeeded {
        /// The run.
        run: RunId,
        /// For what.
        why: KeptFor,
    },
    /// A run of a batch that was stored is deleted.
    #[error(
        "the batch with this key was stored, but {0}, which it started, is deleted since; use another key"
    )]
    BatchForgotten(RunId),
    /// The run is over, so nothing can be done to it.
    #[error("run {0} has ended, so nothing can be done to it any more")]
    HasEnded(RunId),
    /// The run is neither blocked nor paused, so it cannot be resumed.
    #[error("run {0} is neither blocked nor paused; only a run that is can be resumed")]
    NotBlocked(RunId),
    /// The run has not failed, so it is not tried again.
    #[error(
        "run {0} has not failed, so it is not tried again; steps that wait for their next attempt are tried now with \
         `{me} retry-now`",
        me = name()
    )]
    NotFailed(RunId),
    /// A failed run cannot be tried again.
    #[error("run {run} cannot be tried again: {reason}")]
    CannotRetry {
        /// The run.
        run: RunId,
        /// Why not, and what to do.
        reason: String,
    },
    /// The run cannot be forked there.
    #[error("run {run} cannot be forked: {reason}")]
    CannotFork {
        /// The run.
        run: RunId,
        /// Why not, and what to do.
        reason: String,
    },
    /// No step of the run waits for its next attempt.
    #[error(
        "no step of run {0} waits for its next attempt; `{me} run {0}` says what it waits for",
        me = name()
    )]
    NothingToRetry(RunId),
    /// The run does not sleep, or not in this operation.
    #[error(
        "run {0} waits for no such sleep; `{me} run {0}` says what it waits for",
        me = name()
    )]
    NothingToWake(RunId),
    /// The run is held up, and nothing can be done to it before it goes on.
    #[error("run {0} is blocked or paused, or its host is; resume that first")]
    IsBlocked(RunId),
    /// No module has this digest.
    #[error("there is no module {0}; `{me} modules` lists those that there are", me = name())]
    UnknownModule(String),
    /// What was asked of jobs cannot be done.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Several modules have a digest that begins so.
    #[error(
        "{count} modules have a digest that begins with {beginning}: write more of it; `{me} modules` lists them",
        me = name()
    )]
    AmbiguousModule {
        /// What was given.
        beginning: String,
        /// How many there are.
        count: usize,
    },
    /// Something is larger than it may be.
    #[error("{what} has {size} bytes, but at most {limit} are allowed")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// How large it is, in bytes.
        size: usize,
        /// How large it may be, in bytes.
        limit: usize,
    },
    /// A run cannot have such an attribute. A sentence.
    #[error("{0}")]
    BadAttribute(String),
    /// The idempotency key cannot be used.
    #[error("the idempotency key must have between 1 and {limit} bytes; this one has {size}")]
    BadKey {
        /// How long it is, in bytes.
        size: usize,
        /// How long it may be, in bytes.
        limit: usize,
    },
    /// The idempotency key started a run with another input.
    #[error(
        "the idempotency key has already started run {0} with another input; repeat the start with the same \
         input, or use another key"
    )]
    OtherInput(RunId),
    /// The run that the idempotency key leads to has not ended.
    #[error(
        "the idempotency key has started run {0}, which has not ended; start again when it has"
    )]
    AlreadyRunning(RunId),
    /// The run that the idempotency key leads to was told to end, and undoes what it did.
    #[error(
        "run {0}, which the idempotency key has started, was told to end, and cleans up still; start again when it \
         has ended"
    )]
    StillEnding(RunId),
    /// It is said what comes of a run of the same key, and there is none.
    #[error(
        "`if_running` is about the run that an idempotency key has started, and this start has no key"
    )]
    NoKey,
    /// A start of a batch cannot wait for the end of a run.
    #[error(
        "a start of a batch cannot wait for the end of another run: `if_running` is `use` or `refuse` there; cancel \
         that run first"
    )]
    CancelInBatch,
    /// The idempotency key came with another batch.
    #[error(
        "the idempotency key came with another batch before; repeat that with the same starts and signals, or use \
         another key"
    )]
    OtherBatch,
    /// The batch does too little or too much.
    #[error("a batch has from 1 to {limit} starts and signals, and this one has {count}")]
    BadBatch {
        /// How many it has.
        count: usize,
        /// How many it may have.
        limit: usize,
    },
    /// Two starts of a batch have the same key.
    #[error("another start of this batch has the same workflow and key")]
    SameKey,
    /// A part of a batch cannot be done, so none is.
    #[error("nothing of the batch is stored, because of {part}")]
    InBatch {
        /// Which part, as the batch has it.
        part: String,
        /// Why not.
        #[source]
        error: Box<Self>,
    },
    /// The workflow cannot take the input.
    #[error("workflow `{workflow}` cannot be started: {reason}")]
    RefusedInput {
        /// The workflow.
        workflow: String,
        /// Why not, as the component said it.
        reason: String,
    },
    /// No value can be made of the input, though it looks like JSON.
    #[error("the input cannot be read as JSON")]
    UnreadableInput(#[source] serde_json::Error),
    /// The module cannot be deployed. What was deployed before is unchanged.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// The module of the workflow wants steps that this host lacks, so nothing is begun that it could
    /// not bring to an end.
    #[error(
        "workflow `{workflow}` is not started: its module wants steps that this host lacks ({}); start a host that \
         has them",
        listed(missing)
    )]
    StartLacksSteps {
        /// The workflow that was to be started.
        workflow: String,
        /// The names of the steps.
        missing: Vec<String>,
    },
    /// The module wants steps that this host lacks. What was deployed before is unchanged.
    #[error(
        "the module wants steps that this host lacks ({}); start a host that has them first, or deploy it with \
         --allow-missing-steps, and then its workflows cannot be started until there is such a host",
        listed(missing)
    )]
    DeployLacksSteps {
        /// The names of the steps.
        missing: Vec<String>,
    },
    /// The store could not write or read. A write that failed may yet have reached the disk, whole or
    /// not at all.
    #[error("the store is in trouble; it is not known whether this request was stored")]
    Store(#[from] StoreError),
    /// More work waits than the host can do.
    #[error("the host has more work waiting than it can do; try again later")]
    Busy,
    /// More callers wait than the host has room for.
    #[error("as many waiters wait already as the host has room for; try again later")]
    NoRoomToWait,
    /// Another backup is not over.
    #[error("another backup is under way; one is made at a time")]
    BackupUnderWay,
    /// The host is going down.
    #[error("the host is stopping; try again when it is back")]
    Stopping,
}

/// How much of what a component says about an input is passed on, in bytes: enough for the sentence of
/// a parser with a long list of names.
const REASON_BYTES: usize = 4 << 10;

impl EngineError {
    /// The workflow cannot take the input, for a reason that a component gave: it is cut where it is too
    /// long.
    pub(crate) fn refused_input(workflow: &str, reason: &str) -> Self {
        let shown = &reason[..reason.floor_char_boundary(REASON_BYTES)];
        let more = if shown.len() < reason.len() { "…" } else { "" };
        Self::RefusedInput { workflow: workflow.to_owned(), reason: format!("{shown}{more}") }
    }
}

/// Why a module that a run needs cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(
        "its module {0} is not in the store; deploy that very module again, or resume the run on another one"
    )]
    Missing(Digest),
    #[error("its module {digest} can no longer be loaded: {source}")]
    Refused { digest: Digest, source: ModuleError },
    #[error("its module {digest} cannot be read: {source}")]
    Store { digest: Digest, source: StoreError },
}

//! The values that pass between a workflow and its host, as the WIT world has them.
//!
//! They are plain: what an SDK gives to its authors, and how that travels in JSON, is the SDK's
//! affair.

/// The number of an operation in its run. Operations are counted from 0, over all kinds.
pub type Operation = u64;

/// What a call of a step wants different from what the step declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepOptions {
    /// How many times a failed attempt is tried again; 0 is one attempt in all.
    pub max_retries: Option<u32>,
    /// How long after its first failure the step is tried again, in milliseconds.
    pub retry_for_ms: Option<u64>,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: Option<u64>,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// A text of up to 1 KiB.
    Text(String),
    /// A number, which is neither infinite nor none at all.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// A moment, in milliseconds since 1970.
    Time(u64),
}

/// Why a step has failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFailure {
    /// The name of the step.
    pub step: String,
    /// How many attempts were made. One that a crash cut off does not count.
    pub attempts: u32,
    /// The last error, with its causes.
    pub message: String,
    /// Whether the step said that no further attempt can help.
    pub fatal: bool,
}

/// How the callers of a webhook are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With 202 and an empty body.
    Accepted,
    /// With the same response every time.
    Fixed(Response),
    /// By [`respond`](crate::inbox::respond), or by a step.
    Manual,
}

/// A webhook that the host has opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedWebhook {
    /// The operation that its requests come to.
    pub operation: Operation,
    /// The secret last segment of its URL.
    pub token: String,
    /// Where to call it.
    pub url: String,
}

/// A hook that the host was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedHook {
    /// The operation that what is sent comes to.
    pub operation: Operation,
    /// What it is called by.
    pub token: String,
}

/// What becomes of a child when its parent ends first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClosePolicy {
    /// It is cancelled.
    #[default]
    Cancel,
    /// It goes on.
    Leave,
}

/// A child that the host starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spawned {
    /// The operation that its end comes to.
    pub operation: Operation,
    /// Its ID.
    pub run: String,
}

/// Why a run does not take a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTold {
    /// It has ended, or never was.
    Ended,
    /// Too much lies there that its workflow has not taken.
    Full,
    /// It is of another family.
    Stranger,
    /// It takes nothing until whoever runs the host lets it go on.
    LeftOut,
}

/// What somebody sent to the run under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The number of this signal in its run, from 0, over all requests and signals of the run.
    pub number: u64,
    /// The name.
    pub name: String,
    /// What was sent, as JSON.
    pub payload: String,
}

/// One call of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The number of this request in its run, from 0, over all requests and signals of the run.
    pub number: u64,
    /// The method, in capitals.
    pub method: String,
    /// Path and query as the caller sent them.
    pub url: String,
    /// Names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    /// What the caller sent.
    pub body: Vec<u8>,
}

/// What the caller of a webhook is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// From 200 to 599; a host blocks a run that answers with another.
    pub status: u16,
    /// Names and values, in order. A name may occur more than once.
    pub headers: Vec<(String, String)>,
    /// What the caller gets.
    pub body: Vec<u8>,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For who looks for a fault.
    Debug,
    /// What happened.
    Info,
    /// What somebody should look at.
    Warn,
    /// What somebody must look at.
    Error,
}

/// What a run may know of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInfo {
    /// `run_` and a ULID.
    pub id: String,
    /// The name of its workflow.
    pub workflow: String,
    /// When it was started, in milliseconds since 1970.
    pub started_at: u64,
    /// The ID of the run that started it, if one did.
    pub parent: Option<String>,
}

/// What can happen to an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A step returned this JSON.
    StepCompleted(String),
    /// A step failed for good.
    StepFailed(StepFailure),
    /// A sleep is over.
    Slept,
    /// A webhook was called. It stays open.
    Requested(Request),
    /// A hook has the token that its workflow chose.
    HookOpened,
    /// It has not, because a hook of this run has it.
    HookTaken(String),
    /// A hook was called with this JSON. It stays open.
    Received(String),
    /// Somebody sent a signal to the run.
    Signalled(Signal),
    /// A child returned this JSON.
    ChildCompleted(String),
    /// A child failed with this error.
    ChildFailed(String),
    /// A child was cancelled.
    ChildCancelled,
    /// A signal to another run is on disk.
    Told,
    /// A signal to another run was not taken.
    NotTold(NotTold),
    /// The run is to end, and its workflow may clean up first: its time is over with this error, or it was
    /// cancelled.
    Cancelled(Option<String>),
}

impl Event {
    /// Whether it lies in an inbox until it is taken, which the host is told.
    pub(crate) const fn is_taken(&self) -> bool {
        match self {
            Self::Requested(_) | Self::Received(_) | Self::Signalled(_) => true,
            Self::StepCompleted(_)
            | Self::StepFailed(_)
            | Self::Slept
            | Self::HookOpened
            | Self::HookTaken(_)
            | Self::ChildCompleted(_)
            | Self::ChildFailed(_)
            | Self::ChildCancelled
            | Self::Told
            | Self::NotTold(_)
            | Self::Cancelled(_) => false,
        }
    }
}

/// What became of a question to a copy of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryAnswer {
    /// The answer, as JSON.
    Answered(String),
    /// Nobody answers to this name: those are known.
    Unknown(Vec<String>),
    /// What was asked does not fit, and this is why.
    Refused(String),
}

/// How the run stands when nothing more can happen without the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It waits for an operation.
    Waiting,
    /// The workflow returned this JSON.
    Completed(String),
    /// The workflow returned an error.
    Failed(Failure),
    /// It was cancelled, and has cleaned up.
    Cancelled,
}

/// The error of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it says, with its causes.
    pub message: String,
    /// The name of its type, where that is known.
    pub kind: Option<String>,
    /// Where in the source it arose, where that is known: a file, a line and a column.
    pub place: Option<String>,
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self { message, kind: None, place: None }
    }
}

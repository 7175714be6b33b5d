//! The attempt that a body is, and the way in which it finds out.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::native::registry::Step;
use crate::step::StepFailure;
use crate::webhook::response::Response;

/// Answers the caller of a webhook request, by the number of the request in its run.
pub type Responder = Arc<dyn Fn(u64, Response) + Send + Sync>;

tokio::task_local! {
    static CURRENT: StepContext;
}

/// What a host says about an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepInfo {
    /// The run that called the step.
    pub run_id: String,
    /// The workflow of that run.
    pub workflow: String,
    /// When that run was started.
    pub run_started_at: Timestamp,
    /// Where the management API of the host is, without a slash at the end.
    pub api_url: String,
    /// The number of the call among the operations of the run.
    pub operation: u64,
    /// The name of the step.
    pub step_name: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When the first attempt started.
    pub started_at: Timestamp,
    /// When this attempt times out.
    pub deadline: Timestamp,
}

impl StepInfo {
    /// What is said about an attempt where there is no host: the first one of a step of this name, now. For
    /// tests, which change what they need: `StepInfo { attempt: 2, ..StepInfo::detached("pay") }`.
    #[must_use]
    pub fn detached(step_name: impl Into<String>) -> Self {
        let now = Timestamp::now();
        Self {
            run_id: "run_detached".to_owned(),
            workflow: "detached".to_owned(),
            run_started_at: now,
            api_url: String::new(),
            operation: 0,
            step_name: step_name.into(),
            attempt: 1,
            started_at: now,
            deadline: Timestamp::MAX,
        }
    }
}

/// What a step's body may ask about the attempt that it is.
///
/// ```
/// # use segno::{StepContext, StepError};
/// # struct Client;
/// # impl Client { async fn put(&self, _key: &str) -> Result<(), StepError> { Ok(()) } }
/// #[segno::step]
/// pub async fn create_invoice(amount: u32) -> Result<(), StepError> {
///     let step = StepContext::current();
///     # let client = Client;
///     client.put(step.step_id()).await   // the idempotency key
/// }
/// ```
///
/// Outside a host, as in a unit test, a call of a step runs its body once with a detached context:
/// attempt 1 of `run_detached`, with a number of its own in the process, never cancelled.
#[derive(Clone)]
pub struct StepContext(Arc<Attempt>);

struct Attempt {
    info: StepInfo,
    step_id: String,
    cancellation: CancellationToken,
    responder: Responder,
}

impl StepContext {
    /// The context of an attempt, made by a host.
    ///
    /// The host cancels the token to tell the step to stop; `responder` gets what
    /// [`Request::respond`](crate::Request::respond) is called with.
    #[must_use]
    pub fn new(info: StepInfo, cancellation: CancellationToken, responder: Responder) -> Self {
        Self(Arc::new(Attempt {
            step_id: format!("{}:{}", info.run_id, info.operation),
            info,
            cancellation,
            responder,
        }))
    }

    /// Runs a future in which [`current`](Self::current) is this context.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The attempt that this code is part of.
    ///
    /// # Panics
    ///
    /// Outside the body of a step, and in a task that a step spawned: take the context before you
    /// spawn, and move it in.
    #[must_use]
    pub fn current() -> Self {
        Self::try_current().expect(
            "StepContext::current() works in the body of a step; \
             a task that a step spawns must be given the context",
        )
    }

    /// The attempt that this code is part of, if it is part of one.
    #[must_use]
    pub fn try_current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// The run that called the step.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.0.info.run_id
    }

    /// The workflow of that run.
    #[must_use]
    pub fn workflow(&self) -> &str {
        &self.0.info.workflow
    }

    /// When that run was started.
    #[must_use]
    pub fn run_started_at(&self) -> Timestamp {
        self.0.info.run_started_at
    }

    /// Where the management API of the host is, as it is reached from this machine, without a slash at the
    /// end: `http://127.0.0.1:7878`. It asks for a token, which the step must have from elsewhere.
    #[must_use]
    pub fn api_url(&self) -> &str {
        &self.0.info.api_url
    }

    /// The idempotency key of the call: `{run_id}:{operation}`. The same for every attempt,
    /// different for every call.
    #[must_use]
    pub fn step_id(&self) -> &str {
        &self.0.step_id
    }

    /// The name of the step.
    #[must_use]
    pub fn step_name(&self) -> &str {
        &self.0.info.step_name
    }

    /// Which attempt this is, from 1. One that a crash cut off is made again, with its number.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.info.attempt
    }

    /// When the first attempt started. Retries do not move it.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.0.info.started_at
    }

    /// When this attempt times out.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.0.info.deadline
    }

    /// Whether the host has told the step to stop, because its run was cancelled, its workflow gave it up
    /// ([`abort_on_drop`](crate::abort_on_drop)), or the host goes down. What the step returns afterwards may be dropped.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancellation.is_cancelled()
    }

    /// Waits until the host tells the step to stop.
    pub async fn cancelled(&self) {
        self.0.cancellation.cancelled().await;
    }

    /// Answers the caller of a webhook request.
    pub(crate) fn respond(&self, request: u64, response: Response) {
        (self.0.responder)(request, response);
    }

    /// The context of a call outside a host.
    fn detached(step: &Step) -> Self {
        /// The number of the next call: as in a run, each has a step ID of its own.
        static NEXT: AtomicU64 = AtomicU64::new(0);

        let info = StepInfo::detached(step.name.to_string());
        let deadline = info.started_at.checked_add(step.policy.timeout);
        let info = StepInfo {
            operation: NEXT.fetch_add(1, Ordering::Relaxed),
            deadline: deadline.unwrap_or(Timestamp::MAX),
            ..info
        };
        Self::new(info, CancellationToken::new(), Arc::new(|_, _| {}))
    }
}

impl fmt::Debug for StepContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attempt { info, cancellation, .. } = &*self.0;
        formatter
            .debug_struct("StepContext")
            .field("info", info)
            .field("is_cancelled", &cancellation.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// Makes one attempt where no runtime is: in a unit test, or as a plain function call from the
/// body of another step, whose context then stays.
pub(crate) async fn run_in_place(step: Step, input: String) -> Result<String, StepFailure> {
    let context = StepContext::try_current().unwrap_or_else(|| StepContext::detached(&step));
    let result = context.scope(step.run(input)).await;
    result.map_err(|error| StepFailure {
        step: step.name.into_owned(),
        attempts: 1,
        message: error.message().to_owned(),
        fatal: error.is_fatal(),
    })
}

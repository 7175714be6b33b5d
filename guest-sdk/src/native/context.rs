//! The attempt that a body is, and the way in which it finds out.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::native::registry::Step;
use crate::native::stream::{StepStream, StreamSink};
use crate::step::{StepError, StepFailure};
use crate::webhook::response::Response;

/// Answers the caller of a webhook request, by the number of the request in its run.
pub type Responder = Arc<dyn Fn(u64, Response) + Send + Sync>;

/// Is told what an attempt says of how far it is, as JSON.
pub type Heart = Arc<dyn Fn(String) + Send + Sync>;

/// How much an attempt may say of how far it is, in bytes of JSON: it is written to the disk again and again.
const MAX_HEARTBEAT: usize = 4 << 10;

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
    /// What an attempt before it last said of how far it was, as JSON.
    pub last_heartbeat: Option<String>,
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
            last_heartbeat: None,
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
    heart: Option<Heart>,
    streams: Option<Arc<dyn StreamSink>>,
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
            heart: None,
            streams: None,
        }))
    }

    /// The same context, whose heartbeats go here.
    #[must_use]
    pub fn with_heart(self, heart: Heart) -> Self {
        Self(Arc::new(Attempt { heart: Some(heart), ..self.0.again() }))
    }

    /// The same context, whose streams go here.
    #[must_use]
    pub fn with_streams(self, streams: Arc<dyn StreamSink>) -> Self {
        Self(Arc::new(Attempt { streams: Some(streams), ..self.0.again() }))
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

    /// Says that the attempt is alive, and how far it is: the next attempt finds that in
    /// [`last_heartbeat`](Self::last_heartbeat), after a failure as well as after a crash of the host.
    ///
    /// Say it as often as you like: what comes within a second of another is passed on at the end of the
    /// attempt, or with the next one; after a crash up to a second is lost. With
    /// `#[step(heartbeat_timeout = "30s")]` an attempt that says nothing for so long has failed, long
    /// before its time-out.
    ///
    /// ```
    /// use segno::{StepContext, StepError};
    ///
    /// #[segno::step(timeout = "6 hours", heartbeat_timeout = "1 minute")]
    /// pub async fn copy(rows: u64) -> Result<(), StepError> {
    ///     let step = StepContext::current();
    ///     for row in step.last_heartbeat().unwrap_or(0)..rows {
    ///         // … copy the row
    ///         step.heartbeat(row + 1)?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The step was told to stop, which is what to end it with; or what it says cannot be written as JSON, or
    /// has more than 4 KiB, which is fatal.
    pub fn heartbeat(&self, details: impl Serialize) -> Result<(), StepError> {
        let json = serde_json::to_string(&details)
            .map_err(|error| StepError::fatal(format!("a heartbeat cannot be written: {error}")))?;
        if json.len() > MAX_HEARTBEAT {
            let size = json.len();
            let message =
                format!("a heartbeat has {size} bytes, but at most {MAX_HEARTBEAT} are allowed");
            return Err(StepError::fatal(message));
        }
        if let Some(heart) = &self.0.heart {
            heart(json);
        }
        if self.is_cancelled() {
            return Err("the step was told to stop".into());
        }
        Ok(())
    }

    /// What an attempt before this one last said with [`heartbeat`](Self::heartbeat), if it did and that fits.
    #[must_use]
    pub fn last_heartbeat<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.0.info.last_heartbeat.as_deref()?).ok()
    }

    /// The stream of the run that has this name, to write to: `GET /v1/runs/{id}/streams/{name}`. The workflow
    /// writes to the same one with [`segno::stream`](crate::stream).
    ///
    /// Each chunk is written with the number of the attempt and when it began. An attempt that is made again writes
    /// again: readers see by these which chunks are of one that failed, or was cut off by a crash. Outside of a host, as
    /// in a unit test, what is written goes nowhere.
    ///
    /// ```
    /// use segno::{StepContext, StepError};
    ///
    /// #[segno::step]
    /// pub async fn answer(question: String) -> Result<String, StepError> {
    ///     let words = StepContext::current().stream("words");
    ///     let mut answer = String::new();
    ///     for word in question.split(' ').rev() {
    ///         words.write(word).await?;
    ///         answer.push_str(word);
    ///     }
    ///     Ok(answer)
    /// }
    /// ```
    #[must_use]
    pub fn stream(&self, name: impl Into<String>) -> StepStream {
        StepStream::new(name.into(), self.0.streams.clone())
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

impl Attempt {
    fn again(&self) -> Self {
        let Self { info, step_id, cancellation, responder, heart, streams } = self;
        Self {
            info: info.clone(),
            step_id: step_id.clone(),
            cancellation: cancellation.clone(),
            responder: Arc::clone(responder),
            heart: heart.clone(),
            streams: streams.clone(),
        }
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

//! The context of an attempt where there is no attempt: in a workflow there is no step. The type
//! exists all the same, so that sources which name it compile; there is never a value of it.

use std::convert::Infallible;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StreamError;
use crate::step::StepError;

/// What a step's body may ask about the attempt that it is. There is none in a workflow.
#[derive(Clone, Debug)]
pub struct StepContext(Infallible);

#[expect(
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    clippy::unused_async,
    reason = "the native twin has the documentation and the behaviour"
)]
impl StepContext {
    /// Panics: a workflow is not a step.
    #[must_use]
    pub fn current() -> Self {
        panic!("StepContext::current() works in the body of a step, and this is a workflow")
    }

    /// `None`: a workflow is not a step.
    #[must_use]
    pub fn try_current() -> Option<Self> {
        None
    }

    /// The run that called the step.
    #[must_use]
    pub fn run_id(&self) -> &str {
        match self.0 {}
    }

    /// The workflow of that run.
    #[must_use]
    pub fn workflow(&self) -> &str {
        match self.0 {}
    }

    /// When that run was started.
    #[must_use]
    pub fn run_started_at(&self) -> Timestamp {
        match self.0 {}
    }

    /// Where the management API of the host is.
    #[must_use]
    pub fn api_url(&self) -> &str {
        match self.0 {}
    }

    /// The idempotency key of the call.
    #[must_use]
    pub fn step_id(&self) -> &str {
        match self.0 {}
    }

    /// The name of the step.
    #[must_use]
    pub fn step_name(&self) -> &str {
        match self.0 {}
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        match self.0 {}
    }

    /// When the first attempt started.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        match self.0 {}
    }

    /// When this attempt times out.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        match self.0 {}
    }

    /// Whether the host has told the step to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        match self.0 {}
    }

    /// Says how far the attempt is.
    pub fn heartbeat(&self, _details: impl Serialize) -> Result<(), StepError> {
        match self.0 {}
    }

    /// What an attempt before this one last said.
    #[must_use]
    pub fn last_heartbeat<T: DeserializeOwned>(&self) -> Option<T> {
        match self.0 {}
    }

    /// A stream of the run.
    #[must_use]
    pub fn stream(&self, _name: impl Into<String>) -> StepStream {
        match self.0 {}
    }

    /// Waits until the host tells the step to stop.
    pub async fn cancelled(&self) {
        match self.0 {}
    }
}

/// A stream of the run, as a step of it writes to it. There is none in a workflow.
#[derive(Clone, Debug)]
pub struct StepStream(Infallible);

#[expect(
    clippy::missing_errors_doc,
    clippy::unused_async,
    reason = "the native twin has the documentation and the behaviour"
)]
impl StepStream {
    /// Writes a chunk.
    pub async fn write(&self, _bytes: impl AsRef<[u8]>) -> Result<(), StreamError> {
        match self.0 {}
    }

    /// Waits until all that was written is on disk.
    pub async fn flush(&self) -> Result<(), StreamError> {
        match self.0 {}
    }

    /// Closes the stream.
    pub async fn close(&self) -> Result<(), StreamError> {
        match self.0 {}
    }
}

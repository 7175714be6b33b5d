//! What the runtime asks of whoever hosts it. One method is one import of the WIT world.

use crate::log::Level;
use crate::step::CallOptions;
use crate::{Request, Response, RunInfo, StepFailure};

/// The number of an operation in its run.
pub(crate) type Operation = u64;

/// What can happen to an operation.
#[derive(Debug)]
pub(crate) enum Event {
    /// A step returned this JSON.
    Completed(String),
    /// A step failed for good.
    Failed(StepFailure),
    /// A sleep is over.
    Slept,
    /// A webhook was called.
    Requested(Request),
}

/// How the run stands when the workflow is stuck.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It waits for an operation.
    Waiting,
    /// It returned this JSON.
    Completed(String),
    /// It returned an error.
    Failed(String),
}

/// How the callers of a webhook are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// With 202 and an empty body.
    Accepted,
    /// With the same response every time.
    Fixed(Response),
    /// By the workflow or a step.
    Manual,
}

/// A new webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Created {
    /// The operation that its requests come to.
    pub(crate) operation: Operation,
    /// The secret part of its URL.
    pub(crate) token: String,
    /// Where to call it.
    pub(crate) url: String,
}

/// Operations are asked for, and answered by events; the rest is answered at once.
pub(crate) trait Host {
    fn call_step(&self, name: &str, input: &str, options: CallOptions) -> Operation;
    fn sleep_until(&self, moment: u64) -> Operation;
    /// No event comes to this sleep any more.
    fn cancel_sleep(&self, sleep: Operation);
    fn create_webhook(&self, answer: &Answer) -> Created;
    fn take_request(&self, webhook: Operation);
    fn respond(&self, request: u64, response: &Response);
    fn dispose_webhook(&self, webhook: Operation);
    fn log(&self, level: Level, message: &str);
    fn run(&self) -> RunInfo;
    /// Milliseconds since 1970.
    fn now(&self) -> u64;
    fn random(&self) -> u64;
}

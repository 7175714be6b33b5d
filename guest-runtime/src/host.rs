//! What the runtime asks of whoever hosts it. One method is one import of the WIT world.

use crate::types::{Answer, CreatedWebhook, Level, Operation, Response, RunInfo, StepOptions};

/// The host of a run: on wasm the imports of the component, in tests whoever plays it.
///
/// Operations are asked for, and answered by events; the rest is answered at once.
pub trait Host {
    /// Asks for a step with an input in JSON.
    fn call_step(&self, name: &str, input: &str, options: StepOptions) -> Operation;
    /// Asks to be woken at a moment, in milliseconds since 1970.
    fn sleep_until(&self, moment: u64) -> Operation;
    /// No event comes to this sleep any more.
    fn cancel_sleep(&self, sleep: Operation);
    /// Opens a webhook.
    fn create_webhook(&self, answer: Answer) -> CreatedWebhook;
    /// The workflow took the oldest request that it had not yet taken.
    fn take_request(&self, webhook: Operation);
    /// Answers the caller of a request, by its number in the run.
    fn respond(&self, request: u64, response: Response);
    /// Closes a webhook.
    fn dispose_webhook(&self, webhook: Operation);
    /// Writes a line to the log of the run.
    fn log(&self, level: Level, message: &str);
    /// Which run this is.
    fn run(&self) -> RunInfo;
    /// The time of the event that is being delivered, in milliseconds since 1970.
    fn now(&self) -> u64;
    /// The next number of the run's own stream.
    fn random(&self) -> u64;
}

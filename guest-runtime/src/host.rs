//! What the runtime asks of whoever hosts it. One method is one import of the WIT world.

use crate::types::{
    Answer, AttributeValue, ClosePolicy, CreatedHook, CreatedWebhook, Failure, Level, Operation,
    Response, RunInfo, Spawned, StepOptions,
};

/// The host of a run: on wasm the imports of the component, in tests whoever plays it.
///
/// Operations are asked for, and answered by events; the rest is answered at once.
pub trait Host {
    /// Asks for a step with an input in JSON.
    fn call_step(&self, name: &str, input: &str, options: StepOptions) -> Operation;
    /// No event comes to this step any more, and its attempt is told to stop.
    fn cancel_step(&self, step: Operation);
    /// Asks to be woken at a moment, in milliseconds since 1970.
    fn sleep_until(&self, moment: u64) -> Operation;
    /// No event comes to this sleep any more.
    fn cancel_sleep(&self, sleep: Operation);
    /// Opens a webhook.
    fn create_webhook(&self, answer: Answer) -> CreatedWebhook;
    /// Opens a hook, with this token or one that the host draws. What is said of it is JSON.
    fn create_hook(&self, token: Option<&str>, metadata: Option<&str>) -> CreatedHook;
    /// Takes in the signals of a name.
    fn open_signal(&self, name: &str) -> Operation;
    /// Starts a run of a workflow with an input in JSON.
    fn spawn(&self, workflow: &str, input: &str, policy: ClosePolicy) -> Spawned;
    /// Cancels a child.
    fn cancel_child(&self, child: Operation);
    /// Sends a signal, as JSON, to a run of the same family.
    fn tell(&self, run: &str, name: &str, payload: &str) -> Operation;
    /// Registers a compensation under a name.
    fn register(&self, name: &str) -> Operation;
    /// Takes a compensation back.
    fn keep(&self, compensation: Operation);
    /// The workflow has ended, with this error or cancelled, and its compensations run from now on.
    fn unwind(&self, error: Option<&Failure>);
    /// A compensation begins.
    fn begin(&self, compensation: Operation);
    /// A compensation is over, with this error if it could not do what it was to do.
    fn end(&self, compensation: Operation, error: Option<&str>);
    /// The workflow begins what must not be stopped amid.
    fn shield(&self) -> Operation;
    /// That is over.
    fn unshield(&self, shield: Operation);
    /// Shows a value, as JSON, to those who ask.
    fn publish(&self, name: &str, value: &str);
    /// Gives the run an attribute.
    fn set_attribute(&self, name: &str, value: &AttributeValue);
    /// Takes an attribute from the run.
    fn remove_attribute(&self, name: &str);
    /// Adds a chunk to the end of a stream.
    fn write(&self, stream: &str, chunk: &[u8]);
    /// Closes a stream.
    fn close_stream(&self, stream: &str);
    /// The workflow took the oldest of what lay untaken in an inbox.
    fn take(&self, inbox: Operation);
    /// Answers the caller of a request or of a signal, by its number in the run.
    fn respond(&self, number: u64, response: Response);
    /// Closes an inbox.
    fn close(&self, inbox: Operation);
    /// Writes a line to the log of the run.
    fn log(&self, level: Level, message: &str);
    /// Which run this is.
    fn run(&self) -> RunInfo;
    /// The time of the event that is being delivered, in milliseconds since 1970.
    fn now(&self) -> u64;
    /// The next number of the run's own stream.
    fn random(&self) -> u64;
}

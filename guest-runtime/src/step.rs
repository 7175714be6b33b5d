//! Calling a step, and waiting for what became of it.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::runtime::Runtime;
use crate::types::{Event, Operation, StepFailure, StepOptions};

/// Asks for a step at once. `input` is JSON, and may have 4 MiB: a host blocks a run that passes a
/// larger one, so an SDK refuses it first, as a failure of the step.
///
/// On replay nothing runs; name and input are compared with the record.
///
/// # Panics
///
/// Where no run is here.
pub fn call(name: &str, input: &str, options: StepOptions) -> StepCall {
    StepCall(Runtime::here(|runtime| runtime.call_step(name, input, options)))
}

/// The answer to a call of a step: its output as JSON, or why it failed. Dropping it gives the
/// answer up; the step goes on to its end.
///
/// It names the run by its thread and holds no reference to it, so that futures of workflows stay
/// `Send` in a native build.
#[derive(Debug)]
#[must_use = "what becomes of a step is heard only where this is awaited"]
pub struct StepCall(Operation);

impl Future for StepCall {
    type Output = Result<String, StepFailure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Runtime::here(|runtime| runtime.poll_answer(self.0, context)).map(|event| match event {
            Event::StepCompleted(output) => Ok(output),
            Event::StepFailed(failure) => Err(failure),
            _ => unreachable!("the host answers a step with its output or its failure"),
        })
    }
}

impl Drop for StepCall {
    fn drop(&mut self) {
        Runtime::if_here(|runtime| runtime.give_up_step(self.0));
    }
}

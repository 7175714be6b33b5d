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
        Runtime::if_here(|runtime| runtime.give_up_answer(self.0));
    }
}

/// The same future, which takes the steps that it has asked for along when it is dropped: the host tells
/// their attempts to stop, durably, and makes no further ones.
pub const fn abort_on_drop<F: Future>(future: Pin<Box<F>>) -> AbortOnDrop<F> {
    AbortOnDrop { future, steps: Vec::new(), kept: 0 }
}

/// The future of [`abort_on_drop`].
#[derive(Debug)]
#[must_use = "nothing is asked for unless this is awaited"]
pub struct AbortOnDrop<F> {
    future: Pin<Box<F>>,
    /// The steps that it has asked for. Those that are over go from time to time, so that one that asks for
    /// years keeps about as many as it waits for.
    steps: Vec<Operation>,
    /// How many were left when that last was done.
    kept: usize,
}

/// How many more steps than were left there may be before it is looked which are over.
const MANY: usize = 16;

impl<F: Future> Future for AbortOnDrop<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, steps, kept } = &mut *self;
        // Where there is no run, steps are futures like any other.
        let mut before = None;
        Runtime::if_here(|runtime| before = runtime.begin_noting(Some(std::mem::take(steps))));
        let polled = future.as_mut().poll(context);
        Runtime::if_here(|runtime| {
            *steps = runtime.begin_noting(before.take()).unwrap_or_default();
            if steps.len() > 2 * *kept + MANY {
                runtime.retain_waiting(steps);
                *kept = steps.len();
            }
        });
        if polled.is_ready() {
            steps.clear();
        }
        polled
    }
}

#[cfg(test)]
impl<F> AbortOnDrop<F> {
    /// How many steps it keeps in mind.
    pub(crate) const fn kept(&self) -> usize {
        self.steps.len()
    }
}

impl<F> Drop for AbortOnDrop<F> {
    fn drop(&mut self) {
        Runtime::if_here(|runtime| runtime.stop_steps(&self.steps));
    }
}

//! Children: runs that this one starts, and waits for; and signals to others of the family.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::runtime::Runtime;
use crate::types::{ClosePolicy, Event, NotTold, Operation, Spawned};

/// Starts a run of a workflow at once. `input` is JSON, and may have 4 MiB; a host blocks a run that passes a
/// larger one.
///
/// On replay nothing starts, and the ID is the one that the child had; the rest is compared with the record.
///
/// # Panics
///
/// Where no run is here.
pub fn spawn(workflow: &str, input: &str, policy: ClosePolicy) -> Child {
    Child(Runtime::here(|runtime| runtime.spawn(workflow, input, policy)))
}

/// A child: the future of its end. Dropping it gives up to hear of the end; the child goes on.
#[derive(Debug)]
#[must_use = "how a child ends is heard only where this is awaited"]
pub struct Child(Spawned);

/// Why a child gave no output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoOutput {
    /// It failed with this error.
    Failed(String),
    /// It was cancelled.
    Cancelled,
}

impl Child {
    /// The ID of its run.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.0.run
    }

    /// Cancels it. Its end comes as ever; that of one that is over is the one that it had.
    pub fn cancel(&self) {
        Runtime::here(|runtime| runtime.host().cancel_child(self.0.operation));
    }
}

impl Future for Child {
    type Output = Result<String, NoOutput>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let operation = self.0.operation;
        Runtime::here(|runtime| runtime.poll_answer(operation, context)).map(|event| match event {
            Event::ChildCompleted(output) => Ok(output),
            Event::ChildFailed(error) => Err(NoOutput::Failed(error)),
            Event::ChildCancelled => Err(NoOutput::Cancelled),
            _ => unreachable!("the host answers a child with how it ended"),
        })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        Runtime::if_here(|runtime| runtime.give_up_answer(self.0.operation));
    }
}

/// Sends a signal to a run of the same family at once: its parent, its children, and theirs. `payload` is
/// JSON.
///
/// On replay nothing is sent; all of it is compared with the record.
///
/// # Panics
///
/// Where no run is here.
pub fn tell(run: &str, name: &str, payload: &str) -> Telling {
    Telling(Runtime::here(|runtime| runtime.tell(run, name, payload)))
}

/// A signal on its way: it is over when the other run has it on disk. Dropping it gives up to hear of that.
#[derive(Debug)]
#[must_use = "whether the signal was taken is heard only where this is awaited"]
pub struct Telling(Operation);

impl Future for Telling {
    type Output = Result<(), NotTold>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Runtime::here(|runtime| runtime.poll_answer(self.0, context)).map(|event| match event {
            Event::Told => Ok(()),
            Event::NotTold(why) => Err(why),
            _ => unreachable!("the host answers a signal with what became of it"),
        })
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        Runtime::if_here(|runtime| runtime.give_up_answer(self.0));
    }
}

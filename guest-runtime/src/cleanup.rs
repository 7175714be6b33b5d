//! How a workflow ends that fails or is cancelled: its future is dropped, and what it registered undoes what
//! it has done, last first. What is shielded comes to its end before that.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::host::Host;
use crate::runtime::Runtime;
use crate::task::WorkflowFuture;
use crate::types::{Failure, Operation, Verdict};

/// What undoes something; its error in words, with the causes.
pub type Undo = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// Registers what undoes something, should the workflow fail or be cancelled. It is not polled before. `name` is
/// for people, and has from 1 to 128 bytes; a host blocks a run that registers another.
///
/// On replay the name is compared with the record.
///
/// # Panics
///
/// Where no run is here.
pub fn register(name: &str, undo: Undo) -> Compensation {
    Compensation(Runtime::here(|runtime| {
        let operation = runtime.host().register(name);
        let registered = Registered { operation, name: name.to_owned(), undo };
        runtime.cleanup().compensations.borrow_mut().push(registered);
        operation
    }))
}

/// A compensation that is registered. Dropping it changes nothing.
#[derive(Debug)]
pub struct Compensation(Operation);

impl Compensation {
    /// Takes it back: what it would undo is to stay.
    pub fn keep(self) {
        Runtime::here(|runtime| {
            let mut registered = runtime.cleanup().compensations.borrow_mut();
            let at = registered.iter().position(|known| known.operation == self.0);
            let taken = at.map(|at| registered.remove(at));
            // What it held is dropped after the borrow: it may be anything of the author's.
            drop(registered);
            if taken.is_some() {
                runtime.host().keep(self.0);
            }
        });
    }
}

/// Has a future come to its end although the run is cancelled meanwhile: only then is the workflow dropped, so
/// what comes after it in the workflow does not happen. Where it is dropped itself, it is over.
///
/// It begins when it is first polled. On replay that is compared with the record.
pub const fn shield<F: Future>(future: Pin<Box<F>>) -> Shield<F> {
    Shield { future, operation: None }
}

/// The future of [`shield`].
#[derive(Debug)]
#[must_use = "nothing is asked for unless this is awaited"]
pub struct Shield<F> {
    future: Pin<Box<F>>,
    /// Since it began, unless it stands in another one.
    operation: Option<Operation>,
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // Where there is no run, nobody cancels it.
        if !Runtime::is_here() {
            return self.future.as_mut().poll(context);
        }
        if Runtime::here(Runtime::is_frozen) && self.operation.is_none() {
            return Poll::Pending;
        }
        let outer = Runtime::here(|runtime| runtime.cleanup().shielded.replace(true));
        if !outer && self.operation.is_none() {
            self.operation = Some(Runtime::here(|runtime| runtime.begin_shield()));
        }
        let polled = self.future.as_mut().poll(context);
        Runtime::here(|runtime| {
            runtime.cleanup().shielded.set(outer);
            if polled.is_pending() {
                return polled;
            }
            if let Some(operation) = self.operation.take() {
                runtime.cleanup().end_shield();
                runtime.host().unshield(operation);
            }
            // The workflow was waiting for this only: it is dropped before it goes on.
            if runtime.is_frozen() { Poll::Pending } else { polled }
        })
    }
}

impl<F> Drop for Shield<F> {
    fn drop(&mut self) {
        if let Some(operation) = self.operation.take() {
            Runtime::if_here(|runtime| {
                runtime.cleanup().end_shield();
                runtime.unshield_late(operation);
            });
        }
    }
}

/// How far a run is with its end.
#[derive(Default)]
pub(crate) struct Cleanup {
    /// What is registered, oldest first.
    compensations: RefCell<Vec<Registered>>,
    stage: RefCell<Stage>,
    /// How many shields there are under way, but for those in others.
    shields: Cell<usize>,
    /// Whether what is polled now is shielded.
    shielded: Cell<bool>,
}

struct Registered {
    operation: Operation,
    name: String,
    undo: Undo,
}

#[derive(Default)]
enum Stage {
    /// The workflow does its work.
    #[default]
    Working,
    /// The run is cancelled, or its time is over with this error, and shields come to their ends.
    Cancelled(Option<String>),
    /// The workflow is gone, and its compensations run: then the run has failed with this, or is cancelled.
    Unwinding(Option<Failure>),
}

impl Cleanup {
    /// The run is to end. It hears of that once, and not where its workflow is over.
    pub(crate) fn cancel(&self, error: Option<String>) {
        let mut stage = self.stage.borrow_mut();
        if matches!(*stage, Stage::Working) {
            *stage = Stage::Cancelled(error);
        }
    }

    /// Whether the workflow is to be dropped now.
    pub(crate) fn is_over(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Cancelled(_)) && self.shields.get() == 0
    }

    /// Whether the workflow is gone.
    pub(crate) fn unwinds(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Unwinding(_))
    }

    /// Whether nothing comes to what is polled now: the run is cancelled, and this is not shielded.
    pub(crate) fn freezes(&self) -> bool {
        !self.shielded.get() && matches!(*self.stage.borrow(), Stage::Cancelled(_))
    }

    /// The workflow is to be dropped, since the run is cancelled: the error that it then has failed with, if its
    /// time was over.
    pub(crate) fn begin_to_unwind(&self) -> Option<Failure> {
        let mut stage = self.stage.borrow_mut();
        let failure = match &mut *stage {
            Stage::Cancelled(error) => error.take().map(Failure::from),
            Stage::Working | Stage::Unwinding(_) => None,
        };
        *stage = Stage::Unwinding(failure.clone());
        failure
    }

    /// What follows when a future of the run has ended: how the run then stands, or what is to be polled next.
    pub(crate) fn after(
        &self,
        result: Result<String, Failure>,
        host: &dyn Host,
    ) -> Result<Verdict, WorkflowFuture> {
        let mut stage = self.stage.borrow_mut();
        match (&mut *stage, result) {
            (Stage::Unwinding(failure), result) => Ok(verdict(failure.take(), result.err())),
            (_, Ok(output)) => Ok(Verdict::Completed(output)),
            (_, Err(failure)) if self.compensations.borrow().is_empty() => {
                Ok(Verdict::Failed(failure))
            }
            (stage, Err(failure)) => {
                host.unwind(Some(&failure));
                *stage = Stage::Unwinding(Some(failure));
                Err(Box::pin(undo_all()))
            }
        }
    }

    /// Whether anything is registered.
    pub(crate) fn has_compensations(&self) -> bool {
        !self.compensations.borrow().is_empty()
    }

    pub(crate) fn begin_shield(&self) {
        self.shields.update(|shields| shields + 1);
    }

    fn end_shield(&self) {
        self.shields.update(|shields| shields.saturating_sub(1));
    }
}

/// Undoes what is registered, last first. What cannot be undone keeps nothing else from it.
pub(crate) async fn undo_all() -> Result<String, Failure> {
    let mut problems = Vec::new();
    while let Some(next) =
        Runtime::here(|runtime| runtime.cleanup().compensations.borrow_mut().pop())
    {
        let Registered { operation, name, undo } = next;
        Runtime::here(|runtime| runtime.host().begin(operation));
        let undone = undo.await;
        let error = undone.err();
        Runtime::here(|runtime| runtime.host().end(operation, error.as_deref()));
        problems.extend(error.map(|error| format!("compensation `{name}` failed: {error}")));
    }
    if problems.is_empty() { Ok(String::new()) } else { Err(problems.join("; ").into()) }
}

/// How a run stands when all is undone that could be.
fn verdict(failure: Option<Failure>, problems: Option<Failure>) -> Verdict {
    match (failure, problems) {
        (None, None) => Verdict::Cancelled,
        (Some(failure), None) => Verdict::Failed(failure),
        (None, Some(problems)) => {
            Verdict::Failed(format!("the run was cancelled, but {}", problems.message).into())
        }
        (Some(failure), Some(problems)) => {
            let message = format!("{}; and {}", failure.message, problems.message);
            Verdict::Failed(Failure { message, ..failure })
        }
    }
}

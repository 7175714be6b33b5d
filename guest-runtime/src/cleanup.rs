//! How a workflow ends that fails or is cancelled: its future is dropped, and what it registered undoes what
//! it has done, last first. What is shielded comes to its end before that.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::ending::Registered;
pub use crate::ending::Undo;
use crate::runtime::Runtime;
use crate::types::Operation;

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

//! How far a run is with its end, and what it undoes before.

use std::cell::{Cell, RefCell};
use std::pin::Pin;

use crate::host::Host;
use crate::types::{Failure, Operation, Verdict};

/// What undoes something; its error in words, with the causes.
pub type Undo = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// How far a run is with its end.
#[derive(Default)]
pub(crate) struct Cleanup {
    /// What is registered, oldest first.
    pub(crate) compensations: RefCell<Vec<Registered>>,
    stage: RefCell<Stage>,
    /// How many shields there are under way, but for those in others.
    shields: Cell<usize>,
    /// Whether what is polled now is shielded.
    pub(crate) shielded: Cell<bool>,
}

/// Something that is registered.
pub(crate) struct Registered {
    pub(crate) operation: Operation,
    /// What it is called.
    pub(crate) name: String,
    pub(crate) undo: Undo,
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

    /// How the run stands when a future of it has ended; nothing where it undoes what it registered next.
    pub(crate) fn after(
        &self,
        result: Result<String, Failure>,
        host: &dyn Host,
    ) -> Option<Verdict> {
        let mut stage = self.stage.borrow_mut();
        match (&mut *stage, result) {
            (Stage::Unwinding(failure), result) => Some(verdict(failure.take(), result.err())),
            // It came to its end by what it told itself, and not by what the host did.
            (stage @ Stage::Cancelled(_), _) => {
                let Stage::Cancelled(error) = std::mem::take(stage) else { unreachable!("it is") };
                let failure = error.map(Failure::from);
                if self.compensations.borrow().is_empty() {
                    return Some(verdict(failure, None));
                }
                host.unwind(failure.as_ref());
                *stage = Stage::Unwinding(failure);
                None
            }
            (_, Ok(output)) => Some(Verdict::Completed(output)),
            (_, Err(failure)) if self.compensations.borrow().is_empty() => {
                Some(Verdict::Failed(failure))
            }
            (stage, Err(failure)) => {
                host.unwind(Some(&failure));
                *stage = Stage::Unwinding(Some(failure));
                None
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

    pub(crate) fn end_shield(&self) {
        self.shields.update(|shields| shields.saturating_sub(1));
    }
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

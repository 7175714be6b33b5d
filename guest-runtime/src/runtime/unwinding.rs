//! The end of a run: its workflow is dropped, and what it registered is undone.

use crate::ending::{Cleanup, Registered};
use crate::runtime::{GivenUp, Runtime};
use crate::task::Task;
use crate::types::{Failure, Operation};

impl Runtime {
    /// The run is cancelled: its workflow is dropped, and what it registered is what is polled next.
    pub(super) fn unwind(&self, workflow: Task) -> Task {
        let failure = self.cleanup.begin_to_unwind();
        drop(workflow);
        self.give_up_left();
        self.tell_drops();
        // Asked behind the drop, which may run code of the author's.
        if self.cleanup.has_compensations() {
            self.host.unwind(failure.as_ref());
        }
        Task::new(Box::pin(Self::undo_all()))
    }

    /// Undoes what is registered, last first. What cannot be undone keeps nothing else from it.
    pub(super) async fn undo_all() -> Result<String, Failure> {
        let mut problems = Vec::new();
        while let Some(next) =
            Self::here(|runtime| runtime.cleanup().compensations.borrow_mut().pop())
        {
            let Registered { operation, name, undo } = next;
            Self::here(|runtime| runtime.host().begin(operation));
            let undone = undo.await;
            let error = undone.err();
            Self::here(|runtime| runtime.host().end(operation, error.as_deref()));
            problems.extend(error.map(|error| format!("compensation `{name}` failed: {error}")));
        }
        if problems.is_empty() { Ok(String::new()) } else { Err(problems.join("; ").into()) }
    }

    /// How far the run is with its end.
    pub(crate) const fn cleanup(&self) -> &Cleanup {
        &self.cleanup
    }

    /// Whether nothing comes to what is polled now, since the run is cancelled.
    pub(crate) fn is_frozen(&self) -> bool {
        self.cleanup.freezes()
    }

    /// Begins what must not be stopped amid.
    pub(crate) fn begin_shield(&self) -> Operation {
        self.cleanup.begin_shield();
        self.host.shield()
    }

    /// A shield is over. The host will hear of it.
    pub(crate) fn unshield_late(&self, shield: Operation) {
        self.given_up.borrow_mut().push(GivenUp::Shield(shield));
    }
}

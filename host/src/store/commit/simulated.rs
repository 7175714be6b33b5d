//! A committer without a thread: somebody else moves its queue, so that what happens between two
//! writes is chosen and not left to the machine.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::store::commit::queue::Pending;
use crate::store::commit::trouble::{Trouble, write_unless_broken};
use crate::store::error::StoreError;
use crate::store::handle::Store;

/// A queue of drafts that moves when it is told to. Cheap to clone.
#[derive(Clone)]
pub struct SimulatedQueue(Arc<Queue>);

struct Queue {
    store: Store,
    trouble: Arc<Trouble>,
    waiting: Mutex<VecDeque<Pending>>,
    /// What was written or cannot be, and has not gone on yet.
    written: Mutex<VecDeque<(Pending, Result<(), StoreError>)>>,
}

impl SimulatedQueue {
    pub(super) fn new(store: Store, trouble: Arc<Trouble>) -> Self {
        Self(Arc::new(Queue {
            store,
            trouble,
            waiting: Mutex::default(),
            written: Mutex::default(),
        }))
    }

    pub(super) fn push(&self, pending: Pending) {
        self.0.waiting.lock().push_back(pending);
    }

    /// How many drafts wait to be written.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting.lock().len()
    }

    /// How many drafts are written and have not gone on yet.
    #[must_use]
    pub fn written(&self) -> usize {
        self.0.written.lock().len()
    }

    /// Writes the first so many drafts that wait, in one transaction. None of them goes on yet.
    pub fn write(&self, drafts: usize) {
        let mut waiting = self.0.waiting.lock();
        let end = drafts.min(waiting.len());
        let batch: Vec<_> = waiting.drain(..end).collect();
        drop(waiting);
        let written =
            write_unless_broken(&self.0.store, &batch, &self.0.trouble, &|_drafts, _took| {});
        self.0.written.lock().extend(batch.into_iter().map(|pending| (pending, written.clone())));
    }

    /// Lets the first draft that is written go on.
    pub fn let_go(&self) {
        let first = self.0.written.lock().pop_front();
        if let Some((pending, written)) = first {
            pending.go_on(written);
        }
    }

    /// Writes all that waits, and lets it go on.
    pub fn flush(&self) {
        self.write(usize::MAX);
        while self.written() > 0 {
            self.let_go();
        }
    }
}

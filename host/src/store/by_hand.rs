//! A committer without a thread: somebody else moves its line, so that what happens between two
//! writes is chosen and not left to the machine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::committer::{Pending, write_unless_broken};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::trouble::Trouble;

/// A line of drafts that moves when it is told to. Cheap to clone.
#[derive(Clone)]
pub struct ByHand(Arc<Line>);

struct Line {
    store: Store,
    trouble: Arc<Trouble>,
    waiting: Mutex<VecDeque<Pending>>,
    /// What was written or cannot be, and has not gone on yet.
    written: Mutex<VecDeque<(Pending, Result<(), StoreError>)>>,
}

impl ByHand {
    pub(super) fn new(store: Store, trouble: Arc<Trouble>) -> Self {
        Self(Arc::new(Line {
            store,
            trouble,
            waiting: Mutex::default(),
            written: Mutex::default(),
        }))
    }

    pub(super) fn push(&self, pending: Pending) {
        lock(&self.0.waiting).push_back(pending);
    }

    /// How many drafts wait to be written.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.0.waiting).len()
    }

    /// How many drafts are written and have not gone on yet.
    #[must_use]
    pub fn written(&self) -> usize {
        lock(&self.0.written).len()
    }

    /// Writes the first so many drafts that wait, in one transaction. None of them goes on yet.
    pub fn write(&self, drafts: usize) {
        let mut waiting = lock(&self.0.waiting);
        let end = drafts.min(waiting.len());
        let batch: Vec<_> = waiting.drain(..end).collect();
        drop(waiting);
        let written =
            write_unless_broken(&self.0.store, &batch, &self.0.trouble, &|_drafts, _took| {});
        lock(&self.0.written).extend(batch.into_iter().map(|pending| (pending, written.clone())));
    }

    /// Lets the first draft that is written go on.
    pub fn let_go(&self) {
        let first = lock(&self.0.written).pop_front();
        if let Some((pending, written)) = first {
            (pending.then)(written);
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Why nothing more can be written, if that is so.

use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use crate::store::commit::queue::Pending;
use crate::store::commit::write::{Committing, write};
use crate::store::error::StoreError;
use crate::store::handle::Store;

/// The first trouble of a store: what comes after it is its consequence.
#[derive(Default)]
pub(super) struct Trouble {
    first: OnceLock<StoreError>,
    happened: Notify,
}

impl Trouble {
    /// The trouble, if there is any.
    pub(super) fn get(&self) -> Option<&StoreError> {
        self.first.get()
    }

    /// The trouble, as soon as there is any. For one who waits at a time.
    pub(super) async fn wait(&self) -> &StoreError {
        loop {
            if let Some(error) = self.first.get() {
                return error;
            }
            // Whoever came first left a permit, so nothing is missed in between.
            self.happened.notified().await;
        }
    }

    /// Nothing more is to be written.
    pub(super) fn give_up(&self, error: StoreError) {
        let shown = error.to_string();
        if self.first.set(error).is_ok() {
            tracing::error!(error = shown, "the host takes no more work");
            self.happened.notify_one();
        }
    }
}

/// Writes a batch, unless an earlier one could not be written.
pub(super) fn write_unless_broken(
    store: &Store,
    batch: &[Pending],
    trouble: &Trouble,
    committed: &Committing,
) -> Result<(), StoreError> {
    let written = match trouble.get() {
        None => write(store, batch.iter().map(|pending| &pending.rows), committed),
        Some(error) => return Err(error.clone()),
    };
    written.map_err(|error| {
        // What failed first says more than what came of it.
        trouble.give_up(store.first_failure().unwrap_or(error));
        trouble.get().cloned().unwrap_or(StoreError::Closed)
    })
}

/// Says that the host is in trouble when its thread panics.
pub struct PanicGuard(Arc<Trouble>);

impl PanicGuard {
    pub(super) const fn new(trouble: Arc<Trouble>) -> Self {
        Self(trouble)
    }
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up(StoreError::Panicked);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn who_waits_is_told_of_the_first_trouble_whether_it_came_before_or_after() {
        let trouble = Trouble::default();
        assert!(trouble.wait().now_or_never().is_none());
        trouble.give_up(StoreError::Panicked);
        trouble.give_up(StoreError::Closed);
        for _ in 0..2 {
            assert!(matches!(trouble.wait().now_or_never(), Some(StoreError::Panicked)));
        }
    }
}

//! Why nothing more can be written, if that is so.

use std::sync::OnceLock;

use tokio::sync::Notify;

use crate::store::error::StoreError;

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
    pub(super) fn begin(&self, error: StoreError) {
        let shown = error.to_string();
        if self.first.set(error).is_ok() {
            tracing::error!(error = shown, "the host takes no more work");
            self.happened.notify_one();
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
        trouble.begin(StoreError::Panicked);
        trouble.begin(StoreError::Closed);
        for _ in 0..2 {
            assert!(matches!(trouble.wait().now_or_never(), Some(StoreError::Panicked)));
        }
    }
}

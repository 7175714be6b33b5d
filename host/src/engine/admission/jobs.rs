//! When jobs are made and worked on.

use tokio::sync::{Mutex, MutexGuard};

use crate::engine::admission::chore::Chore;

/// When jobs are made and worked on.
#[derive(Default)]
pub(crate) struct Jobs {
    /// A page of each at a time.
    pub(crate) chore: Chore,
    making: Mutex<()>,
}

impl Jobs {
    /// A place for who looks whether there is room for a job, until the job is on disk: of those who ask in one
    /// moment, none counts without the others.
    pub(crate) async fn make(&self) -> MutexGuard<'_, ()> {
        self.making.lock().await
    }
}

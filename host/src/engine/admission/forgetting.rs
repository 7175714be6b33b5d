//! When the host forgets what it keeps no longer: a sweep at a time, and none once the host stops.

use parking_lot::Mutex;
use tokio::sync::{MutexGuard, Notify};

use crate::store::StraysFrom;

/// When something is forgotten, and how far that is. It outlives no engine, and keeps none alive.
#[derive(Default)]
pub(crate) struct Forgetting {
    /// Something was deleted, or the host stops.
    woken: Notify,
    stopped: Mutex<bool>,
    /// Held by who sweeps.
    sweeping: tokio::sync::Mutex<()>,
    strays: Mutex<StraysFrom>,
}

impl Forgetting {
    /// There is something to forget now.
    pub(crate) fn wake(&self) {
        self.woken.notify_one();
    }

    /// Nothing more is forgotten; waits until a sweep that is under way has ended.
    pub(crate) async fn stop(&self) {
        *self.stopped.lock() = true;
        self.woken.notify_one();
        drop(self.sweeping.lock().await);
    }

    /// Whether the host stops.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.stopped.lock()
    }

    /// Waits until there is something to forget.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// A place for a sweep: one is under way at a time.
    pub(crate) async fn begin(&self) -> MutexGuard<'_, ()> {
        self.sweeping.lock().await
    }

    /// Where the look at what leads to runs goes on.
    pub(crate) fn looked_at(&self) -> StraysFrom {
        self.strays.lock().clone()
    }

    /// It goes on there.
    pub(crate) fn look_from(&self, place: StraysFrom) {
        *self.strays.lock() = place;
    }
}

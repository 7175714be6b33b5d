//! What the host does by itself, piece by piece: one piece at a time, and none once the host stops.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, MutexGuard, Notify};

/// When something is done that nobody waits for. It outlives no engine, and keeps none alive.
#[derive(Default)]
pub(crate) struct Chore {
    /// There is something to do, or the host stops.
    woken: Notify,
    stopped: AtomicBool,
    /// Held by who does a piece.
    at_work: Mutex<()>,
}

impl Chore {
    /// There is something to do now.
    pub(crate) fn wake(&self) {
        self.woken.notify_one();
    }

    /// Nothing more is begun; waits until the piece that is under way has ended.
    pub(crate) async fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.woken.notify_one();
        drop(self.at_work.lock().await);
    }

    /// Waits until there is something to do.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// A place for a piece: one is under way at a time. Nothing once the host stops.
    pub(crate) async fn begin(&self) -> Option<MutexGuard<'_, ()>> {
        let place = self.at_work.lock().await;
        (!self.stopped.load(Ordering::Acquire)).then_some(place)
    }
}

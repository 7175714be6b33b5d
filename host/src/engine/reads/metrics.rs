//! What the host has counted, as it stands.

use std::time::Duration;

use crate::engine::handle::Engine;

impl Engine {
    /// What the host has counted since it was started, in the text format that Prometheus reads.
    #[must_use]
    pub fn metrics(&self) -> String {
        let outside = &self.0.outside;
        outside
            .metrics()
            .steps_running
            .set(i64::try_from(outside.runner().running()).unwrap_or(i64::MAX));
        let (file, cache) = self.0.store.sizes();
        outside.metrics().store.bytes.set(i64::try_from(file).unwrap_or(i64::MAX));
        outside.metrics().store.cache_bytes.set(i64::try_from(cache).unwrap_or(i64::MAX));
        outside
            .metrics()
            .steps_waiting
            .set(i64::try_from(outside.runner().waiting()).unwrap_or(i64::MAX));
        outside.metrics().paused.set(i64::from(outside.is_paused()));
        outside.metrics().timer_overdue.set(self.overdue().as_secs_f64());
        for (shard, watch) in self.0.inboxes.gates().enumerate() {
            outside.metrics().shard_stands(
                shard,
                watch.busy_for().unwrap_or_default(),
                watch.waiting(),
            );
        }
        outside.metrics().show()
    }

    /// How late the earliest timer is.
    pub(super) fn overdue(&self) -> Duration {
        let outside = &self.0.outside;
        let next = self.0.outside.timers().next();
        Duration::from_millis(next.map_or(0, |next| outside.now().since_ms(next)))
    }
}

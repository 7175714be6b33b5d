//! What is counted of guests, and of how they come back.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::engine::metrics::labels::{Fallback, ImageFallback};
use crate::engine::metrics::register::put;

/// The counters of guests and of their images.
pub(crate) struct GuestMetrics {
    /// Guests that are kept live between two turns.
    pub(crate) live: Gauge,
    /// Guests that were let go because guests held more memory than they are counted for.
    pub(crate) shed: Counter,
    /// Guests that were brought back by giving them the turns of their run again.
    pub(crate) replays: Counter,
    /// Images of runs that were taken.
    pub(crate) images_taken: Counter,
    /// Guests that were brought back from an image.
    pub(crate) image_loads: Counter,
    image_fallbacks: Family<Fallback, Counter>,
}

impl GuestMetrics {
    /// All of them at zero.
    pub(super) fn new(to: &mut Registry) -> Self {
        let metrics = Self {
            live: put(to, "guests_live", "Guests that are kept live between two turns"),
            shed: put(
                to,
                "guests_shed",
                "Guests that were let go because guests held more memory than they are counted for",
            ),
            replays: put(to, "replays", "Guests that were brought back by replaying their turns"),
            images_taken: put(to, "images_taken", "Images of runs that were taken"),
            image_loads: put(to, "image_loads", "Guests that were brought back from an image"),
            image_fallbacks: put(to, "image_fallbacks", "Images that could not be used, by reason"),
        };
        for reason in ImageFallback::ALL.iter().copied() {
            drop(metrics.image_fallbacks.get_or_create(&Fallback { reason }));
        }
        metrics
    }

    /// An image was not used; an older one or a replay stands in for it.
    pub(crate) fn image_fell_back(&self, reason: ImageFallback) {
        self.image_fallbacks.get_or_create(&Fallback { reason }).inc();
    }
}

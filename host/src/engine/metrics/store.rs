//! What is counted of the store.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::engine::metrics::register::{put, put_as};

/// How many drafts a commit may have had, as bounds of a histogram: 1, 4, 16 and so on to 4,096,
/// which is what one transaction takes.
const DRAFT_BUCKETS: u16 = 7;

/// How long a commit may take, as bounds of a histogram, in seconds: 0.1 ms, 0.4 ms and so on to 6.6 s.
const COMMIT_BUCKETS: u16 = 9;

/// The counters of the store.
pub(crate) struct StoreMetrics {
    /// How large the file is, in bytes; looked up when the metrics are shown.
    pub(crate) bytes: Gauge,
    /// How much of it is kept in memory, in bytes; looked up when the metrics are shown.
    pub(crate) cache_bytes: Gauge,
    commits: Counter,
    drafts_per_commit: Histogram,
    commit_seconds: Histogram,
}

impl StoreMetrics {
    /// All of them at zero.
    pub(super) fn new(to: &mut Registry) -> Self {
        let drafts = Histogram::new(exponential_buckets(1.0, 4.0, DRAFT_BUCKETS));
        let seconds = Histogram::new(exponential_buckets(0.000_1, 4.0, COMMIT_BUCKETS));
        Self {
            bytes: put(to, "store_bytes", "Size of the store, with its log"),
            cache_bytes: put(to, "store_cache_bytes", "How much of the store is kept in memory"),
            commits: put(to, "commits", "Transactions that were committed"),
            drafts_per_commit: put_as(
                to,
                "drafts_per_commit",
                "How many drafts shared a commit",
                drafts,
            ),
            commit_seconds: put_as(to, "commit_seconds", "How long transactions took", seconds),
        }
    }

    /// A batch of this many drafts was committed in this time.
    pub(crate) fn committed(&self, drafts: usize, took: Duration) {
        self.commits.inc();
        self.commit_seconds.observe(took.as_secs_f64());
        self.drafts_per_commit.observe(drafts as f64);
    }
}

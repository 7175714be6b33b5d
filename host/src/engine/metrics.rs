//! What the host counts, for those who watch it: one struct, which `GET /metrics` shows.
//!
//! A counter begins at zero when the host starts. Nothing here is state of a run, and nothing is
//! decided by it.

use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};

pub(crate) use prometheus_client::metrics::gauge::Gauge;

/// How many drafts a commit may have had, as bounds of a histogram: 1, 4, 16 and so on to 4,096,
/// which is what one transaction takes.
const DRAFT_BUCKETS: u16 = 7;

/// The counters of an engine. Counting is an atomic addition, and at most a short look into a table
/// that nobody writes to.
pub(crate) struct Metrics {
    registry: Registry,
    /// Turns that were committed.
    pub(crate) turns: Counter,
    /// Transactions that were committed.
    pub(crate) commits: Counter,
    /// How many drafts shared a commit.
    pub(crate) drafts_per_commit: Histogram,
    /// Runs that have not ended.
    pub(crate) runs_unfinished: Gauge,
    /// Guests that are kept live between two turns.
    pub(crate) guests_live: Gauge,
    /// Attempts of steps that run; looked up when the metrics are shown.
    pub(crate) steps_running: Gauge,
    /// How large the file of the store is, in bytes; looked up when the metrics are shown.
    pub(crate) store_bytes: Gauge,
    /// How much of it is kept in memory, in bytes; looked up when the metrics are shown.
    pub(crate) store_cache_bytes: Gauge,
    /// Operations that wait for a step which this host lacks.
    pub(crate) steps_missing: Gauge,
    /// Calls of webhooks that were stored.
    pub(crate) webhooks_called: Counter,
    /// Guests that were brought back by giving them the turns of their run again.
    pub(crate) replays: Counter,
    /// Images of runs that were taken.
    pub(crate) images_taken: Counter,
    /// Guests that were brought back from an image.
    pub(crate) image_loads: Counter,
    steps_ended: Family<StepEnd, Counter>,
    image_fallbacks: Family<Fallback, Counter>,
    requests: Family<Answered, Counter>,
}

/// Declares the values of a label: what each is, and its word in the metrics.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum $name {
            $($(#[$what])* $value,)*
        }

        impl $name {
            const ALL: &[Self] = &[$(Self::$value),*];
        }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
                let word = match self { $(Self::$value => $word,)* };
                EncodeLabelValue::encode(&word, encoder)
            }
        }
    };
}

label! {
    /// How an attempt of a step ended.
    StepOutcome {
        /// It returned.
        Succeeded = "succeeded",
        /// It failed, and is tried again.
        Retried = "retried",
        /// It failed, and its workflow is told so.
        GivenUp = "given_up",
    }
}

label! {
    /// Why an image was not used.
    ImageFallback {
        /// It cannot be read, or is not what was written.
        Damaged = "damaged",
        /// It is of another module, or of another version of the interface to it.
        Foreign = "foreign",
        /// The turns behind it do not follow from it.
        Diverged = "diverged",
        /// It gives another memory than the turns do.
        Mismatch = "mismatch",
    }
}

label! {
    /// Which of the two doors.
    Door {
        /// The management API.
        Management = "management",
        /// The public listener.
        Webhooks = "webhooks",
    }
}

label! {
    /// The first digit of a status.
    Class {
        /// It goes on.
        Informed = "1xx",
        /// It was done.
        Done = "2xx",
        /// It is elsewhere.
        Elsewhere = "3xx",
        /// The caller made a mistake, or comes too often.
        Refused = "4xx",
        /// The host cannot do it.
        Failed = "5xx",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepEnd {
    outcome: StepOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fallback {
    reason: ImageFallback,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    door: Door,
    status: Class,
}

impl Metrics {
    /// All counters at zero, and all that can be counted in view from the start.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("segno");
        let to = &mut registry;
        let metrics = Self {
            turns: put(to, "turns", "Turns that were committed"),
            commits: put(to, "commits", "Transactions that were committed"),
            drafts_per_commit: put_histogram(to, "drafts_per_commit", "How many drafts shared a commit"),
            runs_unfinished: put(to, "runs_unfinished", "Runs that have not ended"),
            guests_live: put(to, "guests_live", "Guests that are kept live between two turns"),
            steps_running: put(to, "steps_running", "Attempts of steps that run"),
            store_bytes: put(to, "store_bytes", "Size of the file of the store"),
            store_cache_bytes: put(to, "store_cache_bytes", "How much of the store is kept in memory"),
            steps_missing: put(to, "steps_missing", "Operations that wait for a step which this host lacks"),
            webhooks_called: put(to, "webhooks_called", "Calls of webhooks that were stored"),
            replays: put(to, "replays", "Guests that were brought back by replaying their turns"),
            images_taken: put(to, "images_taken", "Images of runs that were taken"),
            image_loads: put(to, "image_loads", "Guests that were brought back from an image"),
            steps_ended: put(to, "steps_ended", "Attempts of steps that ended, by what follows"),
            image_fallbacks: put(to, "image_fallbacks", "Images that could not be used, by reason"),
            requests: put(to, "requests", "Requests that were answered, by door and status"),
            registry,
        };
        metrics.begin();
        metrics
    }

    /// Makes each labelled counter, so that one which was never counted shows zero.
    fn begin(&self) {
        for outcome in StepOutcome::ALL.iter().copied() {
            drop(self.steps_ended.get_or_create(&StepEnd { outcome }));
        }
        for reason in ImageFallback::ALL.iter().copied() {
            drop(self.image_fallbacks.get_or_create(&Fallback { reason }));
        }
        for door in Door::ALL.iter().copied() {
            for status in Class::ALL.iter().copied() {
                drop(self.requests.get_or_create(&Answered { door, status }));
            }
        }
    }

    /// An attempt of a step has ended so.
    pub(crate) fn step_ended(&self, outcome: StepOutcome) {
        self.steps_ended.get_or_create(&StepEnd { outcome }).inc();
    }

    /// An image was not used; an older one or a replay stands in for it.
    pub(crate) fn image_fell_back(&self, reason: ImageFallback) {
        self.image_fallbacks.get_or_create(&Fallback { reason }).inc();
    }

    /// A door has answered a request with this status.
    pub(crate) fn answered(&self, door: Door, status: u16) {
        let status = match status {
            0..=199 => Class::Informed,
            200..=299 => Class::Done,
            300..=399 => Class::Elsewhere,
            400..=499 => Class::Refused,
            500.. => Class::Failed,
        };
        self.requests.get_or_create(&Answered { door, status }).inc();
    }

    /// A batch of this many drafts was committed.
    pub(crate) fn committed(&self, drafts: usize) {
        self.commits.inc();
        self.drafts_per_commit.observe(drafts as f64);
    }

    /// All of it in the text format that Prometheus reads.
    pub(crate) fn show(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing into a string does not fail");
        text
    }
}

fn put<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn put_histogram(registry: &mut Registry, name: &str, help: &str) -> Histogram {
    let histogram = Histogram::new(exponential_buckets(1.0, 4.0, DRAFT_BUCKETS));
    registry.register(name, help, histogram.clone());
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_counted_shows_zero() {
        let text = Metrics::new().show();
        for line in [
            "segno_turns_total 0",
            "segno_runs_unfinished 0",
            "segno_drafts_per_commit_count 0",
            r#"segno_steps_ended_total{outcome="given_up"} 0"#,
            r#"segno_image_fallbacks_total{reason="damaged"} 0"#,
            r#"segno_requests_total{door="webhooks",status="5xx"} 0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn what_was_counted_is_shown() {
        let metrics = Metrics::new();
        metrics.committed(1);
        metrics.committed(4_096);
        metrics.step_ended(StepOutcome::Retried);
        metrics.image_loads.inc();
        metrics.image_fell_back(ImageFallback::Damaged);
        metrics.answered(Door::Management, 503);
        let text = metrics.show();
        for line in [
            "segno_commits_total 2",
            "segno_image_loads_total 1",
            "segno_drafts_per_commit_sum 4097.0",
            r#"segno_drafts_per_commit_bucket{le="1.0"} 1"#,
            r#"segno_drafts_per_commit_bucket{le="4096.0"} 2"#,
            r#"segno_steps_ended_total{outcome="retried"} 1"#,
            r#"segno_image_fallbacks_total{reason="damaged"} 1"#,
            r#"segno_requests_total{door="management",status="5xx"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}

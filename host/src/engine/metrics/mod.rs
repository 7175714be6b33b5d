//! What the host counts, for those who watch it: one struct, which `GET /metrics` shows.
//!
//! A counter begins at zero when the process starts, and goes on when the host opens its store again.
//! Names that come from guests are bounded in number. Nothing here is state of a run, and nothing is
//! decided by it.

mod guests;
mod labels;
mod names;
mod register;
mod store;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use segno_journal::BlockKind;

pub(crate) use prometheus_client::metrics::counter::Counter;
pub(crate) use prometheus_client::metrics::gauge::Gauge;

pub(crate) use crate::engine::metrics::labels::{
    Door, EndCallOutcome, ImageFallback, RunOutcome, StepOutcome,
};

use crate::engine::metrics::guests::GuestMetrics;
use crate::engine::metrics::labels::{
    Answered, AttemptEnd, Class, EndCalled, OfKind, OfShard, OfStatus, OfStep, RunEnd, Stand,
    StepEnd,
};
use crate::engine::metrics::names::Names;
use crate::engine::metrics::register::{put, put_as};
use crate::engine::metrics::store::StoreMetrics;

/// How long an attempt may take, as bounds of a histogram, in seconds: 1 ms, 8 ms and so on to about
/// half an hour. Few, since each step of each workflow has them.
const ATTEMPT_BUCKETS: u16 = 8;

/// How long the attempts of the steps took.
type Durations = Family<OfStep, Histogram, fn() -> Histogram>;

/// The counters of an engine. Counting is an atomic addition, and at most a short look into a table
/// that nobody writes to.
pub(crate) struct Metrics {
    registry: Registry,
    /// Turns that were committed.
    pub(crate) turns: Counter,
    /// The store.
    pub(crate) store: StoreMetrics,
    /// Guests, and their images.
    pub(crate) guests: GuestMetrics,
    /// Runs that have not ended.
    pub(crate) runs_unfinished: Gauge,
    /// Attempts of steps that run; looked up when the metrics are shown.
    pub(crate) steps_running: Gauge,
    /// Operations that wait for a step which this host lacks.
    pub(crate) steps_missing: Gauge,
    /// Attempts of steps that wait for a place; looked up when the metrics are shown.
    pub(crate) steps_waiting: Gauge,
    pub(crate) paused: Gauge,
    /// How late the earliest timer is, in seconds; looked up when the metrics are shown.
    pub(crate) timer_overdue: Gauge<f64, AtomicU64>,
    /// Calls of webhooks that were stored.
    pub(crate) webhooks_called: Counter,
    pub(crate) hooks_called: Counter,
    pub(crate) signals: Counter,
    pub(crate) queries: Counter,
    /// Runs that were deleted.
    pub(crate) runs_deleted: Counter,
    deletions_pending: Gauge,
    deletions_overdue: Gauge<f64, AtomicU64>,
    names: Names,
    shard_turn_age: Family<OfShard, Gauge<f64, AtomicU64>>,
    shard_inbox: Family<OfShard, Gauge>,
    steps_ended: Family<StepEnd, Counter>,
    attempts: Family<AttemptEnd, Counter>,
    attempt_seconds: Durations,
    runs: Family<OfStatus, Gauge>,
    runs_blocked: Family<OfKind, Gauge>,
    runs_ended: Family<RunEnd, Counter>,
    end_calls: Family<EndCalled, Counter>,
    requests: Family<Answered, Counter>,
}

impl Metrics {
    /// All counters at zero, and all that can be counted in view from the start.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("segno");
        let to = &mut registry;
        let metrics = Self {
            turns: put(to, "turns", "Turns that were committed"),
            store: StoreMetrics::new(to),
            guests: GuestMetrics::new(to),
            runs_unfinished: put(to, "runs_unfinished", "Runs that have not ended"),
            steps_running: put(to, "steps_running", "Attempts of steps that run"),
            steps_missing: put(
                to,
                "steps_missing",
                "Operations that wait for a step which this host lacks",
            ),
            steps_waiting: put(to, "steps_waiting", "Attempts of steps that wait for a place"),
            paused: put(to, "paused", "1 while the host is paused, else 0"),
            timer_overdue: put(to, "timer_overdue_seconds", "How late the earliest timer is"),
            webhooks_called: put(to, "webhooks_called", "Calls of webhooks that were stored"),
            hooks_called: put(to, "hooks_called", "Calls of hooks that were stored"),
            signals: put(to, "signals", "Signals that were stored"),
            queries: put(to, "queries", "Queries that were answered"),
            runs_deleted: put(to, "runs_deleted", "Runs that were deleted"),
            deletions_pending: put(
                to,
                "deletions_pending",
                "Runs that ended so long ago that they are to be deleted, and are still needed",
            ),
            deletions_overdue: put(
                to,
                "deletions_overdue_seconds",
                "For how long the oldest of them was to be deleted",
            ),
            shard_turn_age: put(
                to,
                "shard_turn_age_seconds",
                "For how long a shard has been at its turn, 0 between two",
            ),
            shard_inbox: put(to, "shard_inbox", "Messages that wait for a shard"),
            steps_ended: put(to, "steps_ended", "Attempts of steps that ended, by what follows"),
            names: Names::default(),
            attempts: put(
                to,
                "step_attempts",
                "Attempts that ended, by workflow, step and what follows",
            ),
            attempt_seconds: put_as(
                to,
                "step_attempt_seconds",
                "How long attempts took, by workflow and step",
                Durations::new_with_constructor(attempt_seconds),
            ),
            runs: put(to, "runs", "Runs that have not ended, by status"),
            runs_blocked: put(to, "runs_blocked", "Runs that are blocked, by kind of trouble"),
            runs_ended: put(to, "runs_ended", "Runs that ended, by workflow and outcome"),
            end_calls: put(to, "end_calls", "Calls at the ends of runs, by what became of them"),
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
        for outcome in EndCallOutcome::ALL.iter().copied() {
            drop(self.end_calls.get_or_create(&EndCalled { outcome }));
        }
        for status in Stand::ALL.iter().copied() {
            drop(self.runs.get_or_create(&OfStatus { status }));
        }
        for kind in BlockKind::ALL {
            drop(self.runs_blocked.get_or_create(&OfKind { kind: kind.to_string() }));
        }
        for door in Door::ALL.iter().copied() {
            for status in Class::ALL.iter().copied() {
                drop(self.requests.get_or_create(&Answered { door, status }));
            }
        }
    }

    /// How a shard stands: for how long it has been at its turn, and how many messages wait for it.
    pub(crate) fn shard_stands(&self, shard: usize, at_turn: Duration, waiting: usize) {
        self.shard_turn_age.get_or_create(&OfShard { shard }).set(at_turn.as_secs_f64());
        let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
        self.shard_inbox.get_or_create(&OfShard { shard }).set(waiting);
    }

    /// An attempt of a step of a workflow has ended so, after this time where it began.
    pub(crate) fn step_ended(
        &self,
        workflow: &str,
        step: &str,
        outcome: StepOutcome,
        took: Option<Duration>,
    ) {
        self.steps_ended.get_or_create(&StepEnd { outcome }).inc();
        let (workflow, step) = self.names.admitted(workflow, step);
        if let Some(took) = took {
            let of_step = OfStep { workflow: workflow.clone(), step: step.clone() };
            self.attempt_seconds.get_or_create(&of_step).observe(took.as_secs_f64());
        }
        self.attempts.get_or_create(&AttemptEnd { workflow, step, outcome }).inc();
    }

    /// So many runs are to be deleted and still needed, the oldest of them for so long.
    pub(crate) fn deletions_stand(&self, pending: u64, overdue: Duration) {
        self.deletions_pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
        self.deletions_overdue.set(overdue.as_secs_f64());
    }

    /// This became of a call at the end of a run.
    pub(crate) fn called_at_end(&self, outcome: EndCallOutcome) {
        self.end_calls.get_or_create(&EndCalled { outcome }).inc();
    }

    /// A run of a workflow has ended so.
    pub(crate) fn run_ended(&self, workflow: &str, outcome: RunOutcome) {
        let (workflow, _) = self.names.admitted(workflow, "");
        let end = |outcome| RunEnd { workflow: workflow.clone(), outcome };
        // All of them, so that the first failure of a workflow is seen as a change.
        RunOutcome::ALL
            .iter()
            .for_each(|outcome| drop(self.runs_ended.get_or_create(&end(*outcome))));
        self.runs_ended.get_or_create(&end(outcome)).inc();
    }

    /// A run is blocked from now on by the one kind of trouble, and no more by the other.
    pub(crate) fn blocked(&self, before: Option<BlockKind>, now: Option<BlockKind>) {
        let gauge =
            |kind: BlockKind| self.runs_blocked.get_or_create(&OfKind { kind: kind.to_string() });
        if let Some(kind) = before {
            gauge(kind).dec();
        }
        if let Some(kind) = now {
            gauge(kind).inc();
        }
    }

    /// How many runs are blocked by each kind of trouble.
    pub(crate) fn blocked_runs(&self) -> impl Iterator<Item = (BlockKind, i64)> {
        BlockKind::ALL.iter().map(|kind| {
            (*kind, self.runs_blocked.get_or_create(&OfKind { kind: kind.to_string() }).get())
        })
    }

    /// Another engine of this process counts on: what only the last one had is gone.
    pub(crate) fn begin_again(&self) {
        for gauge in [&self.runs_unfinished, &self.guests.live, &self.steps_missing] {
            gauge.set(0);
        }
        for kind in BlockKind::ALL {
            self.runs_blocked.get_or_create(&OfKind { kind: kind.to_string() }).set(0);
        }
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

    /// All of it in the text format that Prometheus reads.
    pub(crate) fn show(&self) -> String {
        let blocked: i64 = self.blocked_runs().map(|(_, runs)| runs).sum();
        self.runs.get_or_create(&OfStatus { status: Stand::Blocked }).set(blocked);
        let running = self.runs_unfinished.get().saturating_sub(blocked);
        self.runs.get_or_create(&OfStatus { status: Stand::Running }).set(running);
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing into a string does not fail");
        text
    }
}

fn attempt_seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 8.0, ATTEMPT_BUCKETS))
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
            r#"segno_runs_blocked{kind="divergence"} 0"#,
            "segno_timer_overdue_seconds 0.0",
            "segno_commit_seconds_count 0",
            r#"segno_requests_total{door="webhooks",status="5xx"} 0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn another_engine_counts_on_without_what_the_last_one_had() {
        let metrics = Metrics::new();
        metrics.turns.inc();
        metrics.runs_unfinished.inc();
        metrics.blocked(None, Some(BlockKind::Trap));
        metrics.begin_again();
        let text = metrics.show();
        for line in [
            "segno_turns_total 1",
            "segno_runs_unfinished 0",
            r#"segno_runs_blocked{kind="trap"} 0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn what_was_counted_is_shown() {
        let metrics = Metrics::new();
        metrics.store.committed(1, Duration::from_micros(300));
        metrics.store.committed(4_096, Duration::from_secs(1));
        let took = Some(Duration::from_millis(5));
        metrics.step_ended("pay", "charge", StepOutcome::Retried, took);
        metrics.step_ended("pay", "charge\"\n", StepOutcome::Succeeded, None);
        metrics.run_ended("pay", RunOutcome::Failed);
        metrics.runs_unfinished.set(3);
        metrics.blocked(None, Some(BlockKind::Trap));
        metrics.blocked(Some(BlockKind::Trap), Some(BlockKind::Limit));
        metrics.guests.image_loads.inc();
        metrics.guests.image_fell_back(ImageFallback::Damaged);
        metrics.answered(Door::Management, 503);
        let text = metrics.show();
        for line in [
            "segno_commits_total 2",
            r#"segno_commit_seconds_bucket{le="0.0004"} 1"#,
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

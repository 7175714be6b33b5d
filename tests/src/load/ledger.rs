//! What was asked and what was answered, to be compared with the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use segno_journal::RunId;

/// How an answer took its time, in a form that does not grow: how many took up to 2^n microseconds.
const POWERS: usize = 32;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The host has said that it is stored.
    Acknowledged,
    /// The host has said that it is not stored.
    Refused,
    /// The connection broke before the answer.
    Unknown,
}

/// The requests of a crowd. A request is known by its number.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    next: AtomicU64,
    calls: Mutex<Fates>,
    starts: Mutex<Fates>,
    started: Mutex<BTreeMap<u64, RunId>>,
    strange: Mutex<BTreeSet<String>>,
    /// Why connections broke, and how often.
    breaks: Mutex<BTreeMap<String, u64>>,
}

/// Requests by what became of them.
#[derive(Debug, Default)]
pub(super) struct Fates {
    pub(super) acknowledged: Vec<u64>,
    pub(super) refused: Vec<u64>,
    pub(super) unknown: Vec<u64>,
    times: Times,
    times_of_refusals: Times,
}

#[derive(Debug, Default)]
struct Times([u64; POWERS]);

impl Ledger {
    /// The number of a new request.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn called(&self, number: u64, fate: Fate, took: Duration) {
        lock(&self.calls).note(number, fate, took);
    }

    pub(super) fn started(&self, number: u64, run: Option<RunId>, fate: Fate, took: Duration) {
        lock(&self.starts).note(number, fate, took);
        if let Some(run) = run {
            lock(&self.started).insert(number, run);
        }
    }

    /// An answer that no load explains.
    pub(super) fn wonder(&self, what: String) {
        lock(&self.strange).insert(what);
    }

    /// A connection broke before the answer.
    pub(super) fn broke(&self, error: &dyn Error) {
        let causes = std::iter::successors(Some(error), |&error| error.source());
        let innermost = causes.last().map_or_else(String::new, ToString::to_string);
        *lock(&self.breaks).entry(innermost).or_default() += 1;
    }

    pub(super) fn strange(&self) -> Vec<String> {
        lock(&self.strange).iter().take(10).cloned().collect()
    }

    pub(super) fn calls(&self) -> MutexGuard<'_, Fates> {
        lock(&self.calls)
    }

    pub(super) fn starts(&self) -> MutexGuard<'_, Fates> {
        lock(&self.starts)
    }

    /// The runs that were acknowledged.
    pub(super) fn runs(&self) -> Vec<RunId> {
        lock(&self.started).values().copied().collect()
    }

    /// In a line: how many were acknowledged, refused and cut off.
    pub(super) fn counts(&self) -> String {
        format!("calls {}; starts {}", self.calls().counts(), self.starts().counts())
    }

    #[expect(clippy::print_stdout, reason = "it tells what it saw")]
    pub(super) fn print(&self) {
        for (what, fates) in
            [("calls of webhooks", self.calls()), ("starts of runs", self.starts())]
        {
            println!("{what}: {}", fates.counts());
            println!("  acknowledged within {}", fates.times.shares());
            println!("  refused within      {}", fates.times_of_refusals.shares());
        }
        for (why, times) in &*lock(&self.breaks) {
            println!("cut off {times} times: {why}");
        }
    }
}

impl Fates {
    fn note(&mut self, number: u64, fate: Fate, took: Duration) {
        match fate {
            Fate::Acknowledged => {
                self.acknowledged.push(number);
                self.times.note(took);
            }
            Fate::Refused => {
                self.refused.push(number);
                self.times_of_refusals.note(took);
            }
            Fate::Unknown => self.unknown.push(number),
        }
    }

    fn counts(&self) -> String {
        let Self { acknowledged, refused, unknown, .. } = self;
        format!(
            "{} acknowledged, {} refused, {} cut off",
            acknowledged.len(),
            refused.len(),
            unknown.len()
        )
    }
}

impl Times {
    fn note(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let power = usize::try_from(micros.ilog2()).unwrap_or(POWERS) + 1;
        self.0[power.min(POWERS - 1)] += 1;
    }

    /// Within what time half, 99 of a hundred and all were answered, rounded up to a power of two.
    fn shares(&self) -> String {
        let total: u64 = self.0.iter().sum();
        if total == 0 {
            return "nothing".to_owned();
        }
        let within = |share: f64| {
            let mut seen = 0;
            let power = self.0.iter().position(|count| {
                seen += count;
                seen as f64 >= share * total as f64
            });
            Duration::from_micros(1 << power.unwrap_or(POWERS - 1))
        };
        format!("{:?} (half), {:?} (99 %), {:?} (all)", within(0.5), within(0.99), within(1.0))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What a shard does, as others see it: since when it has been at one message, and when others may end
//! a run of it.
//!
//! A shard has its runs to itself while it handles a message. It lets go of them while it computes:
//! while guest code runs, or a module is compiled. Then a run of it can be ended from outside, which
//! is written before anything that the shard may write later, and what the shard computed for that run
//! is dropped.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use segno_journal::RunId;

use crate::engine::clock::Clock;
use crate::name::name;

/// For how long a shard may be at one message before it counts as one that does not answer: several
/// times what the fuel of a turn takes.
pub(crate) const UNRESPONSIVE: Duration = Duration::from_secs(5);

/// How often the shards are looked at.
pub(crate) const LOOK: Duration = Duration::from_secs(1);

/// One shard, seen from outside.
pub(crate) struct Gate {
    clock: Clock,
    hold: Mutex<Hold>,
    /// The shard has let go of its runs.
    let_go: Condvar,
    /// How many messages it was sent and has not begun with.
    waiting: AtomicUsize,
    /// Since when it has been at its message, by the clock's count of milliseconds; 0 between two.
    since: AtomicU64,
    /// Whose turn it computes.
    computes: Mutex<Option<(RunId, Arc<str>)>>,
}

#[derive(Default)]
struct Hold {
    /// The shard has its runs to itself.
    is_at_work: bool,
    /// Somebody waits until it lets go of them.
    is_awaited: bool,
    news: News,
}

/// What happened to the runs of a shard while it had let go of them.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Runs that were ended from outside, which is on its way to the disk.
    pub(crate) ended: BTreeSet<RunId>,
    /// The host goes down without this shard: it writes nothing any more.
    pub(crate) shut_out: bool,
}

/// A shard that has been at one message for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    /// Which shard.
    pub shard: usize,
    /// For how long.
    pub time: Duration,
    /// Whose turn it computes, and of which workflow; nothing where it does something else.
    pub computes: Option<(RunId, Arc<str>)>,
}

impl Busy {
    pub(crate) fn is_too_long(&self) -> bool {
        self.time >= UNRESPONSIVE
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shard = self.shard;
        let seconds = self.time.as_secs();
        match &self.computes {
            Some((run, workflow)) => write!(
                f,
                "shard {shard} has computed one turn of {run} (workflow `{workflow}`) for {seconds} s, and its other \
                 runs wait; `{me} cancel {run}` ends the run",
                me = name()
            ),
            None => write!(
                f,
                "shard {shard} has been held up for {seconds} s, perhaps by the disk, and its runs wait"
            ),
        }
    }
}

impl Gate {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            hold: Mutex::default(),
            let_go: Condvar::new(),
            waiting: AtomicUsize::new(0),
            since: AtomicU64::new(0),
            computes: Mutex::default(),
        }
    }

    /// The shard was sent a message.
    pub(crate) fn sent(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// How many messages the shard has not begun with.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The shard takes a message.
    pub(crate) fn taken(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// The shard begins to work, and has its runs to itself.
    pub(crate) fn begin(&self) -> News {
        self.since.store(self.clock.uptime_ms().max(1), Ordering::Relaxed);
        self.take_hold()
    }

    /// The shard is done with what it began.
    pub(crate) fn done(&self) {
        self.since.store(0, Ordering::Relaxed);
        self.loosen();
    }

    /// The shard computes a turn of this run, and lets go of its runs meanwhile.
    pub(crate) fn compute(&self, run: RunId, workflow: Arc<str>) {
        *self.computes.lock() = Some((run, workflow));
        self.loosen();
    }

    /// The shard has computed, and has its runs to itself again.
    pub(crate) fn computed(&self) -> News {
        *self.computes.lock() = None;
        self.take_hold()
    }

    /// For how long the shard has been at its message.
    pub(crate) fn busy_for(&self) -> Option<Duration> {
        match self.since.load(Ordering::Relaxed) {
            0 => None,
            since => Some(Duration::from_millis(self.clock.uptime_ms().saturating_sub(since))),
        }
    }

    /// Whether the shard has been at its message for too long.
    pub(crate) fn is_unresponsive(&self) -> bool {
        self.busy_for().is_some_and(|time| time >= UNRESPONSIVE)
    }

    /// Whose turn the shard computes.
    pub(crate) fn computes(&self) -> Option<(RunId, Arc<str>)> {
        self.computes.lock().clone()
    }

    /// Ends a run from outside, unless the shard is at work: `write` hands in what is to be written,
    /// before all that the shard may hand in later. Gives what `write` gives.
    pub(crate) fn end_run<T>(&self, run: RunId, write: impl FnOnce() -> Option<T>) -> Option<T> {
        let mut hold = self.hold.lock();
        if hold.is_at_work {
            return None;
        }
        let written = write()?;
        hold.news.ended.insert(run);
        Some(written)
    }

    /// Whether a run was ended that the shard still has.
    pub(crate) fn was_ended(&self, run: RunId) -> bool {
        self.hold.lock().news.ended.contains(&run)
    }

    /// From now on the shard writes nothing any more. Waits so long at most until it has let go of its
    /// runs, and says whether it has.
    pub(crate) fn shut_out(&self, at_most: Duration) -> bool {
        let mut hold = self.hold.lock();
        hold.is_awaited = true;
        self.let_go.wait_while_for(&mut hold, |hold| hold.is_at_work, at_most);
        hold.news.shut_out = !hold.is_at_work;
        hold.news.shut_out
    }

    fn take_hold(&self) -> News {
        let mut hold = self.hold.lock();
        hold.is_at_work = true;
        // Who is shut out stays it.
        News { ended: std::mem::take(&mut hold.news.ended), shut_out: hold.news.shut_out }
    }

    fn loosen(&self) {
        let mut hold = self.hold.lock();
        hold.is_at_work = false;
        // Twice a turn: a call of the system that wakes nobody would cost as much as all the rest of it.
        if hold.is_awaited {
            self.let_go.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use segno_journal::Timestamp;

    use super::*;
    use crate::engine::clock::VirtualClock;

    fn watch() -> (Gate, VirtualClock) {
        let clock = VirtualClock::new(Timestamp(1_000));
        (Gate::new(Clock::Virtual(clock.clone())), clock)
    }

    fn run(number: u128) -> RunId {
        RunId::from_parts(Timestamp(1), number)
    }

    #[test]
    fn a_run_is_ended_from_outside_only_while_its_shard_has_let_go_of_it() {
        let (watch, _clock) = watch();
        assert_eq!(watch.end_run(run(1), || Some("written")), Some("written"));
        assert_eq!(watch.begin().ended, BTreeSet::from([run(1)]));
        assert_eq!(
            watch.end_run(run(2), || -> Option<()> { panic!("the shard is at work") }),
            None
        );
        watch.compute(run(2), "w".into());
        assert_eq!(watch.end_run(run(2), || Some(())), Some(()));
        assert_eq!(watch.end_run(run(3), || None::<()>), None, "nothing was written");
        assert_eq!(watch.computed().ended, BTreeSet::from([run(2)]));
        watch.done();
        assert!(watch.begin().ended.is_empty(), "it was told once");
    }

    #[test]
    fn a_shard_that_is_shut_out_hears_it_whenever_it_comes_back() {
        let (watch, _clock) = watch();
        watch.begin();
        assert!(!watch.shut_out(Duration::ZERO), "it is at work");
        watch.compute(run(1), "w".into());
        assert!(watch.shut_out(Duration::ZERO));
        assert!(watch.computed().shut_out);
        watch.done();
        assert!(watch.begin().shut_out);
    }

    #[test]
    fn a_message_is_under_way_from_its_beginning_to_its_end() {
        let (watch, clock) = watch();
        watch.sent();
        assert_eq!((watch.waiting(), watch.busy_for()), (1, None));
        watch.taken();
        watch.begin();
        watch.compute(run(1), "w".into());
        clock.advance(UNRESPONSIVE);
        assert_eq!((watch.waiting(), watch.busy_for()), (0, Some(UNRESPONSIVE)));
        assert!(watch.is_unresponsive());
        assert_eq!(watch.computes(), Some((run(1), "w".into())));
        watch.computed();
        watch.done();
        assert_eq!((watch.busy_for(), watch.computes()), (None, None));
    }
}

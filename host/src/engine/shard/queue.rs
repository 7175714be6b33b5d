//! What a shard was told and has not handled, and whose turn is next: a run that has computed more
//! than its share lets the others go first.
//!
//! A run has [`SHARE`] of fuel for each millisecond. A turn that takes much more is paid for
//! afterwards: until then what happens to the run waits, in its order, while anything happens to
//! others. Where nothing else waits, it need not wait either, so no processor is ever idle for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use segno_journal::RunId;

use crate::engine::clock::Clock;
use crate::engine::inbox::Message;

/// How much fuel a run has for each millisecond, where others wait: a twentieth of what a processor
/// takes, so that some runs that compute without end leave room for all that do not.
const SHARE: u64 = 100_000;

/// How much fuel a turn takes that is not worth counting: what a processor does in some milliseconds.
const SMALL: u64 = 20_000_000;

/// How many runs may be known to have computed much before those are forgotten that have paid.
const SWEEP_AT: usize = 1_024;

/// The line of a shard.
pub(crate) struct Queue {
    clock: Clock,
    /// In the order in which they came.
    told: VecDeque<Message>,
    /// The runs that have computed much.
    heavy: BTreeMap<RunId, Heavy>,
    /// Those of them for which something waits, by when they have paid.
    waiting: BTreeSet<(u64, RunId)>,
    /// The end was told.
    is_over: bool,
}

/// A run that has computed much.
#[derive(Default)]
struct Heavy {
    /// When it has paid, by the clock's count of milliseconds.
    until: u64,
    told: VecDeque<Message>,
}

impl Queue {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            told: VecDeque::new(),
            heavy: BTreeMap::new(),
            waiting: BTreeSet::new(),
            is_over: false,
        }
    }

    /// Puts messages at the end of the line.
    pub(crate) fn extend(&mut self, messages: impl IntoIterator<Item = Message>) {
        self.told.extend(messages);
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        let of_heavy: usize = self.waiting.iter().map(|(_, run)| self.heavy[run].told.len()).sum();
        self.told.len() + of_heavy + usize::from(self.is_over)
    }

    /// The message that is next, if any waits.
    pub(crate) fn next(&mut self) -> Option<Message> {
        if !self.heavy.is_empty() {
            let now = self.clock.uptime_ms();
            if let Some((until, run)) = self.waiting.first().copied()
                && until <= now
            {
                return self.next_of(run);
            }
        }
        while let Some(message) = self.told.pop_front() {
            match self.pass(message) {
                None => {}
                passed => return passed,
            }
        }
        match self.waiting.first().copied() {
            Some((_, run)) => self.next_of(run),
            None => std::mem::take(&mut self.is_over).then_some(Message::Stop),
        }
    }

    /// A run has had a turn that took so much fuel.
    pub(crate) fn charge(&mut self, run: RunId, fuel: u64) {
        if fuel <= SMALL {
            return;
        }
        let now = self.clock.uptime_ms();
        if self.heavy.len() >= SWEEP_AT {
            self.heavy.retain(|_, heavy| heavy.until > now || !heavy.told.is_empty());
        }
        let heavy = self.heavy.entry(run).or_default();
        let before = heavy.until;
        heavy.until = before.max(now).saturating_add(fuel / SHARE);
        if self.waiting.remove(&(before, run)) {
            self.waiting.insert((heavy.until, run));
        }
    }

    /// A message that comes next by its order; nothing where it waits with others of its run.
    fn pass(&mut self, message: Message) -> Option<Message> {
        if matches!(message, Message::Stop) {
            // What was told before it is handled first.
            self.is_over = true;
            return None;
        }
        let waits_for =
            message.waits_its_turn().and_then(|run| Some((run, self.heavy.get_mut(&run)?)));
        let Some((run, heavy)) = waits_for else { return Some(message) };
        if heavy.told.is_empty() && heavy.until <= self.clock.uptime_ms() {
            self.heavy.remove(&run);
            return Some(message);
        }
        heavy.told.push_back(message);
        self.waiting.insert((heavy.until, run));
        None
    }

    fn next_of(&mut self, run: RunId) -> Option<Message> {
        let heavy = self.heavy.get_mut(&run)?;
        let message = heavy.told.pop_front();
        if heavy.told.is_empty() {
            self.waiting.remove(&(heavy.until, run));
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use segno_journal::{Event, Op, Timestamp};

    use super::*;
    use crate::engine::clock::VirtualClock;
    use crate::engine::inbox::{Asker, CancelHow, Then};

    fn line() -> (Queue, VirtualClock) {
        let clock = VirtualClock::new(Timestamp(1_000));
        (Queue::new(Clock::Virtual(clock.clone())), clock)
    }

    fn run(number: u128) -> RunId {
        RunId::from_parts(Timestamp(1), number)
    }

    /// A sleep of a run is over, the one with this number.
    fn slept(of: u128, op: u64) -> Message {
        Message::Event { run: run(of), event: Event::Slept { op: Op(op) } }
    }

    fn cancel(run: RunId) -> Message {
        let how = CancelHow::default();
        Message::Cancel { run, by: Asker::unknown(), how, then: Then::Nothing }
    }

    /// Takes so many messages: of which runs they are, and their numbers.
    fn take(line: &mut Queue, count: usize) -> Vec<(u128, u64)> {
        let taken = (0..count).map_while(|_| line.next()).map(|message| match message {
            Message::Event { run: of, event: Event::Slept { op } } => {
                ((1..10).find(|number| run(*number) == of).expect("a run of the test"), op.0)
            }
            Message::Cancel { .. } => (0, 0),
            _ => (0, u64::MAX),
        });
        taken.collect()
    }

    #[test]
    fn a_run_that_has_computed_much_lets_the_others_go_first_and_keeps_its_order() {
        let (mut line, _clock) = line();
        line.extend([slept(1, 0), slept(1, 1), slept(2, 0)]);
        assert_eq!(take(&mut line, 1), [(1, 0)]);
        line.charge(run(1), 100 * SMALL);
        line.extend([slept(1, 2), slept(3, 0)]);
        assert_eq!(take(&mut line, 2), [(2, 0), (3, 0)]);
        line.extend([slept(1, 3), slept(2, 1)]);
        assert_eq!(line.len(), 4);
        assert_eq!(take(&mut line, 9), [(2, 1), (1, 1), (1, 2), (1, 3)], "nothing else waits");
        assert_eq!(line.len(), 0);
    }

    #[test]
    fn what_a_run_has_computed_is_paid_with_time() {
        let (mut line, clock) = line();
        line.charge(run(1), 100 * SMALL);
        line.extend([slept(1, 0), slept(2, 0), slept(2, 1), slept(2, 2), slept(1, 1)]);
        assert_eq!(take(&mut line, 1), [(2, 0)]);
        clock.advance(Duration::from_millis(100 * SMALL / SHARE));
        assert_eq!(
            take(&mut line, 2),
            [(1, 0), (2, 1)],
            "its order is kept, so the next one comes later"
        );
        assert_eq!(take(&mut line, 9), [(2, 2), (1, 1)]);
        line.charge(run(2), SMALL);
        line.extend([slept(2, 3), slept(3, 0)]);
        assert_eq!(take(&mut line, 9), [(2, 3), (3, 0)], "a small turn costs nothing");
    }

    #[test]
    fn of_runs_that_have_computed_much_the_one_that_pays_first_is_next() {
        let (mut line, _clock) = line();
        line.charge(run(1), 300 * SMALL);
        line.charge(run(2), 100 * SMALL);
        line.charge(run(3), 200 * SMALL);
        line.extend([slept(1, 0), slept(2, 0), slept(3, 0), slept(2, 1)]);
        assert_eq!(take(&mut line, 1), [(2, 0)]);
        line.charge(run(2), 500 * SMALL);
        assert_eq!(take(&mut line, 9), [(3, 0), (1, 0), (2, 1)]);
    }

    #[test]
    fn who_cancels_does_not_wait_and_the_end_waits_for_all() {
        let (mut line, _clock) = line();
        line.charge(run(1), 100 * SMALL);
        line.extend([slept(1, 0), cancel(run(1)), Message::Stop]);
        line.extend([slept(2, 0)]);
        assert_eq!(line.len(), 4);
        assert_eq!(take(&mut line, 9), [(0, 0), (2, 0), (1, 0), (0, u64::MAX)]);
        assert_eq!(line.len(), 0);
    }
}

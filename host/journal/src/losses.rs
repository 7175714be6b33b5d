//! What follows when the host goes down while a step runs: a loss, which is no failure of the step.
//!
//! A loss says little about the step. The machine may have lost its power, or another step may have
//! taken the host with it. So it uses up no retry; it is counted apart, with a growing pause, and from
//! the third one on the step shares the host with few others of its kind: so the one at fault is found,
//! and the innocent come to their end.

use crate::{Timestamp, grows};

/// How often the host may go down while a step runs before the step is not begun any more: it is there
/// to stop a step that takes the host with it. The pauses up to here add up to eight minutes, so a
/// host that is killed every second for as long stops nothing.
pub const MAX_LOSSES: u32 = 10;

/// From how many losses on a step is tried with few others of its kind.
pub const APART_FROM: u32 = 3;

/// The pause after the first loss, in milliseconds. It is doubled with each.
const FIRST_PAUSE_MS: u64 = 1_000;

/// The longest pause, in milliseconds: who mends a host shall not wait for it.
const MAX_PAUSE_MS: u64 = 5 * 60 * 1_000;

/// How often the host went down while a step ran, and whether it would count again now. A step has
/// them only if it was under way at a crash: what a host begins that never crashed costs nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// How often the host went down while it ran.
    pub count: u32,
    /// An attempt has begun: should the host go down now, it counts.
    pub running: bool,
    /// When the step may begin again.
    pub retry_at: Timestamp,
}

grows!(Losses { count, running, retry_at });

impl Losses {
    /// After the host went down without a word, and is back at this moment.
    #[must_use]
    pub fn after_crash(self, now: Timestamp) -> Self {
        if !self.running {
            return self;
        }
        let count = self.count.saturating_add(1);
        Self { count, running: false, retry_at: now.plus_ms(pause_ms(count)) }
    }

    /// When the step may begin again: never later than the whole pause from now, whatever the
    /// machine's clock did.
    #[must_use]
    pub fn due(self, now: Timestamp) -> Timestamp {
        self.retry_at.min(now.plus_ms(pause_ms(self.count)))
    }

    /// Whether the step is not begun any more.
    #[must_use]
    pub const fn is_stopped(self) -> bool {
        self.count >= MAX_LOSSES
    }
}

fn pause_ms(count: u32) -> u64 {
    match count {
        0 => 0,
        _ => FIRST_PAUSE_MS.checked_shl(count - 1).unwrap_or(MAX_PAUSE_MS).min(MAX_PAUSE_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn running(count: u32) -> Losses {
        Losses { count, running: true, ..Losses::default() }
    }

    #[test]
    fn only_what_ran_is_suspected() {
        assert_eq!(Losses::default().after_crash(NOW), Losses::default());
        assert_eq!(running(0).after_crash(NOW).count, 1);
        assert_eq!(running(0).after_crash(NOW).after_crash(NOW).count, 1, "it did not begin again");
    }

    #[test]
    fn the_pause_grows_with_each_loss_up_to_some_minutes() {
        let pauses: Vec<_> =
            (0..11).map(|count| running(count).after_crash(NOW).retry_at.since_ms(NOW)).collect();
        let seconds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300];
        assert_eq!(pauses, seconds.map(|seconds| seconds * 1_000));
        assert_eq!(running(u32::MAX).after_crash(NOW).retry_at.since_ms(NOW), MAX_PAUSE_MS);
    }

    #[test]
    fn a_clock_that_went_back_makes_no_pause_longer() {
        let lost = running(0).after_crash(NOW.plus_ms(86_400_000));
        assert_eq!(lost.due(NOW), NOW.plus_ms(1_000));
    }

    #[test]
    fn a_step_that_takes_the_host_with_it_is_stopped_in_the_end() {
        let mut losses = Losses::default();
        let lives = std::iter::repeat_with(|| {
            losses = Losses { running: true, ..losses }.after_crash(NOW);
            losses.is_stopped()
        });
        assert_eq!(lives.take_while(|is_stopped| !is_stopped).count(), 9);
    }
}

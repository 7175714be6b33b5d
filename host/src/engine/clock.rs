//! The one place that knows what time it is.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use segno_journal::Timestamp;
use tokio::sync::watch;

/// Where the engine's time comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The clock of the machine.
    System,
    /// A clock that stands still until it is moved: for tests.
    Virtual(VirtualClock),
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct VirtualClock(watch::Sender<Timestamp>);

impl VirtualClock {
    /// A clock that shows this time.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(watch::Sender::new(now))
    }

    /// Moves the clock on. It never goes back.
    pub fn advance(&self, by: Duration) {
        let ms = in_ms(by);
        self.0.send_modify(|now| *now = now.plus_ms(ms));
    }
}

/// How long the machine's clock is trusted to run as the tokio clock does: it may be set, and a
/// laptop may sleep.
const RECHECK: Duration = Duration::from_secs(30);

impl Clock {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => system_now(),
            Self::Virtual(clock) => *clock.0.borrow(),
        }
    }

    /// How many milliseconds have passed, since a moment that stays the same while the process lives. It
    /// runs on whatever the machine's clock is set to.
    #[must_use]
    pub fn uptime_ms(&self) -> u64 {
        match self {
            Self::System => {
                static START: LazyLock<Instant> = LazyLock::new(Instant::now);
                in_ms(START.elapsed())
            }
            Self::Virtual(_) => self.now().0,
        }
    }

    /// Waits for a while, whatever the machine's clock is set to.
    #[expect(clippy::disallowed_methods, reason = "this is the home of waiting for a moment")]
    pub async fn pause(&self, time: Duration) {
        match self {
            Self::System => tokio::time::sleep(time).await,
            Self::Virtual(_) => {
                let ms = in_ms(time);
                self.sleep_until(self.now().plus_ms(ms)).await;
            }
        }
    }

    /// Waits until it is this late, never shorter.
    #[expect(clippy::disallowed_methods, reason = "this is the home of waiting for a moment")]
    pub async fn sleep_until(&self, moment: Timestamp) {
        match self {
            Self::System => loop {
                match moment.since_ms(system_now()) {
                    0 => return,
                    ms => tokio::time::sleep(Duration::from_millis(ms).min(RECHECK)).await,
                }
            },
            Self::Virtual(clock) => {
                let mut shown = clock.0.subscribe();
                // The sender lives in `clock`, so the wait cannot fail.
                let _reached = shown.wait_for(|now| *now >= moment).await;
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
fn system_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(in_ms(since))
}

/// A duration in milliseconds; the longest there is where it is longer.
pub(crate) fn in_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

//! Time in a workflow: what it is now, and waiting for later.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
#[cfg(not(target_family = "wasm"))]
use segno_guest_runtime::runtime::Runtime;
use segno_guest_runtime::{self as guest, context};

use crate::duration::IntoDuration;
#[cfg(not(target_family = "wasm"))]
use crate::native;

/// The last second that a [`Timestamp`] can name, in the year 9999, in milliseconds since 1970.
const END_OF_TIME: u64 = 253_402_207_200_000;

/// What time it is: the time of the event that the workflow is handling.
///
/// It stands still while the workflow runs and moves only over an `await`. On replay it is the
/// recorded time, so that the same code takes the same way. To the millisecond.
#[must_use]
pub fn now() -> Timestamp {
    moment(now_ms())
}

/// The same, in milliseconds since 1970.
fn now_ms() -> u64 {
    #[cfg(not(target_family = "wasm"))]
    if !Runtime::is_here() {
        return milliseconds(native::clock());
    }
    context::now()
}

/// Waits, for seconds or for years; the run uses no processor and little memory meanwhile, and
/// survives every restart.
///
/// `duration` is a [`Duration`](std::time::Duration) or a text such as `"5 minutes"`; see
/// [`IntoDuration`]. It counts from this call, to the millisecond, and is never cut short. The
/// sleep itself starts when it is first polled.
///
/// ```
/// # async fn nightly() {
/// segno::sleep("24 hours").await;
/// # }
/// ```
///
/// Dropping a sleep gives it up, durably: the host forgets it. So one that lost a race leaves
/// nothing behind, and a loop may race a long sleep in each round, for years. A sleep that must
/// outlast a race is lent to it, as `&mut`.
///
/// ```no_run
/// use futures::future::{Either, select};
///
/// # async fn watch(webhook: segno::Webhook) {
/// loop {
///     match select(webhook.next(), segno::sleep("24 hours")).await {
///         Either::Left((None, _)) => break,
///         Either::Left((Some(request), _)) => segno::log::info!("{}", request.number),
///         Either::Right(_) => segno::log::warn!("a day without a request"),
///     }
/// }
/// # }
/// ```
///
/// A step is not given up like that: one that lost a race goes on to its end, with all its
/// attempts, and its result is dropped.
///
/// On replay no timer is armed, and what was given up is compared with the record. Natively,
/// outside a host, it is a sleep of tokio's, which a test may pause.
///
/// # Panics
///
/// When the text is not a duration: that blocks the run, and a repaired component lets it go on.
pub fn sleep(duration: impl IntoDuration) -> Sleep {
    match duration.into_duration() {
        Ok(duration) => Sleep::new(after(now_ms(), duration)),
        Err(error) => panic!("segno::sleep: {error}"),
    }
}

/// Waits until a moment. One that is past is over at once.
///
/// The moment is rounded up to the millisecond. Dropping it gives it up, as with [`sleep`]. On
/// replay no timer is armed.
pub fn sleep_until(moment: Timestamp) -> Sleep {
    Sleep::new(milliseconds(moment))
}

/// The future of [`sleep`] and [`sleep_until`]. Dropping it gives the sleep up.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    state: State,
}

enum State {
    /// Until this moment, in milliseconds since 1970.
    Wanted(u64),
    Asked(guest::sleep::Sleep),
    #[cfg(not(target_family = "wasm"))]
    Detached(Pin<Box<tokio::time::Sleep>>),
    Over,
}

impl Sleep {
    fn new(moment: u64) -> Self {
        Self { state: State::Wanted(moment) }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let State::Wanted(moment) = self.state {
            self.state = start(moment);
        }
        let poll = match &mut self.state {
            State::Asked(sleep) => Pin::new(sleep).poll(context),
            #[cfg(not(target_family = "wasm"))]
            State::Detached(sleep) => sleep.as_mut().poll(context),
            State::Wanted(_) | State::Over => Poll::Ready(()),
        };
        if poll.is_ready() {
            self.state = State::Over;
        }
        poll
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wanted(moment) => write!(formatter, "until {moment} ms"),
            Self::Over => formatter.write_str("over"),
            _ => formatter.write_str("under way"),
        }
    }
}

/// Asks the host, or tokio where there is none.
fn start(moment: u64) -> State {
    #[cfg(not(target_family = "wasm"))]
    if !Runtime::is_here() {
        return State::Detached(Box::pin(native::sleep_until(self::moment(moment))));
    }
    State::Asked(guest::sleep::until(moment))
}

/// A moment later, rounded up so that nothing is early; the end of time where there is none.
fn after(moment: u64, duration: Duration) -> u64 {
    let begun = u64::from(duration.subsec_nanos().div_ceil(1_000_000));
    let whole = duration.as_secs().saturating_mul(1_000);
    moment.saturating_add(whole).saturating_add(begun).min(END_OF_TIME)
}

/// Milliseconds since 1970, rounded up, so that nothing is early. Before 1970 is 1970: both are
/// past.
fn milliseconds(moment: Timestamp) -> u64 {
    let whole = moment.as_millisecond();
    let begun = moment.subsec_nanosecond() % 1_000_000 > 0;
    u64::try_from(whole).map_or(0, |whole| whole + u64::from(begun))
}

/// A moment of the host's; the end of time where it is beyond.
pub(crate) fn moment(milliseconds: u64) -> Timestamp {
    i64::try_from(milliseconds)
        .ok()
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{END_OF_TIME, after, milliseconds, moment};

    #[test]
    fn a_moment_is_rounded_up_to_the_millisecond() {
        for (nanoseconds, expected) in
            [(0, 0), (1, 1), (1_000_000, 1), (1_000_001, 2), (-1, 0), (-5_000_000_000, 0)]
        {
            let moment = Timestamp::from_nanosecond(nanoseconds).expect("it is near 1970");
            assert_eq!(milliseconds(moment), expected, "{nanoseconds} ns");
        }
    }

    #[test]
    fn a_sleep_is_never_cut_short() {
        for (nanoseconds, expected) in [(0, 7), (1, 8), (1_000_000, 8), (1_000_001, 9)] {
            assert_eq!(after(7, Duration::from_nanos(nanoseconds)), expected);
        }
    }

    #[test]
    fn a_sleep_beyond_the_calendar_ends_with_it() {
        for duration in [Duration::MAX, Duration::from_millis(u64::MAX)] {
            assert_eq!(after(1_000, duration), END_OF_TIME);
        }
        assert_eq!(moment(END_OF_TIME).as_second(), Timestamp::MAX.as_second());
        assert_eq!(moment(u64::MAX), Timestamp::MAX);
    }
}

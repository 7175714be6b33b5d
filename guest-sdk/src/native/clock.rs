//! Time and chance where no host is: for workflows that a unit test calls like any function.

use std::sync::OnceLock;

use jiff::Timestamp;
use tokio::time::Instant;

/// The time of day, moved by tokio's clock, so that a test which pauses tokio's clock also pauses
/// this one.
pub(crate) fn clock() -> Timestamp {
    static START: OnceLock<(Timestamp, Instant)> = OnceLock::new();
    let (timestamp, instant) = START.get_or_init(|| (Timestamp::now(), Instant::now()));
    timestamp
        .checked_add(Instant::now().saturating_duration_since(*instant))
        .unwrap_or(Timestamp::MAX)
}

/// Waits until a moment of [`clock`].
#[expect(clippy::disallowed_methods, reason = "where no host is, no timer is durable")]
pub(crate) fn sleep_until(moment: Timestamp) -> tokio::time::Sleep {
    let rest = moment.duration_since(clock());
    tokio::time::sleep(rest.try_into().unwrap_or_default())
}

/// Sixty-four bits from the operating system.
pub(crate) fn entropy() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(())
}

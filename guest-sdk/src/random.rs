//! Chance in a workflow: a seeded stream of its own, the same on replay.

use std::ops::{Bound, RangeBounds};

use segno_guest_runtime::context;
#[cfg(not(target_family = "wasm"))]
use segno_guest_runtime::runtime::Runtime;

#[cfg(not(target_family = "wasm"))]
use crate::native;

/// The next number of the run's own stream: each of the 2⁶⁴ is as likely.
///
/// The same on replay. It is not a secret: whoever can read the journal can know it.
#[must_use]
pub fn random() -> u64 {
    #[cfg(not(target_family = "wasm"))]
    if !Runtime::is_here() {
        return native::entropy();
    }
    context::random()
}

/// A number of the run's own stream that lies in a range: each is as likely.
///
/// The same on replay.
///
/// ```
/// let pause = std::time::Duration::from_millis(segno::random_range(100..=200));
/// assert!(pause.as_millis() >= 100 && pause.as_millis() <= 200);
/// ```
///
/// # Panics
///
/// When there is no number in the range.
#[must_use]
pub fn random_range(range: impl RangeBounds<u64>) -> u64 {
    within(range, random)
}

fn within(range: impl RangeBounds<u64>, mut next: impl FnMut() -> u64) -> u64 {
    let first = match range.start_bound() {
        Bound::Included(&first) => Some(first),
        Bound::Excluded(&before) => before.checked_add(1),
        Bound::Unbounded => Some(0),
    };
    let last = match range.end_bound() {
        Bound::Included(&last) => Some(last),
        Bound::Excluded(&after) => after.checked_sub(1),
        Bound::Unbounded => Some(u64::MAX),
    };
    let (Some(first), Some(last)) = (first, last) else {
        panic!("segno::random_range: there is no number in this range");
    };
    assert!(first <= last, "segno::random_range: there is no number in this range");
    let Some(count) = (last - first).checked_add(1) else {
        return next();
    };
    // What lies above the last whole multiple of `count` is drawn again: it would favour the
    // small numbers.
    let excess = (u64::MAX % count + 1) % count;
    loop {
        let number = next();
        if number <= u64::MAX - excess {
            return first + number % count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn every_number_of_a_range_and_no_other_is_drawn() {
        let mut stream = 0..;
        let mut next = || stream.next().expect("it is endless");
        let drawn: Vec<_> = (0..6).map(|_| within(5..8, &mut next)).collect();
        assert_eq!(drawn, [5, 6, 7, 5, 6, 7]);
        assert_eq!(within(.., || u64::MAX), u64::MAX);
        assert_eq!(within(9..=9, || 1_234), 9);
    }

    #[test]
    fn what_would_favour_small_numbers_is_drawn_again() {
        let mut numbers = [u64::MAX, 4].into_iter();
        let drawn = within(0..3, || numbers.next().expect("two are enough"));
        assert_eq!(drawn, 1);
        // A power of two divides the stream without a rest.
        assert_eq!(within(0..4, || u64::MAX), 3);
    }

    #[test]
    #[should_panic(expected = "there is no number in this range")]
    fn an_empty_range_is_refused() {
        within(3..3, || 0);
    }
}

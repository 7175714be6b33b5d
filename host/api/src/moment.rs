//! Moments.

use segno_journal::Timestamp;

/// A moment as people see it; the last one that there is where it lies beyond.
#[must_use]
pub fn when(timestamp: Timestamp) -> jiff::Timestamp {
    i64::try_from(timestamp.0)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .unwrap_or(jiff::Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use segno_journal::Timestamp;

    proptest::proptest! {
        #[test]
        fn the_journal_shows_a_moment_as_the_api_does(ms in 0_u64..253_402_207_200_000) {
            let shown: jiff::Timestamp = Timestamp(ms).to_string().parse().expect("it is a date");
            proptest::prop_assert_eq!(shown, super::when(Timestamp(ms)));
        }
    }
}

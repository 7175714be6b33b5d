//! Moments, durations and digests, as people read them.

use std::time::Duration;

use jiff::Timestamp;
use segno_api::{Why, printable};

/// How many digits of a digest are shown: no two modules of a host begin with the same.
const DIGITS: usize = 12;

/// A digest as people read and write it: its beginning, which the host takes as well.
pub(crate) fn digest(digest: &str) -> &str {
    let end = digest.find(':').map_or(0, |colon| colon + 1) + DIGITS;
    digest.get(..end).unwrap_or(digest)
}

/// The two largest units of a duration: `212ms`, `1.2s`, `4m 12s`, `3h 20m`, `2d 1h`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{}ms", duration.as_millis()),
        1..60 => format!("{seconds}.{}s", duration.subsec_millis() / 100),
        60..3_600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// How much later one moment is than another; nothing where it is not.
pub(crate) fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

/// A moment and how far it is: `2026-01-01T00:00:00Z (in 4m 12s)`.
pub(crate) fn moment(moment: Timestamp, now: Timestamp) -> String {
    let distance = if moment > now {
        format!("in {}", duration(between(now, moment)))
    } else {
        format!("{} ago", duration(between(moment, now)))
    };
    format!("{moment:.0} ({distance})")
}

/// Why a run waits, in a few words.
pub(crate) fn why(why: &Why, now: Timestamp) -> String {
    let since = |at| duration(between(at, now));
    printable(&why.words(since, |at| moment(at, now)), usize::MAX)
}

/// A text from outside that may have several lines, which stay; nothing else in it does anything to
/// a terminal.
pub(crate) fn printable_lines(text: &str) -> String {
    text.split('\n').map(|line| printable(line, usize::MAX)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_shows_its_two_largest_units() {
        for (ms, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (1_250, "1.2s"),
            (59_999, "59.9s"),
            (252_000, "4m 12s"),
            (12_000_000, "3h 20m"),
            (176_400_000, "2d 1h"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn a_moment_says_how_far_it_is() {
        let now: Timestamp = "2026-01-01T00:00:00.5Z".parse().unwrap();
        assert_eq!(
            moment("2026-01-01T00:05:00.5Z".parse().unwrap(), now),
            "2026-01-01T00:05:00Z (in 5m 0s)"
        );
        assert_eq!(
            moment("2026-01-01T00:00:00Z".parse().unwrap(), now),
            "2026-01-01T00:00:00Z (500ms ago)"
        );
    }

    #[test]
    fn a_foreign_text_keeps_its_lines_and_nothing_else() {
        assert_eq!(printable_lines("a\x1b[2J\nb\r"), "a\\u{1b}[2J\nb\\r");
    }
}

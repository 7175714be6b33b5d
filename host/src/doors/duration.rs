//! Durations as people write them in a query or on a command line.

use std::time::Duration;

use jiff::fmt::friendly::SpanParser;

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a duration: write a number of seconds, or numbers with ms, s, m or h, as in 500ms or 1h30m"
)]
pub struct ParseDurationError {
    text: String,
}

/// How much of a bad text is repeated to its writer, in characters.
const SHOWN: usize = 64;

/// Reads a duration: a number of seconds (`30`), or what jiff calls [friendly](jiff::fmt::friendly),
/// up to hours (`500ms`, `30s`, `1h30m`).
///
/// # Errors
///
/// The text is not of this form, or too large to count in milliseconds.
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    let duration = match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => SpanParser::new().parse_unsigned_duration(text).ok(),
    };
    // What counts it in milliseconds need not look whether it can.
    duration
        .filter(|duration| u64::try_from(duration.as_millis()).is_ok())
        .ok_or_else(|| ParseDurationError { text: text.chars().take(SHOWN).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_seconds_or_has_units() {
        for (text, ms) in [
            ("0", 0),
            ("30", 30_000),
            ("30s", 30_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1h30m", 5_400_000),
            ("1.5s", 1_500),
            ("30 s", 30_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_the_text_in_the_sentence() {
        for text in [
            "",
            "s",
            "-1",
            "2d",
            "30S",
            "٣s",
            "1h30",
            "99999999999999999999",
            "18446744073709552",
            "18446744073709551615h",
        ] {
            let error = parse_duration(text).expect_err(text);
            assert!(
                error.to_string().starts_with(&format!("`{text}` is not a duration")),
                "{error}"
            );
        }
    }
}

//! Durations as people write them in a query or on a command line.

use std::time::Duration;

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a duration: write a number of seconds, or a number with ms, s, m or h, as in 500ms or 2m"
)]
pub struct ParseDurationError {
    text: String,
}

/// How much of a bad text is repeated to its writer, in characters.
const SHOWN: usize = 64;

/// Reads a duration: a number of seconds (`30`), or a number with a unit (`500ms`, `30s`, `2m`,
/// `1h`).
///
/// # Errors
///
/// The text is not of this form, or too large to count in milliseconds.
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => Some(1),
        "" | "s" => Some(1_000),
        "m" => Some(60 * 1_000),
        "h" => Some(60 * 60 * 1_000),
        _ => None,
    };
    number
        .parse()
        .ok()
        .zip(unit_ms)
        .and_then(|(number, unit): (u64, u64)| number.checked_mul(unit))
        .map(Duration::from_millis)
        .ok_or_else(|| ParseDurationError { text: text.chars().take(SHOWN).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_seconds_or_has_a_unit() {
        for (text, ms) in [
            ("0", 0),
            ("30", 30_000),
            ("30s", 30_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("1h", 3_600_000),
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
            "1.5s",
            "30 s",
            "2d",
            "30S",
            "٣s",
            "99999999999999999999",
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

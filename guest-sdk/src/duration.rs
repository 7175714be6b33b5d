//! Durations as people write them: the grammar of npm's `ms`, to the letter.
//!
//! One scanner reads the text. It is a `const fn`, so that the macros can refuse a bad literal
//! when the crate is compiled, with the same rules that hold at run time. It knows no clock.

use std::time::Duration;

/// The units and their length in milliseconds. A month is absent: `M` is a minute.
const UNITS: [(&[&str], u64); 7] = [
    (&["ms", "msec", "msecs", "millisecond", "milliseconds"], MILLISECOND),
    (&["s", "sec", "secs", "second", "seconds"], SECOND),
    (&["m", "min", "mins", "minute", "minutes"], MINUTE),
    (&["h", "hr", "hrs", "hour", "hours"], HOUR),
    (&["d", "day", "days"], DAY),
    (&["w", "week", "weeks"], 7 * DAY),
    (&["y", "yr", "yrs", "year", "years"], YEAR),
];

const MILLISECOND: u64 = 1;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// A year is 365.25 days.
const YEAR: u64 = 365 * DAY + 6 * HOUR;

/// A longer text is refused before it is read.
const MAX_LENGTH: usize = 100;

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDuration {
    /// The text does not follow the grammar.
    #[error(
        "{0:?} is not a duration: write a number and one unit, such as \"30s\", \"5 minutes\" or \"1.5h\""
    )]
    Unreadable(String),
    /// The number is below zero.
    #[error("{0:?} is a negative duration: time does not go backwards")]
    Negative(String),
    /// The number is too large for a [`Duration`].
    #[error("{0:?} is too long a duration")]
    TooLong(String),
}

/// What can say how long something takes: a [`Duration`], or a text such as `"5 minutes"`.
///
/// A text is a number and at most one unit, with nothing but blanks between them:
///
/// ```
/// use segno::IntoDuration;
/// use std::time::Duration;
///
/// assert_eq!("5 minutes".into_duration()?, Duration::from_secs(300));
/// assert_eq!("1.5h".into_duration()?, Duration::from_secs(5_400));
/// assert_eq!("250".into_duration()?, Duration::from_millis(250));
/// assert!("1 month".into_duration().is_err());
/// # Ok::<(), segno::InvalidDuration>(())
/// ```
///
/// Units, in any case: milliseconds (`ms`, `msec`, `millisecond`), seconds (`s`, `sec`,
/// `second`), minutes (`m`, `min`, `minute`), hours (`h`, `hr`, `hour`), days (`d`, `day`), weeks
/// (`w`, `week`) and years of 365.25 days (`y`, `yr`, `year`), each also in the plural. Without a
/// unit the number counts milliseconds. There are no months, no exponents and no sums such as
/// `1h30m`.
pub trait IntoDuration {
    /// The duration, or why there is none.
    ///
    /// # Errors
    ///
    /// When a text does not follow the grammar, is negative or is too long for a [`Duration`].
    fn into_duration(self) -> Result<Duration, InvalidDuration>;
}

impl IntoDuration for Duration {
    fn into_duration(self) -> Result<Duration, InvalidDuration> {
        Ok(self)
    }
}

impl IntoDuration for &str {
    fn into_duration(self) -> Result<Duration, InvalidDuration> {
        parse(self)
    }
}

impl IntoDuration for String {
    fn into_duration(self) -> Result<Duration, InvalidDuration> {
        parse(&self)
    }
}

impl IntoDuration for &String {
    fn into_duration(self) -> Result<Duration, InvalidDuration> {
        parse(self)
    }
}

/// Reads a duration; whole milliseconds are exact.
fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let unreadable = || InvalidDuration::Unreadable(text.to_owned());
    let scanned = scan(text.as_bytes()).ok_or_else(unreadable)?;
    let number: f64 = text[..scanned.number].parse().map_err(|_| unreadable())?;
    if number < 0.0 {
        return Err(InvalidDuration::Negative(text.to_owned()));
    }
    let milliseconds = number * scanned.unit as f64;
    if milliseconds >= u64::MAX as f64 {
        return Err(InvalidDuration::TooLong(text.to_owned()));
    }
    let whole = milliseconds.trunc() as u64;
    let nanoseconds = (milliseconds.fract() * 1e6).round() as u64;
    Ok(Duration::from_millis(whole) + Duration::from_nanos(nanoseconds))
}

/// Whether a text is a duration that is not negative. For literals, at compile time.
#[doc(hidden)]
#[must_use]
pub const fn is_valid(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(scanned) = scan(bytes) else {
        return false;
    };
    if bytes[0] != b'-' {
        return true;
    }
    let mut at = 1;
    while at < scanned.number {
        if matches!(bytes[at], b'1'..=b'9') {
            return false;
        }
        at += 1;
    }
    true
}

/// Where the number ends, and how many milliseconds one of it stands for.
struct Scanned {
    number: usize,
    unit: u64,
}

/// `^(-?(?:\d+)?\.?\d+) *(unit)?$` over at most 100 bytes of ASCII, without regard to case.
const fn scan(text: &[u8]) -> Option<Scanned> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let start = if matches!(text, [b'-', ..]) { 1 } else { 0 };
    let whole = digits(text, start);
    let number = if whole < text.len() && text[whole] == b'.' {
        let fraction = digits(text, whole + 1);
        if fraction == whole + 1 {
            return None;
        }
        fraction
    } else if whole == start {
        return None;
    } else {
        whole
    };
    let mut at = number;
    while at < text.len() && text[at] == b' ' {
        at += 1;
    }
    match unit(text.split_at(at).1) {
        Some(unit) => Some(Scanned { number, unit }),
        None => None,
    }
}

/// The first position from `at` on that holds no digit.
const fn digits(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at].is_ascii_digit() {
        at += 1;
    }
    at
}

/// The milliseconds of a unit; no unit at all is a millisecond.
const fn unit(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return Some(MILLISECOND);
    }
    let mut at = 0;
    while at < UNITS.len() {
        let (names, milliseconds) = UNITS[at];
        let mut name = 0;
        while name < names.len() {
            if text.eq_ignore_ascii_case(names[name].as_bytes()) {
                return Some(milliseconds);
            }
            name += 1;
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{InvalidDuration, is_valid, parse};

    /// The milliseconds, and that the compile-time check agrees.
    fn milliseconds(text: &str) -> Option<f64> {
        let parsed = parse(text);
        if !matches!(parsed, Err(InvalidDuration::TooLong(_))) {
            assert_eq!(parsed.is_ok(), is_valid(text), "{text:?}");
        }
        parsed.ok().map(|duration| duration.as_secs_f64() * 1e3)
    }

    #[test]
    fn what_the_grammar_allows_is_read_to_the_letter() {
        for (text, expected) in [
            ("5 minutes", 300_000.0),
            ("1 week", 604_800_000.0),
            ("2.5 hrs", 9_000_000.0),
            (".5s", 500.0),
            ("100", 100.0),
            ("100 ", 100.0),
            ("10 MINUTES", 600_000.0),
            ("1M", 60_000.0),
            ("1Y", 31_557_600_000.0),
            ("0", 0.0),
            ("-0", 0.0),
            ("-0.00s", 0.0),
            ("0.5", 0.5),
            ("1d", 86_400_000.0),
            ("1 msec", 1.0),
            ("3 Milliseconds", 3.0),
            ("1        h", 3_600_000.0),
            ("007s", 7_000.0),
        ] {
            assert_eq!(milliseconds(text), Some(expected), "{text:?}");
        }
        for (plural, unit) in super::UNITS {
            for name in plural {
                let expected = 2.0 * unit as f64;
                assert_eq!(milliseconds(&format!("2 {name}")), Some(expected));
                assert_eq!(milliseconds(&format!("2{}", name.to_uppercase())), Some(expected));
            }
        }
    }

    #[test]
    fn what_the_grammar_forbids_is_refused() {
        let long = format!("{}1s", "0".repeat(99));
        for text in [
            "",
            " ",
            "s",
            " 1s",
            "1s ",
            "1\ts",
            "1 month",
            "1mo",
            "1e3",
            "+5s",
            "1.5.5s",
            "1.",
            "1.s",
            ".",
            "-",
            "-.s",
            "--1s",
            "- 1s",
            "1h30m",
            "1 hour 30 minutes",
            "1s\n",
            "1_000",
            "1,5s",
            "1\u{a0}s",
            "1ſ",
            "１s",
            "٣s",
            "NaN",
            "Infinity",
            "inf",
            "five minutes",
            "1 s s",
            "1ss",
            long.as_str(),
        ] {
            assert!(matches!(parse(text), Err(InvalidDuration::Unreadable(_))), "{text:?}");
            assert!(!is_valid(text), "{text:?}");
        }
    }

    #[test]
    fn a_negative_duration_is_read_and_then_refused() {
        for text in ["-1h", "-.5s", "-0.0001", "-100"] {
            assert_eq!(parse(text), Err(InvalidDuration::Negative(text.to_owned())));
            assert!(!is_valid(text), "{text:?}");
        }
    }

    #[test]
    fn a_duration_beyond_all_clocks_is_refused_and_not_wrapped() {
        let text = "99999999999999999999 years";
        assert_eq!(parse(text), Err(InvalidDuration::TooLong(text.to_owned())));
        assert!(parse("584542046 years").is_ok());
    }

    #[test]
    fn whole_milliseconds_are_exact_for_centuries() {
        let duration = parse("31557600000001").expect("it is a number");
        assert_eq!(duration.as_nanos(), 31_557_600_000_001_000_000);
    }

    #[test]
    fn odd_texts_never_panic_and_both_checks_agree() {
        let pieces = [
            "", "-", "+", ".", " ", "0", "1", "12", "999", "e", "E", "s", "ms", "M", "y", "é",
            "\0", "\u{2028}", "𝟙", "\t", "d", "ay", "s ",
        ];
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    for d in pieces {
                        milliseconds(&[a, b, c, d].concat());
                    }
                }
            }
        }
        for length in [99, 100, 101, 10_000] {
            for piece in ["1", "-", ".", "s", "é"] {
                milliseconds(&piece.repeat(length));
            }
        }
    }
}

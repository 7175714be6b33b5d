//! What names a run, a job, an operation and a moment.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

/// Declares a name: a prefix and a ULID, so that names sort by when they were given. With it, the text that is none.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal, $error:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            const PREFIX: &'static str = $prefix;

            /// Makes a name from the moment at which it is given, and 80 random bits.
            #[must_use]
            pub const fn from_parts(given_at: Timestamp, random: u128) -> Self {
                Self(Ulid::from_parts(given_at.0, random))
            }

            /// The 16 bytes that stand for this name on disk; they sort as the name does.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// The name that these 16 bytes stand for.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid::from_bytes(bytes))
            }

            /// When the name was given, to the millisecond.
            #[must_use]
            pub const fn timestamp(self) -> Timestamp {
                Timestamp(self.0.timestamp_ms())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; ulid::ULID_LEN];
                write!(f, "{}{}", Self::PREFIX, self.0.array_to_str(&mut text))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        #[doc = concat!("A text that does not name a ", $what, ".")]
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error(
            "`{text}` is not a {what} ID: it is `{prefix}` and 26 characters, as in {prefix}01JAB3CD4EF5GH6JK7MN8PQ9RS",
            what = $what,
            prefix = $prefix
        )]
        pub struct $error {
            text: String,
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix(Self::PREFIX)
                    .and_then(|ulid| Ulid::from_string(ulid).ok())
                    .map(Self)
                    .ok_or_else(|| $error { text: text.chars().take(64).collect() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

names! {
    /// The name of a run: `run_` and a ULID, so that names sort by the time of their start.
    RunId, "run_", "run", ParseRunIdError
}

names! {
    /// The name of a job, which does something to many runs: `job_` and a ULID, so that names sort by when the jobs
    /// were made.
    JobId, "job_", "job", ParseJobIdError
}

impl RunId {
    /// The next name after this one within the same millisecond, or `None` where there is none.
    #[must_use]
    pub fn successor(self) -> Option<Self> {
        self.0.increment().ok().map(Self)
    }
}

/// The number of an operation in its run, counted from 0 in the order in which the workflow starts
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Op(pub u64);

impl Op {
    /// Stands where an operation is named for what concerns the run as a whole: a timer of it.
    pub const OF_THE_RUN: Self = Self(u64::MAX);
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The moment this many milliseconds later, or the last one there is.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// How many milliseconds this moment lies after `earlier`; 0 where it does not.
    #[must_use]
    pub const fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The last year that is written as a date: what lies beyond is a number that somebody made up.
const LAST_YEAR: u64 = 9_999;

/// The moment as a date in UTC, as RFC 3339 has it: `2026-01-01T00:00:00.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0 / 86_400_000;
        let ms = self.0 % 86_400_000;
        let (year, month, day) = date(days);
        if year > LAST_YEAR {
            return write!(f, "{} ms after 1970", self.0);
        }
        let hour = ms / 3_600_000;
        let minute = ms / 60_000 % 60;
        let second = ms / 1_000 % 60;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
            ms % 1_000
        )
    }
}

/// Year, month and day, so many days after 1970-01-01. Years are counted from March, so that a leap
/// day is the last day of its year; 400 of them have 146,097 days.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_reads_back_as_it_was_written() {
        let id = RunId::from_parts(Timestamp(1_700_000_000_000), 42);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(RunId::from_bytes(id.to_bytes()), id);
        assert_eq!(id.timestamp(), Timestamp(1_700_000_000_000));
    }

    #[test]
    fn run_ids_sort_by_the_time_of_their_start() {
        let early = RunId::from_parts(Timestamp(1), u128::MAX);
        let late = RunId::from_parts(Timestamp(2), 0);
        assert!(early < late);
        assert!(early.to_bytes() < late.to_bytes());
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn a_moment_is_shown_as_a_date() {
        for (ms, date) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "253402300800000 ms after 1970"),
            (u64::MAX, "18446744073709551615 ms after 1970"),
        ] {
            assert_eq!(Timestamp(ms).to_string(), date);
        }
    }

    #[test]
    fn what_is_not_a_run_id_is_refused_with_the_text_in_the_sentence() {
        for text in [
            "",
            "run_",
            "wrun_01JAB3CD4EF5GH6JK7MN8PQ9RS",
            "run_01JAB3CD4EF5GH6JK7MN8PQ9R!",
            "run_é",
        ] {
            let error = text.parse::<RunId>().expect_err(text);
            assert!(error.to_string().starts_with(&format!("`{text}` is not a run ID")), "{error}");
        }
    }

    #[test]
    fn no_name_of_a_run_is_one_of_a_job() {
        let (run, job) = (RunId::from_parts(Timestamp(1), 2), JobId::from_parts(Timestamp(1), 2));
        assert_eq!(job.to_string().parse(), Ok(job));
        let error = run.to_string().parse::<JobId>().expect_err("it names a run").to_string();
        assert!(error.contains("is not a job ID: it is `job_` and 26 characters"), "{error}");
    }
}

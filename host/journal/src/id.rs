//! What names a run, an operation and a moment.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

/// The name of a run: `run_` and a ULID, so that names sort by the time of their start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(Ulid);

impl RunId {
    const PREFIX: &'static str = "run_";

    /// Makes a name from a start time and 80 random bits.
    #[must_use]
    pub const fn from_parts(started_at: Timestamp, random: u128) -> Self {
        Self(Ulid::from_parts(started_at.0, random))
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

    /// The next name after this one within the same millisecond, or `None` where there is none.
    #[must_use]
    pub fn successor(self) -> Option<Self> {
        self.0.increment().ok().map(Self)
    }

    /// When the run was given its name, to the millisecond.
    #[must_use]
    pub const fn timestamp(self) -> Timestamp {
        Timestamp(self.0.timestamp_ms())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; ulid::ULID_LEN];
        write!(f, "{}{}", Self::PREFIX, self.0.array_to_str(&mut text))
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that does not name a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a run ID: it is `run_` and 26 characters, as in run_01JAB3CD4EF5GH6JK7MN8PQ9RS")]
pub struct ParseRunIdError {
    text: String,
}

impl FromStr for RunId {
    type Err = ParseRunIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix(Self::PREFIX)
            .and_then(|ulid| Ulid::from_string(ulid).ok())
            .map(Self)
            .ok_or_else(|| ParseRunIdError { text: text.chars().take(64).collect() })
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The number of an operation in its run, counted from 0 in the order in which the workflow starts
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Op(pub u64);

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    fn what_is_not_a_run_id_is_refused_with_the_text_in_the_sentence() {
        for text in ["", "run_", "wrun_01JAB3CD4EF5GH6JK7MN8PQ9RS", "run_01JAB3CD4EF5GH6JK7MN8PQ9R!", "run_é"]
        {
            let error = text.parse::<RunId>().expect_err(text);
            assert!(error.to_string().starts_with(&format!("`{text}` is not a run ID")), "{error}");
        }
    }
}

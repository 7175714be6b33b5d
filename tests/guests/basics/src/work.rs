//! What the step `work` is told.

use serde::{Deserialize, Serialize};

/// What the step `work` is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Its name in the program.
    pub id: u64,
    /// How many of its attempts do not succeed.
    pub fails: u32,
    /// How they end.
    pub how: Mishap,
}

/// How an attempt ends that does not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mishap {
    /// With an error.
    Error,
    /// With an error that no further attempt can mend.
    Fatal,
    /// With an error, and a wish: when to be tried again, in milliseconds.
    Later(u64),
    /// Never: it takes longer than it may.
    Hangs,
}

//! That a failed run is tried again.

use crate::{Op, grows};

/// That a failed run is tried again, as its history has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrial {
    /// Who asked for it, where that is known.
    pub by: Option<String>,
    /// Its number in the run, from 1: what is set aside is known by it.
    pub number: u32,
    /// The steps that get new attempts.
    pub steps: Vec<Op>,
    /// How many turns are set aside.
    pub turns: u64,
    /// How many operations were begun in them. Their numbers are not used again.
    pub operations: u64,
}

grows!(Retrial { by, number, steps, turns, operations });

impl Retrial {
    /// How many bytes it takes besides itself.
    pub(crate) fn size(&self) -> usize {
        self.by.as_ref().map_or(0, String::len) + self.steps.len() * size_of::<Op>()
    }
}

//! How a run ends: of itself, because somebody cancels it, or because its time is over; and what its workflow
//! undoes before.
//!
//! While a run has registered compensations, or is amid something that is shielded, a cancel is an event that
//! its workflow is given: what is shielded comes to its end, the workflow is dropped, and what it registered
//! runs, last first. A workflow that returns an error does the same. A run that has neither ends at once.

use crate::{Timestamp, grows};

/// How far a run is with its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// That it was told to end.
    pub told: Option<Told>,
    /// That its workflow has ended, and its compensations run.
    pub unwinds: Option<Unwinds>,
    /// How many compensations and shields there are that are not over.
    pub open: u64,
}

grows!(Ending { told, unwinds, open });

/// That the workflow of a run was told to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// With what the run fails in the end, where its time is over; else it is cancelled.
    pub error: Option<String>,
    /// How long it may take to clean up.
    pub until: Timestamp,
}

grows!(Told { at, error, until });

/// That the workflow of a run has ended, and its compensations run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwinds {
    /// Since when.
    pub since: Timestamp,
    /// The error that the workflow returned, or with which it was told to end; none where it was cancelled.
    pub error: Option<String>,
}

grows!(Unwinds { since, error });

/// A compensation that has not run to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCompensation {
    /// When it was registered.
    pub since: Timestamp,
    /// Its name, for people.
    pub name: String,
    /// When it began, if it has.
    pub begun: Option<Timestamp>,
}

grows!(OpenCompensation { since, name, begun });

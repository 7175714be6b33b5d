//! A hook that is open, and the token that it wants.

use std::collections::VecDeque;

use crate::{Op, Timestamp, grows};

/// A hook that is not over.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenHook {
    /// When it was opened.
    pub since: Timestamp,
    /// What it is called by.
    pub token: String,
    /// What the workflow says of it, as JSON.
    pub metadata: Option<String>,
    /// Whether it is known that it has its token.
    pub claimed: bool,
    /// The sizes of what the workflow has not taken, in bytes, oldest first.
    pub untaken: VecDeque<usize>,
    /// True once it is disposed of: what came before can still be taken.
    pub disposed: bool,
}

grows!(OpenHook { since, token, metadata, claimed, untaken, disposed });

impl OpenHook {
    /// What it wants, as this operation.
    #[must_use]
    pub fn claim(&self, op: Op) -> Claim {
        let Self { since, token, metadata, claimed, untaken: _, disposed: _ } = self;
        let (token, metadata) = (token.clone(), metadata.clone());
        Claim { op, token, since: *since, metadata, is_answered: !claimed }
    }
}

/// A hook wants a token. To want it twice is to want it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The operation.
    pub op: Op,
    /// The token.
    pub token: String,
    /// When the hook was opened.
    pub since: Timestamp,
    /// What the workflow says of it, as JSON.
    pub metadata: Option<String>,
    /// Whether the run waits to hear that it has the token: a token that the host drew is its own anyway.
    pub is_answered: bool,
}

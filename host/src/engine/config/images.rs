//! After how many turns an image of a run is worth its while.

/// After how many turns an image of a run is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageTurns {
    /// While its guest is live: after so many turns, or what else takes as long to replay.
    pub live: u64,
    /// The same where its guest is let go.
    pub let_go: u64,
    /// How many turns lie between two images at least, however long each has computed.
    pub apart: u64,
}

impl Default for ImageTurns {
    fn default() -> Self {
        Self { live: WORTH_WHILE_LIVE, let_go: WORTH_WHEN_LET_GO, apart: APART }
    }
}

/// How many turns, or what else takes as long to replay, are worth an image while a guest is live.
/// Replaying so many takes about half a millisecond (2 µs each), which is what coming back may cost;
/// to save an image takes 4 µs besides its bytes on disk, which are bounded below, so that a turn pays
/// well below a microsecond for it.
pub(crate) const WORTH_WHILE_LIVE: u64 = 256;

/// The same where the guest is let go: it will have to come back, perhaps soon. Fewer turns than
/// these are replayed in about the time that an image takes to be read and loaded.
pub(crate) const WORTH_WHEN_LET_GO: u64 = 32;

/// How many turns lie between two images at least, however long each has computed.
pub(crate) const APART: u64 = 16;

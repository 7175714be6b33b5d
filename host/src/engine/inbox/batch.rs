//! What shards are told of batches.

use crate::engine::inbox::family::Begun;
use crate::store::Posted;

/// A batch that is on disk.
pub(crate) struct Batched {
    /// The runs that it starts, which are to begin.
    pub(crate) begun: Vec<Begun>,
    /// The signals that it sends, which their runs are to take.
    pub(crate) posted: Vec<Posted>,
}

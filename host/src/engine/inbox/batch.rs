//! What shards are told of batches.

use std::sync::Arc;

use crate::engine::admission::Admitted;
use crate::engine::inbox::family::Begun;
use crate::store::Posted;

/// A batch that is on disk.
pub(crate) struct Batched {
    /// The runs that it starts, which are to begin.
    pub(crate) begun: Vec<Begun>,
    /// The signals that it sends, which their runs are to take.
    pub(crate) posted: Vec<(Posted, OnItsWay)>,
}

/// The room that the signals of a batch to one run take on their way; nothing where they are brought again.
pub(crate) type OnItsWay = Option<Arc<Admitted>>;

/// A signal that is to be sent to a run.
pub(crate) struct Announced {
    pub(crate) name: String,
    pub(crate) key: Option<String>,
    /// How much room it takes while it waits to be taken, in bytes.
    pub(crate) size: usize,
}

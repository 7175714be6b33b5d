//! What shards are told of batches.

use std::sync::Arc;

use segno_journal::RunId;
use tokio::sync::oneshot;

use crate::engine::admission::Admitted;
use crate::engine::error::EngineError;
use crate::engine::inbox::family::Begun;
use crate::store::Posted;

/// A batch that is on disk.
pub(crate) struct Batched {
    /// The runs that it starts, which are to begin.
    pub(crate) begun: Vec<Begun>,
    /// The signals that it sends, which their runs are to take.
    pub(crate) posted: Vec<(Posted, OnItsWay)>,
}

/// The room that the signals of a batch to runs of one shard take on their way; nothing where they are brought
/// again.
pub(crate) type OnItsWay = Option<Arc<Admitted>>;

/// Somebody wants to know whether a run can take signals; if not, which of them cannot come, and why.
pub(crate) struct RoomFor {
    pub(crate) run: RunId,
    pub(crate) signals: Vec<Announced>,
    pub(crate) asker: oneshot::Sender<Result<(), (usize, EngineError)>>,
    /// Held even if whoever asks goes: the message is still in the line.
    pub(crate) place: Arc<Admitted>,
}

/// A signal that is to be sent to a run.
pub(crate) struct Announced {
    pub(crate) name: String,
    pub(crate) key: Option<String>,
    /// How much room it takes while it waits to be taken, in bytes.
    pub(crate) size: usize,
}

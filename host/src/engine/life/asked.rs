//! What is asked of a simulated engine, and the answers when there are some.

use tokio::sync::oneshot;

use crate::engine::error::EngineError;
use crate::steps::Refused;

/// What somebody asked the engine, and its answer when there is one.
pub struct Asked<T>(pub(super) oneshot::Receiver<Result<T, EngineError>>);

/// What an attempt hears of what it wrote to streams.
#[derive(Debug)]
pub struct Streamed(pub(super) oneshot::Receiver<Refused>);

impl Streamed {
    /// The streams that took nothing, once the rest is on disk. None while it is not.
    pub fn answer(&mut self) -> Option<Refused> {
        self.0.try_recv().ok()
    }
}

impl<T> Asked<T> {
    /// The answer, once. None while there is none.
    pub fn answer(&mut self) -> Option<Result<T, EngineError>> {
        self.0.try_recv().ok()
    }
}

//! A backup of a host that goes on: one moment of its store, as a stream.
//!
//! Reading it holds back no commit. It does hold back the room of what is forgotten meanwhile, so who
//! takes the stream must not dawdle.

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;

/// How many bytes are handed over at once.
const CHUNK: usize = 256 << 10;

/// How many of these wait to be taken: with what is being filled, all the memory that a backup takes.
const CHUNKS_WAITING: usize = 4;

/// How long nothing at all may be taken, at first and whenever less was taken than should have been.
const GRACE: Duration = Duration::from_secs(60);

/// How many bytes are to be taken each second, on average: any disk and most networks take more.
const LEAST_BYTES_PER_SECOND: u32 = 1 << 20;

/// Why a backup stopped before its end.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BackupStopped {
    /// The store cannot be read.
    #[error("the store cannot be read to its end: {0}")]
    Store(String),
    /// The one who takes it is too slow.
    #[error(
        "less than 1 MiB a second was taken of the backup, and its moment cannot be held for ever"
    )]
    TooSlow,
}

impl Engine {
    /// The store as it is now, as a stream that [`crate::engine::offline::receive`] makes a store of. One
    /// at a time. What stops before its end ends with an error.
    ///
    /// # Errors
    ///
    /// Another backup is under way.
    pub fn backup(
        &self,
    ) -> Result<impl Stream<Item = Result<Bytes, BackupStopped>> + Send + use<>, EngineError> {
        let alone = self.0.admission.backup()?;
        let (sender, receiver) = channel(CHUNKS_WAITING);
        let stopped = Arc::<OnceLock<BackupStopped>>::default();
        let mut outlet = Outlet::new(sender, Arc::clone(&stopped));
        let store = self.0.store.clone();
        tokio::task::spawn_blocking(move || {
            let _alone = alone;
            let dumped = store.dump(|bytes| outlet.put(bytes));
            match dumped {
                Ok(()) => outlet.finish(),
                Err(error) => outlet.stop(BackupStopped::Store(error.to_string())),
            }
        });
        Ok(futures::stream::unfold((receiver, stopped), next))
    }
}

type Taking = (Receiver<Bytes>, Arc<OnceLock<BackupStopped>>);

/// The next piece; at the end, why it is none.
async fn next((mut receiver, stopped): Taking) -> Option<(Result<Bytes, BackupStopped>, Taking)> {
    match receiver.recv().await {
        Some(bytes) => Some((Ok(bytes), (receiver, stopped))),
        None => {
            let why = stopped.get()?.clone();
            // Said once.
            Some((Err(why), (receiver, Arc::default())))
        }
    }
}

/// Where the bytes of a backup go. On a thread that may wait.
struct Outlet {
    sender: Sender<Bytes>,
    stopped: Arc<OnceLock<BackupStopped>>,
    runtime: Handle,
    filling: BytesMut,
    begun: Instant,
    taken: u64,
}

impl Outlet {
    fn new(sender: Sender<Bytes>, stopped: Arc<OnceLock<BackupStopped>>) -> Self {
        let runtime = Handle::current();
        let begun = Instant::now();
        Self { sender, stopped, runtime, filling: BytesMut::new(), begun, taken: 0 }
    }

    fn put(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        self.filling.extend_from_slice(bytes);
        if self.filling.len() < CHUNK { ControlFlow::Continue(()) } else { self.hand_over() }
    }

    fn hand_over(&mut self) -> ControlFlow<()> {
        let bytes = self.filling.split().freeze();
        self.taken += bytes.len() as u64;
        let sent =
            tokio::time::timeout_at(self.begun + time_for(self.taken), self.sender.send(bytes));
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => ControlFlow::Continue(()),
            // Nobody takes it any more.
            Ok(Err(_)) => ControlFlow::Break(()),
            Err(_late) => {
                self.stop(BackupStopped::TooSlow);
                ControlFlow::Break(())
            }
        }
    }

    /// Hands over what is left, unless it stopped before.
    fn finish(&mut self) {
        if self.stopped.get().is_none() {
            let _gone = self.hand_over();
        }
    }

    fn stop(&self, why: BackupStopped) {
        tracing::warn!(error = %why, "a backup stopped before its end");
        let _earlier = self.stopped.set(why);
    }
}

/// Until when so many bytes are to be taken.
fn time_for(bytes: u64) -> Duration {
    GRACE + Duration::from_secs(bytes / u64::from(LEAST_BYTES_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_let_go_and_told_so() {
        let (sender, receiver) = channel(1);
        let stopped = Arc::<OnceLock<BackupStopped>>::default();
        let mut outlet = Outlet::new(sender, Arc::clone(&stopped));
        let (done, filled) = tokio::sync::oneshot::channel();
        // A clock that is paused stands still while the runtime knows of a thread that may wait.
        let runtime = Handle::current();
        std::thread::spawn(move || {
            let _entered = runtime.enter();
            let piece = vec![0; CHUNK];
            let mut pieces = 0;
            while outlet.put(&piece).is_continue() {
                pieces += 1;
            }
            outlet.finish();
            done.send(pieces).expect("the test listens");
        });
        assert_eq!(filled.await.expect("it comes to an end"), 1, "one waits to be taken");
        let (first, taking) = next((receiver, stopped)).await.expect("there is a piece");
        assert!(first.is_ok());
        let (last, taking) = next(taking).await.expect("it is said why there is no more");
        assert!(matches!(last, Err(BackupStopped::TooSlow)));
        assert!(next(taking).await.is_none());
    }

    #[test]
    fn more_time_is_given_for_more_bytes() {
        assert_eq!(time_for(0), GRACE);
        assert_eq!(time_for(10 << 30), GRACE + Duration::from_secs(10 << 10));
    }
}

//! Streams, as steps write to them.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::StreamError;
use crate::stream::chunks;
use crate::word;

/// Takes what an attempt writes to the streams of its run.
pub trait StreamSink: Send + Sync {
    /// Takes a chunk for a stream, or its end, once there is room for it.
    fn write(
        &self,
        stream: &str,
        chunk: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<(), StreamError>>;

    /// Waits until all that was taken for a stream is on disk.
    fn flush(&self, stream: &str) -> BoxFuture<'static, Result<(), StreamError>>;
}

/// A stream of the run, as a step of it writes to it: see [`StepContext::stream`](crate::StepContext::stream).
#[derive(Clone)]
pub struct StepStream {
    name: String,
    sink: Option<Arc<dyn StreamSink>>,
}

impl StepStream {
    pub(super) fn new(name: String, sink: Option<Arc<dyn StreamSink>>) -> Self {
        Self { name, sink }
    }

    /// Writes a chunk: bytes, or text. What has more than 64 KiB is several chunks. It waits where the disk does
    /// not keep up, and not for the disk: [`flush`](Self::flush) does, and so does the end of the attempt.
    ///
    /// # Errors
    ///
    /// The stream is closed, or nothing can be written to it: that may also be the fault of what was written
    /// before.
    pub async fn write(&self, bytes: impl AsRef<[u8]> + Send) -> Result<(), StreamError> {
        let pieces: Vec<_> = chunks(bytes.as_ref()).map(<[u8]>::to_vec).collect();
        for chunk in pieces {
            self.send(Some(chunk)).await?;
        }
        Ok(())
    }

    /// Waits until all that was written is on disk, where readers have it whatever happens to the host.
    ///
    /// # Errors
    ///
    /// As of [`write`](Self::write).
    pub async fn flush(&self) -> Result<(), StreamError> {
        match &self.sink {
            Some(sink) => sink.flush(&self.name).await,
            None => Ok(()),
        }
    }

    /// Closes the stream, for good: who reads along hears that nothing more comes.
    ///
    /// # Errors
    ///
    /// As of [`write`](Self::write).
    pub async fn close(&self) -> Result<(), StreamError> {
        self.send(None).await?;
        self.flush().await
    }

    async fn send(&self, chunk: Option<Vec<u8>>) -> Result<(), StreamError> {
        if !word::is_name(&self.name) {
            return Err(StreamError::BadName(self.name.clone()));
        }
        match &self.sink {
            Some(sink) => sink.write(&self.name, chunk).await,
            None => Ok(()),
        }
    }
}

impl fmt::Debug for StepStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepStream").field("name", &self.name).finish_non_exhaustive()
    }
}

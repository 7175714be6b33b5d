//! Streams: what a run gives out as it works, to whoever reads along.

use segno_guest_runtime::stream as guest;

use crate::word;

/// The stream of this run that has this name: `GET /v1/runs/{id}/streams/{name}`, `segno stream`.
///
/// What is written to it is on disk, chunk by chunk, in order and once, whatever happens to the host. Readers
/// follow it as it grows, and take it up again where they were. Steps write to it with
/// [`StepContext::stream`](crate::StepContext::stream); use that for what is much or comes fast, such as the
/// words of a language model: what the workflow writes is in its history as well.
///
/// A run may have 64 streams. Each keeps its last 16 MiB: what is older is forgotten, so that a run can
/// write for years. All are closed when the run ends, and forgotten with it.
///
/// ```no_run
/// # mod steps { #[segno::step] pub async fn pack(_item: u64) -> Result<(), segno::StepError> { Ok(()) } }
/// #[segno::workflow]
/// pub async fn pack(items: u64) -> Result<(), segno::Error> {
///     let progress = segno::stream("progress");
///     for item in 1..=items {
///         steps::pack(item).await?;
///         progress.write(format!("packed {item} of {items}\n"));
///     }
///     Ok(())
/// }
/// ```
///
/// # Panics
///
/// Where the name has not from 1 to 128 bytes, or has control characters.
#[must_use]
pub fn stream(name: &str) -> Stream {
    word::check("a stream", name);
    Stream { name: name.to_owned() }
}

/// A stream of this run: see [`stream`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    name: String,
}

impl Stream {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes a chunk: bytes, or text. What has more than 64 KiB is several chunks. What is written when the
    /// stream is closed is dropped.
    ///
    /// On replay the chunk is compared with the record, and not written again.
    ///
    /// # Panics
    ///
    /// Outside of a host. A run that opens more than 64 streams is blocked.
    pub fn write(&self, bytes: impl AsRef<[u8]>) {
        for chunk in chunks(bytes.as_ref()) {
            guest::write(&self.name, chunk);
        }
    }

    /// Closes the stream, for good: who reads along hears that nothing more comes.
    ///
    /// On replay it is compared with the record.
    ///
    /// # Panics
    ///
    /// Outside of a host.
    pub fn close(&self) {
        guest::close(&self.name);
    }
}

/// How long a chunk may be, in bytes.
const MAX_CHUNK: usize = 64 << 10;

/// What is written at once, as chunks: one where it fits, which may be empty.
pub(crate) fn chunks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = bytes.is_empty().then_some(bytes);
    whole.into_iter().chain(bytes.chunks(MAX_CHUNK))
}

/// Why a step could not write to a stream of its run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// It cannot be the name of a stream.
    #[error(
        "`{0}` cannot be the name of a stream: it must have from 1 to 128 bytes, and no control characters"
    )]
    BadName(String),
    /// The stream is closed.
    #[error("stream `{0}` is closed")]
    Closed(String),
    /// The run has as many other streams as it may have.
    #[error("stream `{0}` cannot be opened: the run has 64 others, and may have no more")]
    TooMany(String),
    /// The attempt or its run is over, or the host goes down: nothing of it is written any more.
    #[error(
        "nothing can be written any more: the attempt or its run is over, or the host goes down"
    )]
    Over,
}

//! Streams: what a run gives out as it works.

use crate::runtime::Runtime;

/// Adds a chunk to the end of a stream. On replay it is compared with the record.
///
/// # Panics
///
/// Where no run is here.
pub fn write(stream: &str, chunk: &[u8]) {
    Runtime::here(|runtime| runtime.host().write(stream, chunk));
}

/// Closes a stream: what is written to it later is dropped. On replay it is compared with the record.
///
/// # Panics
///
/// Where no run is here.
pub fn close(stream: &str) {
    Runtime::here(|runtime| runtime.host().close_stream(stream));
}

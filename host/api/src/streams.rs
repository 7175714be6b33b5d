//! Streams: what runs give out as they work.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stream of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamView {
    /// Its name.
    pub name: String,
    /// The index of the oldest chunk that is kept. The first one that was written was 0.
    pub first: u64,
    /// The index of the chunk that is written next.
    pub next: u64,
    /// How many bytes the chunks have that are kept.
    pub bytes: u64,
    /// Whether nothing more comes: it was closed, or the run has ended.
    pub closed: bool,
}

/// The streams of a run, by their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamList {
    /// The streams: 64 at most.
    pub streams: Vec<StreamView>,
}

/// A chunk of a stream, as the data of an event `chunk`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChunkView {
    /// Its index in the stream, from 0.
    pub index: u64,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The number of the operation that is the step that wrote it; absent where the workflow did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<u64>,
    /// Which attempt of the step, from 1. An attempt that is made again writes again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// When the attempt began. One that a crash cut off is made again with its number, and begins at another
    /// moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub begun_at: Option<Timestamp>,
    /// What was written, where it is text in UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What was written, in base64, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// Chunks that are forgotten, as the data of an event `skipped`: they were asked for, and are no longer kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkippedView {
    /// The index of the first one.
    pub from: u64,
    /// The index of the chunk behind the last one, which comes next.
    pub to: u64,
}

/// Where a reader has come, as the data of the event `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamEndView {
    /// The index behind the last chunk that was given.
    pub next: u64,
    /// Whether nothing more comes.
    pub closed: bool,
}

//! The words by which something is known: how long they may be, and what they may hold.

/// How long the token of a hook may be, in bytes.
pub const MAX_HOOK_TOKEN: usize = 256;

/// How long may be what a workflow says of a hook, in bytes of JSON: a list shows a thousand hooks.
pub const MAX_HOOK_METADATA: usize = 4 << 10;

/// How long the name of a signal may be, in bytes.
pub const MAX_SIGNAL_NAME: usize = 128;

/// How long the name of a workflow may be where a run starts a child of it, in bytes.
pub const MAX_WORKFLOW_NAME: usize = 128;

/// How long the name of something that a run shows may be, in bytes.
pub const MAX_QUERY_NAME: usize = 128;

/// How many values a run may show, each under a name of its own.
pub const MAX_PUBLISHED: usize = 64;

/// How long each of them may be, in bytes of JSON.
pub const MAX_PUBLISHED_BYTES: usize = 64 << 10;

/// How long the name of a stream may be, in bytes.
pub const MAX_STREAM_NAME: usize = 128;

/// How many streams a run may have, each under a name of its own.
pub const MAX_STREAMS: usize = 64;

/// How long a chunk of a stream may be, in bytes.
pub const MAX_CHUNK: usize = 64 << 10;

/// How long the name of a compensation may be, in bytes.
pub const MAX_COMPENSATION_NAME: usize = 128;

/// How many compensations and shields a run may have that are not over.
pub const MAX_COMPENSATIONS: usize = 1_000;

/// How much is recorded of the error because of which a run cleans up, or of that of a compensation, in bytes.
pub const MAX_CLEANUP_ERROR: usize = 8 << 10;

/// Whether something may be known by this word: a token or a name. It has from 1 to so many bytes, and no
/// control characters, which would do something to whoever is shown it.
#[must_use]
pub fn is_word(word: &str, limit: usize) -> bool {
    (1..=limit).contains(&word.len()) && !word.chars().any(char::is_control)
}

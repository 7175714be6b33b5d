//! The keys of rows, and ranges of them.

use std::ops::{Bound, RangeBounds};

use segno_journal::{Op, RunId};

/// The key of something that a run has many of.
pub(crate) fn numbered(run: RunId, number: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&run.to_bytes());
    key[16..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The run of a key that is nothing else.
pub(crate) fn run(key: &[u8]) -> Option<RunId> {
    key.try_into().ok().map(RunId::from_bytes)
}

/// The run and the number of such a key.
pub(crate) fn split_numbered(key: &[u8]) -> Option<(RunId, u64)> {
    let (run, number) = key.split_first_chunk::<16>()?;
    Some((RunId::from_bytes(*run), u64::from_be_bytes(number.try_into().ok()?)))
}

/// The key of what a run shows under a name.
pub(crate) fn named(run: RunId, name: &str) -> Vec<u8> {
    [&run.to_bytes(), name.as_bytes()].concat()
}

/// The key of the block of a stream that begins at this index. A name has no zero byte, so no stream is among
/// the blocks of another one.
pub(crate) fn block(run: RunId, stream: &str, index: u64) -> Vec<u8> {
    [&run.to_bytes(), stream.as_bytes(), &[0], &index.to_be_bytes()].concat()
}

/// The index of such a key.
pub(crate) fn index_of_block(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|index| u64::from_be_bytes(*index))
}

/// The key of a turn that was set aside.
pub(crate) fn set_aside(run: RunId, number: u32, seq: u64) -> [u8; 28] {
    let mut key = [0; 28];
    key[..16].copy_from_slice(&run.to_bytes());
    key[16..20].copy_from_slice(&number.to_be_bytes());
    key[20..].copy_from_slice(&seq.to_be_bytes());
    key
}

/// The number of such a key.
pub(crate) fn number_of_set_aside(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*key.get(16..)?.first_chunk()?))
}

/// The key of an attempt.
pub(crate) fn attempt(run: RunId, op: Op, number: u32) -> [u8; 28] {
    let mut key = [0; 28];
    key[..24].copy_from_slice(&numbered(run, op.0));
    key[24..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The operation of such a key.
pub(crate) fn op_of_attempt(key: &[u8]) -> Option<Op> {
    split_numbered(key.get(..24)?).map(|(_, op)| Op(op))
}

/// The key of an idempotency key. A workflow's name has no zero byte, so no two pairs share one.
pub(crate) fn idempotency(workflow: &str, key: &str) -> Vec<u8> {
    [workflow.as_bytes(), &[0], key.as_bytes()].concat()
}

/// The keys of the rows of a run, or of one of its operations.
pub(crate) struct RowsOf {
    first: [u8; 24],
    /// As long as the longest key.
    last: [u8; 28],
}

impl RangeBounds<[u8]> for RowsOf {
    fn start_bound(&self) -> Bound<&[u8]> {
        Bound::Included(&self.first)
    }

    fn end_bound(&self) -> Bound<&[u8]> {
        Bound::Included(&self.last)
    }
}

/// All rows of a run, in any table in which it has many.
pub(crate) fn rows_of(run: RunId) -> RowsOf {
    rows_from(run, 0)
}

/// The rows of a run from this number on.
pub(crate) fn rows_from(run: RunId, number: u64) -> RowsOf {
    RowsOf { first: numbered(run, number), last: attempt(run, Op(u64::MAX), u32::MAX) }
}

/// The attempts of an operation.
pub(crate) fn attempts_of(run: RunId, op: Op) -> RowsOf {
    RowsOf { first: numbered(run, op.0), last: attempt(run, op, u32::MAX) }
}

/// The keys from one to another, both included.
pub(crate) struct Between {
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Between {
    pub(crate) const fn new(first: Vec<u8>, last: Vec<u8>) -> Self {
        Self { first, last }
    }

    /// The first key and the last.
    pub(crate) fn into_ends(self) -> (Vec<u8>, Vec<u8>) {
        (self.first, self.last)
    }
}

impl RangeBounds<[u8]> for Between {
    fn start_bound(&self) -> Bound<&[u8]> {
        Bound::Included(&self.first)
    }

    fn end_bound(&self) -> Bound<&[u8]> {
        Bound::Included(&self.last)
    }
}

/// The blocks of a stream that begin between these indices.
pub(crate) fn blocks(run: RunId, stream: &str, first: u64, last: u64) -> Between {
    Between { first: block(run, stream, first), last: block(run, stream, last) }
}

/// What a run has by names.
pub(crate) fn names_of(run: RunId) -> Between {
    // No name is longer, and none has this byte.
    Between { first: run.to_bytes().to_vec(), last: [&run.to_bytes()[..], &[0xff]].concat() }
}

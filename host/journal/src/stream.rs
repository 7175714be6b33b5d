//! Streams: bytes that a run gives out as it works, chunk by chunk, to whoever reads along.

use crate::{Op, Timestamp, grows};

/// How many bytes a chunk takes besides its own, about: one that is empty takes room as well.
pub const CHUNK_BYTES: u64 = 32;

/// How many bytes a block takes besides its chunks, about: a row, with the name of the stream in its key.
pub const BLOCK_BYTES: u64 = 160;

/// A stream of a run: where it begins and where it ends. It keeps what was written last, within a bound;
/// what is older is forgotten, so that a run can write for years.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stream {
    /// The index of the chunk that is written next; the first one was 0.
    pub next: u64,
    /// The index of the oldest chunk that is kept.
    pub first: u64,
    /// The bytes of all chunks that were ever written.
    pub written: u64,
    /// The bytes of those that are forgotten.
    pub forgotten: u64,
    /// Whether it is closed. That of a run that has ended is closed in any case.
    pub is_closed: bool,
    /// How many blocks are kept.
    pub blocks: u64,
}

grows!(Stream { next, first, written, forgotten, is_closed, blocks });

/// Chunks that were written at once: they are kept and forgotten together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// When.
    pub at: Timestamp,
    /// The step that wrote them; none where its workflow did.
    pub step: Option<Op>,
    /// Which attempt of the step, from 1; 0 where the workflow wrote them.
    pub attempt: u32,
    /// When the attempt began. One that a crash cut off is made again with its number, and begins at another
    /// moment.
    pub begun: Timestamp,
    /// The chunks, in order. The index of the first one is the key of the block.
    pub chunks: Vec<Vec<u8>>,
}

grows!(Block { at, step, attempt, begun, chunks });

impl Block {
    /// How many chunks it has.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.chunks.len() as u64
    }

    /// How much room it takes, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        BLOCK_BYTES + self.bytes() + self.count() * CHUNK_BYTES
    }

    /// How many bytes they have.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }
}

impl Stream {
    /// Adds a chunk to its end, and gives its index.
    pub const fn push(&mut self, chunk: &[u8]) -> u64 {
        let index = self.next;
        self.next = self.next.saturating_add(1);
        self.written = self.written.saturating_add(chunk.len() as u64);
        index
    }

    /// Forgets its oldest block, if it is more than it may be without that one. Says whether it was.
    pub fn forget(&mut self, oldest: &Block, limit: u64) -> bool {
        let first = self.first.saturating_add(oldest.count());
        let forgotten = self.forgotten.saturating_add(oldest.bytes());
        let blocks = self.blocks.saturating_sub(1);
        let without = Self { first, forgotten, blocks, ..self.clone() };
        let is_too_much = first < self.next && without.size() >= limit;
        if is_too_much {
            *self = without;
        }
        is_too_much
    }

    /// How many bytes the chunks have that are kept.
    #[must_use]
    pub const fn kept_bytes(&self) -> u64 {
        self.written.saturating_sub(self.forgotten)
    }

    /// How much room it takes, in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        let chunks = self.next.saturating_sub(self.first);
        let rows = self.blocks.saturating_mul(BLOCK_BYTES);
        self.kept_bytes().saturating_add(rows).saturating_add(chunks.saturating_mul(CHUNK_BYTES))
    }

    /// The index that a reader means: from the start, or from the end where it is negative. One that is before
    /// the oldest chunk is that of the oldest.
    #[must_use]
    pub fn index(&self, from: i64) -> u64 {
        let index = match u64::try_from(from) {
            Ok(index) => index,
            Err(_from_the_end) => self.next.saturating_sub(from.unsigned_abs()),
        };
        index.max(self.first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn block(chunks: &[&str]) -> Block {
        let chunks = chunks.iter().map(|chunk| chunk.as_bytes().to_vec()).collect();
        Block { chunks, ..Block::default() }
    }

    #[test]
    fn chunks_are_counted_from_the_first_one_that_was_ever_written() {
        let mut stream = Stream::default();
        assert_eq!([&b"a"[..], b"bc", b"d"].map(|chunk| stream.push(chunk)), [0, 1, 2]);
        assert_eq!((stream.next, stream.written, stream.size()), (3, 4, 4 + 3 * CHUNK_BYTES));
    }

    #[test]
    fn a_stream_that_is_written_to_for_ever_keeps_the_last_of_it_and_no_more_than_a_block_above_its_bound()
     {
        let (chunk, row) = (100 + CHUNK_BYTES, BLOCK_BYTES);
        let limit = 10 * (chunk + row);
        let (mut stream, mut kept) = (Stream::default(), VecDeque::new());
        let text = "x".repeat(100);
        for number in 0..10_000_usize {
            let written = block(&vec![&*text; 1 + number % 3]);
            for chunk in &written.chunks {
                stream.push(chunk);
            }
            stream.blocks += 1;
            kept.push_back(written);
            while kept.front().is_some_and(|oldest| stream.forget(oldest, limit)) {
                kept.pop_front();
            }
            let count: u64 = kept.iter().map(Block::count).sum();
            assert_eq!(stream.next - stream.first, count);
            assert_eq!(stream.kept_bytes(), count * 100);
            assert_eq!(stream.blocks, kept.len() as u64);
            assert!(stream.size() < limit + 3 * chunk + row, "{stream:?}");
            assert!(stream.size() >= limit || stream.first == 0, "{stream:?}");
        }
    }

    #[test]
    fn the_last_block_is_kept_however_large_it_is() {
        let mut stream = Stream::default();
        let large = block(&[&"x".repeat(1_000)]);
        stream.push(&large.chunks[0]);
        assert!(!stream.forget(&large, 10));
    }

    #[test]
    fn an_index_below_zero_counts_from_the_end() {
        let stream = Stream { next: 10, first: 4, ..Stream::default() };
        let indices = [0, 4, 7, 10, 12, -1, -6, -7, i64::MIN].map(|from| stream.index(from));
        assert_eq!(indices, [4, 4, 7, 10, 12, 9, 4, 4, 4]);
    }
}

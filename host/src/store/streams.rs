//! The streams of runs: what is written at once is a row, and another one says where the stream begins and ends.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use segno_journal::{Block, RunId, Stream};

use crate::store::codec::{self, bad_key};
use crate::store::draft::Draft;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keys;
use crate::store::tables::Table;

impl<T> Draft<T> {
    /// Also adds blocks to a stream, each at the index of its first chunk, and says where the stream then begins
    /// and ends.
    pub fn with_stream(
        mut self,
        run: RunId,
        (name, stream): (&str, &Stream),
        blocks: &[(u64, Block)],
    ) -> Self {
        self.rows.put(Table::Streams, keys::named(run, name), codec::encode(stream));
        for (index, block) in blocks {
            self.rows.put(Table::Chunks, keys::block(run, name, *index), codec::encode(block));
        }
        self
    }

    /// Also forgets the block of a stream that begins at this index.
    pub fn without_block(mut self, run: RunId, name: &str, index: u64) -> Self {
        self.rows.delete(Table::Chunks, keys::block(run, name, index));
        self
    }
}

impl Store {
    /// Where the streams of a run begin and end, by their names.
    pub fn streams(&self, run: RunId) -> Result<BTreeMap<String, Stream>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.range(Table::Streams, &keys::names_of(run))?;
        rows.map(|row| {
            let row = row?;
            let name = row.key().get(16..).map(<[u8]>::to_vec).map(String::from_utf8);
            let name = name.and_then(Result::ok).ok_or_else(|| bad_key(Table::Streams))?;
            Ok((name, codec::decode(Table::Streams.name(), row.value())?))
        })
        .collect()
    }

    /// Where a stream of a run begins and ends.
    pub fn stream(&self, run: RunId, name: &str) -> Result<Option<Stream>, StoreError> {
        self.record(Table::Streams, &keys::named(run, name))
    }

    /// Visits the blocks of a stream in order, each with the index of its first chunk, from the one on that has
    /// the chunk of this index, until the visitor has enough. One is in memory at a time.
    pub fn visit_blocks(
        &self,
        run: RunId,
        name: &str,
        from: u64,
        mut visit: impl FnMut(u64, Block) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let moment = self.moment()?;
        let before = keys::blocks(run, name, 0, from);
        let first = moment.range(Table::Chunks, &before)?.next_back().transpose()?;
        let first = first.map_or(Ok(from), |row| index(row.key()))?;
        for row in moment.range(Table::Chunks, &keys::blocks(run, name, first, u64::MAX))? {
            let row = row?;
            let block = codec::decode(Table::Chunks.name(), row.value())?;
            if visit(index(row.key())?, block).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn index(key: &[u8]) -> Result<u64, StoreError> {
    keys::index_of_block(key).ok_or_else(|| bad_key(Table::Chunks))
}

//! The streams of runs: what a run and its steps write, and where each stream begins and ends. A reader finds all
//! of it on disk; the shard alone says which index comes next.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use segno::StreamError;
use segno_journal::{Block, BlockKind, Blocked, Command, MAX_STREAMS, Open, RunId, Stream, Turn};

use crate::engine::guests::CannotTurn;
use crate::engine::inbox::StepWrite;
use crate::engine::shard::Shard;
use crate::engine::shard::active::{Active, Streams};
use crate::steps::Refused;
use crate::store::{Draft, Store, StoreError};

/// How large a block may become, in bytes: whoever reads a chunk reads the block around it.
const BLOCK: u64 = 128 << 10;

/// How far a stream grows above what it keeps before any of it is forgotten, as a part of that: what is to be
/// forgotten is looked at, and not with each chunk.
const SLACK: u64 = 16;

/// How many blocks are forgotten at once: each is looked at, and a row of the draft.
const FORGOTTEN_AT_ONCE: usize = 4_096;

impl Shard {
    /// Looks whether a run may write to the streams that it names.
    pub(super) fn admit_streams(
        &mut self,
        id: RunId,
        commands: &[Command],
    ) -> Result<(), CannotTurn> {
        let named = commands.iter().filter_map(Command::streamed).map(|(name, _)| name);
        let named: BTreeSet<_> = named.collect();
        if named.is_empty() {
            return Ok(());
        }
        self.know_streams(id)?;
        let Some(streams) = self.runs.get(&id).and_then(|active| active.streams.as_ref()) else {
            return Ok(());
        };
        let new = named.into_iter().filter(|name| !streams.contains_key(*name)).count();
        if streams.len() + new <= MAX_STREAMS {
            return Ok(());
        }
        let message = format!("the workflow writes to more than {MAX_STREAMS} streams");
        Err(Blocked { kind: BlockKind::Limit, message }.into())
    }

    /// Reads where the streams of a run end, where none was written to lately.
    fn know_streams(&mut self, id: RunId) -> Result<(), StoreError> {
        let Some(active) = self.runs.get_mut(&id).filter(|active| active.streams.is_none()) else {
            return Ok(());
        };
        // What was written before it was forgotten is on disk with the turn behind it.
        if let Some(last) = active.run.turns().checked_sub(1)
            && !self.store.has_turn(id, last)?
        {
            self.committer.flush()?;
        }
        active.streams = Some(Box::new(self.store.streams(id)?));
        Ok(())
    }

    /// What a turn writes to the streams of its run, which are known.
    pub(super) fn streamed(
        active: &mut Active,
        turn: &Turn,
        (store, limit): (&Store, u64),
    ) -> Draft<()> {
        let run = active.owner.run;
        let mut pieces = turn.commands.iter().filter_map(Command::streamed).peekable();
        match &mut active.streams {
            Some(streams) if pieces.peek().is_some() => {
                let block = Block { at: turn.at, ..Block::default() };
                let mut writing = Writing::new(streams, block);
                for (name, chunk) in pieces {
                    // What comes when the stream is closed is dropped.
                    let _closed = writing.add(name, chunk.map(<[u8]>::to_vec));
                }
                writing.draft(run, store, limit)
            }
            _ => Draft::nothing(),
        }
    }

    /// An attempt of a step writes to the streams of its run.
    pub(super) fn write(&mut self, write: StepWrite) {
        let StepWrite { run, op, attempt, begun, pieces, written } = write;
        let current = |active: &Active| match active.run.operation(op) {
            Some(Open::Step { last_attempt, .. }) => {
                Some(last_attempt.as_ref().map_or(1, |last| last.number.saturating_add(1)))
            }
            _ => None,
        };
        if self.runs.get(&run).and_then(|active| current(active)) != Some(attempt) {
            return;
        }
        if let Err(error) = self.know_streams(run) {
            return tracing::error!(%run, %error, "what a step writes is lost: the streams of its run cannot be read");
        }
        let Some(active) = self.runs.get_mut(&run) else { return };
        let at = self.outside.now();
        let block = Block { at, step: Some(op), attempt, begun, chunks: Vec::new() };
        let mut writing = Writing::new(active.streams.get_or_insert_default(), block);
        let mut refused = Refused::new();
        for piece in pieces {
            if let Err(error) = writing.add(&piece.stream, piece.chunk) {
                refused.insert(piece.stream, error);
            }
        }
        let draft = writing.draft(run, &self.store, self.config.limits.stream);
        let outside = self.outside.clone();
        self.committer.submit(draft, move |committed| {
            if let Ok(committed) = committed {
                outside.wrote(run, &committed);
                written.done(refused);
            }
        });
    }
}

/// What is written at once to the streams of a run.
struct Writing<'a> {
    streams: &'a mut Streams,
    /// Who writes, and when: a block of nothing.
    empty: Block,
    written: BTreeMap<String, Vec<(u64, Block)>>,
}

impl<'a> Writing<'a> {
    fn new(streams: &'a mut Streams, empty: Block) -> Self {
        Self { streams, empty, written: BTreeMap::new() }
    }

    /// Adds a chunk to a stream, or closes it.
    fn add(&mut self, name: &str, chunk: Option<Vec<u8>>) -> Result<(), StreamError> {
        if !self.streams.contains_key(name) {
            if self.streams.len() >= MAX_STREAMS {
                return Err(StreamError::TooMany(name.to_owned()));
            }
            self.streams.insert(name.to_owned(), Stream::default());
        }
        let stream = self.streams.get_mut(name).expect("it was put there where it was not");
        let Some(chunk) = chunk else {
            if !stream.is_closed {
                stream.is_closed = true;
                self.written.entry(name.to_owned()).or_default();
            }
            return Ok(());
        };
        if stream.is_closed {
            return Err(StreamError::Closed(name.to_owned()));
        }
        let blocks = self.written.entry(name.to_owned()).or_default();
        let index = stream.push(&chunk);
        match blocks.last_mut().filter(|(_, block)| block.size() + chunk.len() as u64 <= BLOCK) {
            Some((_, block)) => block.chunks.push(chunk),
            None => {
                stream.blocks += 1;
                blocks.push((index, Block { chunks: vec![chunk], ..self.empty.clone() }));
            }
        }
        Ok(())
    }

    /// What is to be written, and what is forgotten for it.
    fn draft(self, run: RunId, store: &Store, limit: u64) -> Draft<()> {
        let mut draft = Draft::nothing();
        // Of all streams together: a turn may write to each of them.
        let mut left = FORGOTTEN_AT_ONCE;
        for (name, blocks) in self.written {
            let Some(stream) = self.streams.get_mut(&name) else { continue };
            let mut forgotten = Vec::new();
            if stream.size() > limit + limit / SLACK {
                let visited = store.visit_blocks(run, &name, stream.first, |index, oldest| {
                    let is_forgotten =
                        left > 0 && index == stream.first && stream.forget(&oldest, limit);
                    if !is_forgotten {
                        return ControlFlow::Break(());
                    }
                    left -= 1;
                    forgotten.push(index);
                    ControlFlow::Continue(())
                });
                if let Err(error) = visited {
                    tracing::warn!(%run, name, %error, "a stream cannot be read, and forgets nothing");
                }
            }
            draft = draft.with_stream(run, (&name, stream), &blocks);
            for index in forgotten {
                draft = draft.without_block(run, &name, index);
            }
        }
        draft
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writing(streams: &mut Streams) -> Writing<'_> {
        Writing::new(streams, Block::default())
    }

    #[test]
    fn what_is_written_at_once_is_in_blocks_that_can_be_read_one_by_one() {
        let mut streams = Streams::new();
        let mut writing = writing(&mut streams);
        let large = vec![7; 60_000];
        for _ in 0..10 {
            writing.add("a", Some(large.clone())).unwrap();
            writing.add("b", Some(vec![1])).unwrap();
        }
        let blocks = |name: &str| -> Vec<_> {
            writing.written[name].iter().map(|(at, block)| (*at, block.count())).collect()
        };
        let pairs = (0..5).map(|at| (2 * at, 2)).collect();
        assert_eq!((blocks("a"), blocks("b")), (pairs, vec![(0, 10)]));
    }

    #[test]
    fn a_closed_stream_takes_nothing_and_a_run_has_so_many_streams_and_no_more() {
        let mut streams = Streams::new();
        let mut writing = writing(&mut streams);
        writing.add("0", None).unwrap();
        assert_eq!(writing.add("0", None), Ok(()));
        assert_eq!(writing.add("0", Some(vec![])), Err(StreamError::Closed("0".into())));
        for name in 1..MAX_STREAMS {
            writing.add(&name.to_string(), Some(vec![])).unwrap();
        }
        assert_eq!(writing.add("x", Some(vec![])), Err(StreamError::TooMany("x".into())));
        assert_eq!(writing.add("1", Some(vec![])), Ok(()));
    }
}

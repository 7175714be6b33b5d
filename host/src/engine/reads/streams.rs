//! Streams of runs, as they are read: what is on disk, and what comes as it is written. The run itself hears
//! nothing of it.

use std::ops::ControlFlow;

use segno_api::StreamView;
use segno_journal::{Block, MAX_STREAM_NAME, Op, RunId, Stream, Timestamp, is_word};

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::inbox::Place;
use crate::engine::outside::Reader;

/// How many bytes are read at once, about.
const PAGE: u64 = 128 << 10;

/// A chunk of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its index in the stream, from 0.
    pub index: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The step that wrote it, and which attempt; none where the workflow did.
    pub step: Option<(Op, u32)>,
    /// When the attempt began.
    pub begun: Timestamp,
    /// What was written.
    pub bytes: Vec<u8>,
}

/// Reads a stream from an index on, and reads along where that is wanted.
pub struct StreamReader {
    engine: Engine,
    run: RunId,
    name: String,
    /// The index that comes next.
    next: u64,
    /// Whether nothing more was to come when it was last looked at, and where the stream then ended.
    is_over: bool,
    end: u64,
    /// The index to stop at.
    until: Option<u64>,
    follows: Option<Reader>,
    _place: Place,
}

/// Chunks that follow one another.
struct Page {
    chunks: Vec<Chunk>,
    is_over: bool,
    end: u64,
}

impl Engine {
    /// The streams of a run.
    ///
    /// # Errors
    ///
    /// There is no such run, or the store cannot be read.
    pub async fn streams(&self, run: RunId) -> Result<Vec<StreamView>, EngineError> {
        let engine = self.clone();
        self.blocking(move || {
            let has_ended = engine.record(run)?.standing.ended_at().is_some();
            let streams = engine.0.store.streams(run)?;
            Ok(streams.into_iter().map(|(name, stream)| view(name, &stream, has_ended)).collect())
        })
        .await
    }

    /// Reads a stream from an index on, which counts from the end where it is below zero. Whoever follows gets
    /// what is written later as well, until the stream is closed or the run has ended, and may come before
    /// the first chunk.
    ///
    /// # Errors
    ///
    /// There is no such run or stream, the name can be none, or there is no room for one more who waits.
    pub async fn read_stream(
        &self,
        run: RunId,
        name: String,
        from: i64,
        follow: bool,
    ) -> Result<StreamReader, EngineError> {
        if !is_word(&name, MAX_STREAM_NAME) {
            let (what, limit) = ("the name of a stream", MAX_STREAM_NAME);
            return Err(EngineError::BadWord { what, limit });
        }
        let readers = self.0.outside.readers();
        let place = readers.place()?;
        let follows = follow.then(|| readers.begin(run));
        let (engine, asked) = (self.clone(), name.clone());
        let found = self.blocking(move || engine.find_stream(run, &asked, follow)).await?;
        let (stream, has_ended) = found;
        let is_over = has_ended || stream.is_closed;
        // Who does not follow gets what there is now, and no more.
        let until = (!follow).then_some(stream.next);
        let (engine, end) = (self.clone(), stream.next);
        // Whoever follows may want what is not written yet.
        let most = if follow { u64::MAX } else { end };
        let next = wanted(&stream, from).min(most);
        Ok(StreamReader { engine, run, name, next, is_over, end, until, follows, _place: place })
    }

    /// A stream, and whether its run has ended. One that is to be followed need not be there yet.
    fn find_stream(
        &self,
        run: RunId,
        name: &str,
        may_come: bool,
    ) -> Result<(Stream, bool), EngineError> {
        let has_ended = self.record(run)?.standing.ended_at().is_some();
        match self.0.store.stream(run, name)? {
            Some(stream) => Ok((stream, has_ended)),
            None if may_come && !has_ended => Ok((Stream::default(), false)),
            None => {
                let known = self.0.store.streams(run)?.into_keys().collect();
                Err(EngineError::UnknownStream { name: name.to_owned(), known })
            }
        }
    }

    /// What comes next in a stream.
    fn page(&self, run: RunId, name: &str, next: u64) -> Result<Page, EngineError> {
        // First whether it is over: what is read then is all of it.
        let has_ended = self.record(run)?.standing.ended_at().is_some();
        let stream = self.0.store.stream(run, name)?.unwrap_or_default();
        let mut chunks = Vec::new();
        let mut bytes = 0;
        self.0.store.visit_blocks(run, name, next, |index, block| {
            bytes += block.size();
            chunks.extend(chunks_of(index, block).filter(|chunk| chunk.index >= next));
            if bytes < PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(Page { chunks, is_over: has_ended || stream.is_closed, end: stream.next })
    }
}

impl StreamReader {
    /// The index of the chunk that is given next, unless it is forgotten by then.
    #[must_use]
    pub const fn next_index(&self) -> u64 {
        self.next
    }

    /// The index behind the last chunk of the stream, when it was last looked at.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// The index at which it stops, where it does not follow.
    #[must_use]
    pub const fn until(&self) -> Option<u64> {
        self.until
    }

    /// Whether nothing more comes after what was given.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// The chunks that come next; none at the end. Where chunks were forgotten before they were read, the first
    /// of these has a higher index than was next.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or the host stops: whoever reads may go on with another one.
    pub async fn read(&mut self) -> Result<Option<Vec<Chunk>>, EngineError> {
        loop {
            if self.until.is_some_and(|until| self.next >= until) {
                return Ok(None);
            }
            if let Some(reader) = &mut self.follows {
                reader.look();
            }
            let (engine, run, name, next) =
                (self.engine.clone(), self.run, self.name.clone(), self.next);
            let page = self.engine.blocking(move || engine.page(run, &name, next)).await?;
            let until = self.until.unwrap_or(u64::MAX);
            let chunks: Vec<_> = page.chunks.into_iter().filter(|it| it.index < until).collect();
            self.end = page.end;
            if let Some(last) = chunks.last() {
                self.next = last.index + 1;
                return Ok(Some(chunks));
            }
            self.is_over = page.is_over;
            match &mut self.follows {
                Some(reader) if !page.is_over => {
                    if !reader.more().await {
                        return Err(EngineError::Stopping);
                    }
                }
                _ => return Ok(None),
            }
        }
    }
}

/// The index that a reader means; not that of the oldest chunk that is kept, where it is before it.
fn wanted(stream: &Stream, from: i64) -> u64 {
    u64::try_from(from).unwrap_or_else(|_from_the_end| stream.index(from))
}

fn chunks_of(first: u64, block: Block) -> impl Iterator<Item = Chunk> {
    let Block { at, step, attempt, begun, chunks } = block;
    let step = step.map(|op| (op, attempt));
    (first..).zip(chunks).map(move |(index, bytes)| Chunk { index, at, step, begun, bytes })
}

fn view(name: String, stream: &Stream, has_ended: bool) -> StreamView {
    StreamView {
        name,
        first: stream.first,
        next: stream.next,
        bytes: stream.kept_bytes(),
        closed: stream.is_closed || has_ended,
    }
}

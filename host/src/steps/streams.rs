//! What one attempt writes to the streams of its run. One message of it is on its way to the disk at a time; what
//! is written meanwhile goes with the next one, and where that becomes much, the attempt waits.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use segno::StreamError;
use segno::native::StreamSink;
use tokio::sync::Notify;

/// How many bytes of an attempt may wait for their way to the disk.
const ROOM: usize = 256 << 10;

/// How many bytes a piece counts for besides its own.
const PIECE: usize = 64;

/// A chunk of a stream, or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The name of the stream.
    pub stream: String,
    /// The chunk; none where the stream is closed.
    pub chunk: Option<Vec<u8>>,
}

impl Piece {
    fn size(&self) -> usize {
        PIECE + self.stream.len() + self.chunk.as_ref().map_or(0, Vec::len)
    }
}

/// The streams that took nothing, by their names, and why.
pub type Refused = BTreeMap<String, StreamError>;

/// Is given what an attempt writes, in order.
pub type Writes = Box<dyn Fn(Vec<Piece>, Written) + Send + Sync>;

/// Hears when something that an attempt wrote is on disk. Where this is dropped instead, it never will be.
pub struct Written(Option<Landed>);

/// What becomes of something that was on its way.
type Landed = Box<dyn FnOnce(Result<Refused, StreamError>) + Send>;

impl Written {
    /// This hears of it.
    pub(super) fn new(landed: impl FnOnce(Result<Refused, StreamError>) + Send + 'static) -> Self {
        Self(Some(Box::new(landed)))
    }

    /// It is on disk, but for what these streams did not take.
    pub fn done(mut self, refused: Refused) {
        if let Some(landed) = self.0.take() {
            landed(Ok(refused));
        }
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Some(landed) = self.0.take() {
            landed(Err(StreamError::Over));
        }
    }
}

/// What one attempt writes to the streams of its run.
pub(super) struct AttemptStreams {
    state: Mutex<State>,
    changed: Notify,
    writes: Writes,
}

#[derive(Default)]
struct State {
    waiting: Vec<Piece>,
    bytes: usize,
    is_on_its_way: bool,
    /// How many pieces were taken, and how many of them have landed.
    taken: u64,
    landed: u64,
    refused: Refused,
    /// What was refused or lost, as long as the body was not told so; not that a stream is closed.
    untold: Vec<StreamError>,
    /// Nothing is taken any more.
    is_over: bool,
    /// The body has ended: whoever is told something now is not the body.
    has_ended: bool,
}

impl State {
    /// Why nothing can be written to a stream any more, of which the attempt then knows.
    fn trouble(&mut self, stream: &str) -> Result<(), StreamError> {
        let error = self.refused.get(stream).cloned();
        let error = error.or_else(|| self.is_over.then_some(StreamError::Over));
        match error {
            Some(error) => {
                if !self.has_ended {
                    self.untold.retain(|untold| *untold != error);
                }
                Err(error)
            }
            None => Ok(()),
        }
    }
}

impl AttemptStreams {
    /// An attempt begins.
    pub(super) fn begin(writes: Writes) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: Notify::new(), writes })
    }

    /// The body has ended: nothing is taken any more, also of tasks that it left behind. Returns when all that was
    /// taken is on disk.
    ///
    /// # Errors
    ///
    /// Some of it is not, and the body was not told so. That a stream is closed is no error here: what comes then
    /// is dropped.
    pub(super) async fn end(self: &Arc<Self>) -> Result<(), StreamError> {
        {
            let mut state = self.state.lock();
            (state.is_over, state.has_ended) = (true, true);
        }
        self.until(|state| (state.landed == state.taken).then_some(())).await;
        self.state.lock().untold.pop().map_or(Ok(()), Err)
    }

    /// Sends what waits, unless something is on its way.
    fn send(self: &Arc<Self>) {
        let pieces = {
            let mut state = self.state.lock();
            if state.is_on_its_way || state.waiting.is_empty() {
                return;
            }
            state.is_on_its_way = true;
            state.bytes = 0;
            std::mem::take(&mut state.waiting)
        };
        let streams = Arc::downgrade(self);
        let landed = move |landed| {
            // An attempt that is cut off hears nothing any more.
            if let Some(streams) = streams.upgrade() {
                streams.landed(landed);
            }
        };
        (self.writes)(pieces, Written::new(landed));
    }

    /// What was on its way has come, or never will.
    fn landed(self: &Arc<Self>, landed: Result<Refused, StreamError>) {
        {
            let mut state = self.state.lock();
            state.is_on_its_way = false;
            state.landed = state.taken - state.waiting.len() as u64;
            match landed {
                Ok(refused) => {
                    let is_closed = |error: &&StreamError| matches!(error, StreamError::Closed(_));
                    let untold = refused.values().filter(|error| !is_closed(error)).cloned();
                    state.untold.extend(untold);
                    state.refused.extend(refused);
                }
                Err(over) => {
                    (state.is_over, state.waiting, state.landed) = (true, Vec::new(), state.taken);
                    state.untold.push(over);
                }
            }
        }
        self.send();
        self.changed.notify_waiters();
    }

    /// Waits until this gives something.
    fn until<T>(
        self: &Arc<Self>,
        mut look: impl FnMut(&mut State) -> Option<T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let streams = Arc::clone(self);
        async move {
            loop {
                let changed = streams.changed.notified();
                if let Some(found) = look(&mut streams.state.lock()) {
                    return found;
                }
                changed.await;
            }
        }
    }
}

/// The streams of an attempt, as its body has them.
pub(super) struct Sink(pub(super) Arc<AttemptStreams>);

impl StreamSink for Sink {
    fn write(
        &self,
        stream: &str,
        chunk: Option<Vec<u8>>,
    ) -> BoxFuture<'static, Result<(), StreamError>> {
        let streams = Arc::clone(&self.0);
        let mut piece = Some(Piece { stream: stream.to_owned(), chunk });
        let taken = self.0.until(move |state| {
            let size = piece.as_ref()?.size();
            if let Err(error) = state.trouble(&piece.as_ref()?.stream) {
                return Some(Err(error));
            }
            if !state.waiting.is_empty() && state.bytes + size > ROOM {
                return None;
            }
            state.bytes += size;
            state.taken += 1;
            state.waiting.extend(piece.take());
            Some(Ok(()))
        });
        async move {
            taken.await?;
            streams.send();
            Ok(())
        }
        .boxed()
    }

    fn flush(&self, stream: &str) -> BoxFuture<'static, Result<(), StreamError>> {
        let stream = stream.to_owned();
        // What others write meanwhile is not waited for.
        let taken = self.0.state.lock().taken;
        self.0
            .until(move |state| match state.trouble(&stream) {
                Err(error) => Some(Err(error)),
                Ok(()) => (state.landed >= taken).then_some(Ok(())),
            })
            .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Sent = Arc<Mutex<Vec<(Vec<Piece>, Written)>>>;

    fn streams() -> (Arc<AttemptStreams>, Sent) {
        let sent = Sent::default();
        let told = Arc::clone(&sent);
        let writes = Box::new(move |pieces, written| told.lock().push((pieces, written)));
        (AttemptStreams::begin(writes), sent)
    }

    fn write(
        streams: &Arc<AttemptStreams>,
        chunk: &[u8],
    ) -> BoxFuture<'static, Result<(), StreamError>> {
        Sink(Arc::clone(streams)).write("s", Some(chunk.to_vec()))
    }

    fn texts(pieces: &[Piece]) -> Vec<&[u8]> {
        pieces.iter().filter_map(|piece| piece.chunk.as_deref()).collect()
    }

    #[test]
    fn what_is_written_while_something_is_on_its_way_goes_with_the_next() {
        let (streams, sent) = streams();
        for chunk in [b"a", b"b", b"c"] {
            assert_eq!(write(&streams, chunk).now_or_never(), Some(Ok(())));
        }
        let mut flush = Sink(Arc::clone(&streams)).flush("s");
        let (first, written) = sent.lock().pop().expect("the first is sent at once");
        assert_eq!(texts(&first), [b"a"]);
        assert!(sent.lock().is_empty() && (&mut flush).now_or_never().is_none());
        written.done(Refused::new());
        let (second, written) = sent.lock().pop().expect("then all that waits");
        assert_eq!(texts(&second), [b"b", b"c"]);
        written.done(Refused::new());
        assert_eq!(flush.now_or_never(), Some(Ok(())));
    }

    #[test]
    fn who_writes_faster_than_the_disk_waits() {
        let (streams, sent) = streams();
        let large = vec![0; ROOM / 2];
        assert_eq!(write(&streams, &large).now_or_never(), Some(Ok(())));
        assert_eq!(write(&streams, &large).now_or_never(), Some(Ok(())));
        let mut third = write(&streams, &large);
        assert_eq!((&mut third).now_or_never(), None);
        let (_, written) = sent.lock().pop().expect("the first is on its way");
        written.done(Refused::new());
        assert_eq!(third.now_or_never(), Some(Ok(())));
    }

    #[test]
    fn a_stream_that_is_closed_says_so_and_the_others_go_on() {
        let (streams, sent) = streams();
        assert_eq!(write(&streams, b"a").now_or_never(), Some(Ok(())));
        let (_, written) = sent.lock().pop().expect("it is on its way");
        let closed = StreamError::Closed("s".into());
        written.done([("s".to_owned(), closed.clone())].into());
        assert_eq!(write(&streams, b"b").now_or_never(), Some(Err(closed)));
        let other = Sink(Arc::clone(&streams)).write("other", None);
        assert_eq!(other.now_or_never(), Some(Ok(())));
    }

    #[test]
    fn where_nobody_writes_any_more_who_waits_is_told() {
        let (streams, sent) = streams();
        assert_eq!(write(&streams, b"a").now_or_never(), Some(Ok(())));
        let flush = Sink(Arc::clone(&streams)).flush("s");
        sent.lock().clear();
        assert_eq!(flush.now_or_never(), Some(Err(StreamError::Over)));
        assert_eq!(write(&streams, b"b").now_or_never(), Some(Err(StreamError::Over)));
        assert_eq!(streams.end().now_or_never(), Some(Ok(())), "the body knows");
    }

    #[test]
    fn what_was_taken_and_is_lost_is_told_at_the_end_at_the_latest() {
        let (streams, sent) = streams();
        assert_eq!(write(&streams, b"a").now_or_never(), Some(Ok(())));
        let (_, written) = sent.lock().pop().expect("it is on its way");
        let many = StreamError::TooMany("s".into());
        let closed = StreamError::Closed("a".into());
        written.done([("a".to_owned(), closed), ("s".to_owned(), many.clone())].into());
        assert_eq!(streams.end().now_or_never(), Some(Err(many)));
    }

    #[test]
    fn a_task_that_is_left_behind_keeps_no_attempt_from_its_end_and_no_flush_from_its_own() {
        let (streams, sent) = streams();
        let land = || {
            let (_, written) = sent.lock().pop().expect("it is on its way");
            written.done(Refused::new());
        };
        assert_eq!(write(&streams, b"a").now_or_never(), Some(Ok(())));
        let flush = Sink(Arc::clone(&streams)).flush("s");
        let others = Sink(Arc::clone(&streams)).write("other", Some(vec![1]));
        assert_eq!(others.now_or_never(), Some(Ok(())));
        land();
        assert_eq!(flush.now_or_never(), Some(Ok(())));
        let mut end = Box::pin(streams.end());
        assert_eq!((&mut end).now_or_never(), None);
        assert_eq!(write(&streams, b"late").now_or_never(), Some(Err(StreamError::Over)));
        land();
        assert_eq!(end.now_or_never(), Some(Ok(())));
    }
}

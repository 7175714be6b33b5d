//! Who reads along with the streams of runs: they are told that there may be more, and look.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use segno_journal::RunId;
use tokio::sync::{Semaphore, watch};

use crate::engine::error::EngineError;
use crate::engine::inbox::Place;

/// How many read streams at once. Each may hold some hundred kilobytes that its client has not taken.
const MAX_READERS: usize = 1_000;

/// Those who read along. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Readers {
    open: Arc<Mutex<Open>>,
    places: Arc<Semaphore>,
}

impl Default for Readers {
    fn default() -> Self {
        Self { open: Arc::default(), places: Arc::new(Semaphore::new(MAX_READERS)) }
    }
}

#[derive(Default)]
struct Open {
    of_runs: BTreeMap<RunId, watch::Sender<()>>,
    /// The host stops: who comes now is let go at once.
    closed: bool,
}

/// One who reads along with streams of a run.
pub(crate) struct Reader {
    run: RunId,
    /// Until it goes.
    news: Option<watch::Receiver<()>>,
    readers: Readers,
}

impl Readers {
    /// A place to read a stream, whether or not along with its run.
    pub(crate) fn place(&self) -> Result<Place, EngineError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map(Place::of).map_err(|_none| EngineError::NoRoomToWait)
    }

    /// Reads along with the streams of a run from now on.
    pub(crate) fn begin(&self, run: RunId) -> Reader {
        let mut open = self.open.lock();
        let news = match open.closed {
            true => watch::Sender::new(()).subscribe(),
            false => open.of_runs.entry(run).or_default().subscribe(),
        };
        Reader { run, news: Some(news), readers: self.clone() }
    }

    /// There may be more in the streams of a run; or it has ended, and there will not.
    pub(super) fn tell(&self, run: RunId) {
        if let Some(readers) = self.open.lock().of_runs.get(&run) {
            readers.send_replace(());
        }
    }

    /// Lets everybody go, and who comes later: the host stops.
    pub(crate) fn let_all_go(&self) {
        let mut open = self.open.lock();
        open.closed = true;
        open.of_runs.clear();
    }
}

impl Reader {
    /// From now on only what comes later is news. Before whoever reads looks at the disk: nothing can come unheard
    /// in between.
    pub(crate) fn look(&mut self) {
        self.news.iter_mut().for_each(watch::Receiver::mark_unchanged);
    }

    /// Waits until there may be more. False where the host stops.
    pub(crate) async fn more(&mut self) -> bool {
        match &mut self.news {
            Some(news) => news.changed().await.is_ok(),
            None => false,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut open = self.readers.open.lock();
        // Of two that go at once, the second finds that nobody is left.
        drop(self.news.take());
        if open.of_runs.get(&self.run).is_some_and(|readers| readers.receiver_count() == 0) {
            open.of_runs.remove(&self.run);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use segno_journal::Timestamp;

    use super::*;

    #[test]
    fn who_reads_along_hears_of_its_run_and_leaves_nothing_behind() {
        let [run, other] = [1, 2].map(|number| RunId::from_parts(Timestamp(1), number));
        let readers = Readers::default();
        let (mut one, mut two) = (readers.begin(run), readers.begin(run));
        readers.tell(other);
        assert_eq!(one.more().now_or_never(), None);
        readers.tell(run);
        assert_eq!(one.more().now_or_never(), Some(true));
        two.look();
        assert_eq!(two.more().now_or_never(), None);
        drop((one, two));
        assert!(readers.open.lock().of_runs.is_empty());
    }

    #[test]
    fn a_host_that_stops_lets_readers_go() {
        let run = RunId::from_parts(Timestamp(1), 1);
        let readers = Readers::default();
        let mut before = readers.begin(run);
        readers.let_all_go();
        let mut after = readers.begin(run);
        assert_eq!(
            (before.more().now_or_never(), after.more().now_or_never()),
            (Some(false), Some(false))
        );
    }
}

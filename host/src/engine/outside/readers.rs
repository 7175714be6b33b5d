//! Who reads along with the streams of runs: they are told that there may be more, and look.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use segno_journal::RunId;
use tokio::sync::watch;

/// Those who read along. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Readers(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    of_runs: BTreeMap<RunId, watch::Sender<()>>,
    /// The host stops: who comes now is let go at once.
    closed: bool,
}

/// One who reads along with streams of a run.
pub(crate) struct Reader {
    run: RunId,
    news: watch::Receiver<()>,
    readers: Readers,
}

impl Readers {
    /// Reads along with the streams of a run from now on.
    pub(crate) fn begin(&self, run: RunId) -> Reader {
        let mut open = self.0.lock();
        let news = match open.closed {
            true => watch::Sender::new(()).subscribe(),
            false => open.of_runs.entry(run).or_default().subscribe(),
        };
        Reader { run, news, readers: self.clone() }
    }

    /// There may be more in the streams of a run; or it has ended, and there will not.
    pub(super) fn tell(&self, run: RunId) {
        if let Some(readers) = self.0.lock().of_runs.get(&run) {
            readers.send_replace(());
        }
    }

    /// Lets everybody go, and who comes later: the host stops.
    pub(crate) fn let_all_go(&self) {
        let mut open = self.0.lock();
        open.closed = true;
        open.of_runs.clear();
    }
}

impl Reader {
    /// From now on only what comes later is news. Before whoever reads looks at the disk: nothing can come unheard
    /// in between.
    pub(crate) fn look(&mut self) {
        self.news.mark_unchanged();
    }

    /// Waits until there may be more. False where the host stops.
    pub(crate) async fn more(&mut self) -> bool {
        self.news.changed().await.is_ok()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut open = self.readers.0.lock();
        // This one still counts.
        if open.of_runs.get(&self.run).is_some_and(|readers| readers.receiver_count() <= 1) {
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
        assert!(readers.0.lock().of_runs.is_empty());
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

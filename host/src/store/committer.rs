//! The one thread that writes: it takes all drafts that wait, writes them in one transaction, and
//! then lets each of them go on. Under load the batches grow by themselves; alone, a draft is a
//! batch of one.

use std::sync::mpsc::{Receiver, SendError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crate::store::Store;
use crate::store::by_hand::ByHand;
use crate::store::draft::{Committed, Draft, Rows};
use crate::store::error::StoreError;
use crate::store::write::write;

/// How many drafts may wait. A full line holds back the shards, and they the doors.
const QUEUE: usize = 8_192;

/// How many drafts one transaction takes at most: enough to share the fsync among many, few enough
/// that none waits long.
const BATCH: usize = 4_096;

/// Where drafts are handed in. Cheap to clone; the thread ends when it is told to or the last one is dropped.
#[derive(Clone)]
pub struct Committer {
    line: Line,
    broken: Arc<OnceLock<StoreError>>,
}

/// Where drafts wait.
#[derive(Clone)]
enum Line {
    /// For the thread that writes.
    Thread(SyncSender<Order>),
    /// For somebody who says when they are written.
    ByHand(ByHand),
}

/// What the thread is told.
enum Order {
    Write(Pending),
    Stop,
}

/// A draft, and what is to happen when it is on disk or cannot be.
pub(super) struct Pending {
    rows: Rows,
    pub(super) then: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

impl Committer {
    /// Starts the thread that writes to this store.
    #[must_use]
    pub fn start(store: Store) -> (Self, JoinHandle<()>) {
        Self::start_counted(store, |_drafts| {})
    }

    /// As [`Committer::start`]; `committed` is told after each commit how many drafts it had.
    #[must_use]
    pub fn start_counted(store: Store, committed: impl Fn(usize) + Send + 'static) -> (Self, JoinHandle<()>) {
        let (queue, orders) = sync_channel(QUEUE);
        let broken = Arc::default();
        let seen_broken = Arc::clone(&broken);
        let thread = std::thread::Builder::new()
            .name("segno-committer".into())
            .spawn(move || {
                let _guard = PanicGuard(Arc::clone(&seen_broken));
                run(&store, &orders, &seen_broken, &committed);
            })
            .expect("the system has a thread for the committer when the host starts");
        (Self { line: Line::Thread(queue), broken }, thread)
    }

    /// A committer without a thread, for a host on one thread: drafts wait until somebody moves the
    /// line. Only [`Committer::flush`] writes by itself, in the place of the thread that it would wait
    /// for.
    #[must_use]
    pub fn by_hand(store: Store) -> (Self, ByHand) {
        let broken = Arc::default();
        let line = ByHand::new(store, Arc::clone(&broken));
        (Self { line: Line::ByHand(line.clone()), broken }, line)
    }

    /// Hands in a draft. `then` is called on the committing thread once the draft is on disk, or
    /// with the reason why it is not and never will be; it must not wait for anything.
    pub fn submit<T: Send + 'static>(
        &self,
        draft: Draft<T>,
        then: impl FnOnce(Result<Committed<T>, StoreError>) + Send + 'static,
    ) {
        let Draft { thing, rows } = draft;
        let then = Box::new(move |written: Result<(), StoreError>| {
            then(written.map(|()| Committed::new(thing)));
        });
        let pending = Pending { rows, then };
        match &self.line {
            Line::Thread(queue) => {
                if let Err(SendError(Order::Write(refused))) = queue.send(Order::Write(pending)) {
                    (refused.then)(Err(StoreError::Closed));
                }
            }
            Line::ByHand(line) => line.push(pending),
        }
    }

    /// What says that the host is in trouble when the thread that holds it panics.
    #[must_use]
    pub fn panic_guard(&self) -> PanicGuard {
        PanicGuard(Arc::clone(&self.broken))
    }

    /// Nothing more is to be written: what is missing elsewhere makes it wrong.
    pub fn give_up(&self, error: StoreError) {
        give_up(&self.broken, error);
    }

    /// Ends the thread when all that was handed in before is on disk. What comes later is refused.
    pub fn stop(&self) {
        if let Line::Thread(queue) = &self.line {
            // A thread that is gone has stopped.
            let _gone = queue.send(Order::Stop);
        }
    }

    /// Waits until all that was handed in before is on disk. Blocks the thread: not for the async
    /// runtime.
    ///
    /// # Errors
    ///
    /// Why it is not, and never will be.
    pub fn flush(&self) -> Result<(), StoreError> {
        let (done, wait) = sync_channel(1);
        self.submit(Draft::nothing(), move |written| {
            // The one who waits is there: it does nothing else.
            let _heard = done.send(written.map(drop));
        });
        if let Line::ByHand(line) = &self.line {
            line.flush();
        }
        wait.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Why nothing can be written any more, if that is so.
    #[must_use]
    pub fn trouble(&self) -> Option<&StoreError> {
        self.broken.get()
    }
}

/// Writes batch after batch. After the first failure nothing more is written: what follows may
/// depend on what is missing, so the store must be opened again.
fn run(store: &Store, orders: &Receiver<Order>, broken: &OnceLock<StoreError>, committed: &dyn Fn(usize)) {
    loop {
        let (batch, stop) = next_batch(orders);
        let written = write_unless_broken(store, &batch, broken, committed);
        for pending in batch {
            (pending.then)(written.clone());
        }
        if stop {
            return;
        }
    }
}

/// Writes a batch, unless an earlier one could not be written.
pub(super) fn write_unless_broken(
    store: &Store,
    batch: &[Pending],
    broken: &OnceLock<StoreError>,
    committed: &dyn Fn(usize),
) -> Result<(), StoreError> {
    let written = match broken.get() {
        None => write(store, batch.iter().map(|pending| &pending.rows), committed),
        Some(error) => Err(error.clone()),
    };
    if let Err(error) = &written {
        give_up(broken, error.clone());
    }
    written
}

fn give_up(broken: &OnceLock<StoreError>, error: StoreError) {
    let shown = error.to_string();
    if broken.set(error).is_ok() {
        tracing::error!(error = shown, "the host takes no more work until the store is opened again");
    }
}

/// Says that the host is in trouble when its thread panics.
pub struct PanicGuard(Arc<OnceLock<StoreError>>);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            give_up(&self.0, StoreError::Panicked);
        }
    }
}

/// Waits for a draft, and takes with it what waits already. True if nothing more is to come.
fn next_batch(orders: &Receiver<Order>) -> (Vec<Pending>, bool) {
    let mut batch = Vec::new();
    let mut next = orders.recv().ok();
    loop {
        match next {
            Some(Order::Write(pending)) => batch.push(pending),
            // All who could hand in a draft are gone, or somebody said so.
            Some(Order::Stop) | None => return (batch, true),
        }
        if batch.len() == BATCH {
            return (batch, false);
        }
        match orders.try_recv() {
            Ok(order) => next = Some(order),
            Err(TryRecvError::Empty) => return (batch, false),
            Err(TryRecvError::Disconnected) => next = None,
        }
    }
}

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
use crate::store::room::Room;
use crate::store::write::write;

/// How many drafts may wait. A full line holds back the shards, and they the doors.
const QUEUE: usize = 8_192;

/// How many drafts one transaction takes at most: enough to share the fsync among many, few enough
/// that none waits long.
const BATCH: usize = 4_096;

/// After how many bytes of drafts a transaction takes no more: those who wait for it are not to wait
/// for a whole line of large ones, and what it changes is held in memory until it is committed.
const BATCH_BYTES: usize = 32 << 20;

/// Where drafts are handed in. Cheap to clone; the thread ends when it is told to or the last one is dropped.
#[derive(Clone)]
pub struct Committer {
    line: Line,
    broken: Arc<OnceLock<StoreError>>,
}

/// Where drafts wait.
#[derive(Clone)]
enum Line {
    /// For the thread that writes, where there is room.
    Thread(SyncSender<Order>, Arc<Room>),
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
    /// How much room it takes while it waits.
    bytes: usize,
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
        let room = Arc::<Room>::default();
        let closing = Closing(Arc::clone(&room));
        let thread = std::thread::Builder::new()
            .name("segno-committer".into())
            .spawn(move || {
                let _guard = PanicGuard(Arc::clone(&seen_broken));
                run(&store, &orders, &seen_broken, &closing.0, &committed);
            })
            .expect("the system has a thread for the committer when the host starts");
        (Self { line: Line::Thread(queue, room), broken }, thread)
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

    /// Hands in a draft, and waits while the line is full. `then` is called on the committing thread
    /// once the draft is on disk, or with the reason why it is not and never will be; it must not wait
    /// for anything.
    pub fn submit<T: Send + 'static>(
        &self,
        draft: Draft<T>,
        then: impl FnOnce(Result<Committed<T>, StoreError>) + Send + 'static,
    ) {
        let Draft { thing, rows } = draft;
        let then = Box::new(move |written: Result<(), StoreError>| {
            then(written.map(|()| Committed::new(thing)));
        });
        let pending = Pending { bytes: rows.size(), rows, then };
        match &self.line {
            Line::Thread(queue, room) => {
                room.take(pending.bytes);
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
        if let Line::Thread(queue, _) = &self.line {
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
fn run(
    store: &Store,
    orders: &Receiver<Order>,
    broken: &OnceLock<StoreError>,
    room: &Room,
    committed: &dyn Fn(usize),
) {
    loop {
        let (batch, stop) = next_batch(orders);
        let bytes = batch.iter().map(|pending| pending.bytes).sum();
        let written = write_unless_broken(store, &batch, broken, committed);
        for pending in batch {
            (pending.then)(written.clone());
        }
        room.give_back(bytes);
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

/// Lets everybody go who waits for room, when the thread that gives it back is over, whyever.
struct Closing(Arc<Room>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Waits for a draft, and takes with it what waits already. True if nothing more is to come.
fn next_batch(orders: &Receiver<Order>) -> (Vec<Pending>, bool) {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    let mut next = orders.recv().ok();
    loop {
        match next {
            Some(Order::Write(pending)) => {
                bytes += pending.bytes;
                batch.push(pending);
            }
            // All who could hand in a draft are gone, or somebody said so.
            Some(Order::Stop) | None => return (batch, true),
        }
        if batch.len() == BATCH || bytes >= BATCH_BYTES {
            return (batch, false);
        }
        match orders.try_recv() {
            Ok(order) => next = Some(order),
            Err(TryRecvError::Empty) => return (batch, false),
            Err(TryRecvError::Disconnected) => next = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use redb::backends::InMemoryBackend;

    use super::*;

    /// A draft that takes this much room, or says so.
    fn draft(bytes: usize) -> Draft<()> {
        let mut draft = Draft::nothing();
        draft.rows.held = bytes;
        draft
    }

    #[test]
    fn a_full_line_holds_back_who_hands_in_a_draft_and_nobody_who_waits_for_the_disk() {
        let store = Store::open_on(InMemoryBackend::new()).expect("the store opens");
        let (committer, thread) = Committer::start(store);
        let (go_on, stalled) = channel::<()>();
        committer.submit(draft(0), move |_written| stalled.recv().expect("the test says so"));
        // More than all the room: it goes through, and nothing after it.
        committer.submit(draft(usize::MAX / 2), |written| assert!(written.is_ok()));
        let late = committer.clone();
        let late = std::thread::spawn(move || {
            late.submit(draft(1), |written| assert!(written.is_ok()));
            late.flush()
        });
        let Line::Thread(_, room) = &committer.line else { panic!("it has a thread") };
        while room.held_back() == 0 {
            assert!(!late.is_finished(), "it was not held back");
            std::thread::yield_now();
        }
        let (flushed, hears) = channel();
        committer.submit(Draft::nothing(), move |written| flushed.send(written.is_ok()).expect("heard"));
        go_on.send(()).expect("the committer listens");
        assert!(hears.recv().expect("the committer answers"));
        assert!(late.join().expect("it was let go").is_ok());
        committer.stop();
        thread.join().expect("the committer stops");
        // The line is closed, however full: nobody waits.
        committer.submit(draft(usize::MAX / 2), |written| assert!(written.is_err()));
        committer.submit(draft(1), |written| assert!(written.is_err()));
    }

    #[test]
    fn a_transaction_takes_no_more_than_its_bytes() {
        let (queue, orders) = sync_channel(10);
        for bytes in [1, BATCH_BYTES - 2, 1, 1, BATCH_BYTES * 2, 1] {
            let pending = Pending { rows: Rows::default(), bytes, then: Box::new(|_written| {}) };
            queue.send(Order::Write(pending)).expect("there is room");
        }
        drop(queue);
        let batches = std::iter::repeat_with(|| next_batch(&orders)).take(3);
        let batches: Vec<_> = batches.map(|(batch, is_last)| (batch.len(), is_last)).collect();
        assert_eq!(batches, [(3, false), (2, false), (1, true)]);
    }
}

//! Writing what waits in the queue: all drafts that wait, in one transaction, and then each of them
//! goes on. Under load the batches grow by themselves; alone, a draft is a batch of one.
//!
//! One thread writes. But waking it takes as long as a third of a commit, so a shard that has nothing
//! else to do writes a draft that is alone in the queue by itself.

mod queue;
pub(in crate::store) mod simulated;
pub(in crate::store) mod trouble;
pub(in crate::store) mod write;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::store::commit::queue::{Batch, Pending, Queue};
use crate::store::commit::simulated::SimulatedQueue;
use crate::store::commit::trouble::{PanicGuard, Trouble, write_unless_broken};
use crate::store::commit::write::Committing;
use crate::store::draft::{Committed, Draft};
use crate::store::error::StoreError;
use crate::store::handle::Store;

/// Where drafts are handed in. Cheap to clone; the thread ends when it is told to or the last one is dropped.
#[derive(Clone)]
pub struct Committer {
    way: Way,
    trouble: Arc<Trouble>,
    /// Who hands in wakes the thread itself.
    is_deferred: bool,
}

/// The way from a draft to the disk.
#[derive(Clone)]
enum Way {
    /// In the queue of the thread that writes.
    Thread(Arc<Handle>),
    /// In the queue of somebody who says when they are written.
    Simulated(SimulatedQueue),
    /// Nowhere: none is written.
    Nowhere,
}

/// The queue, as those hold it who hand in; closed with the last of them.
struct Handle(Arc<Writer>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.queue.close();
    }
}

/// What whoever writes needs.
struct Writer {
    queue: Queue,
    store: Store,
    trouble: Arc<Trouble>,
    committed: Box<Committing>,
}

impl Committer {
    /// Starts the thread that writes to this store.
    ///
    /// # Errors
    ///
    /// The system has no thread for it.
    pub fn start(store: Store) -> io::Result<(Self, JoinHandle<()>)> {
        Self::start_counted(store, |_drafts, _took| {})
    }

    /// As [`Committer::start`]; `committed` is told after each commit how many drafts it had and how
    /// long it took.
    ///
    /// # Errors
    ///
    /// As [`Committer::start`].
    pub fn start_counted(
        store: Store,
        committed: impl Fn(usize, Duration) + Send + Sync + 'static,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let trouble = Arc::<Trouble>::default();
        let queue = Queue::default();
        let committed = Box::new(committed);
        let writer = Arc::new(Writer { queue, store, trouble: Arc::clone(&trouble), committed });
        let handle = Arc::new(Handle(Arc::clone(&writer)));
        let thread =
            std::thread::Builder::new().name("segno-committer".into()).spawn(move || {
                let _ending = Ending(&writer.queue);
                while let Some(batch) = writer.queue.take() {
                    writer.write(batch);
                }
            })?;
        Ok((Self { way: Way::Thread(handle), trouble, is_deferred: false }, thread))
    }

    /// A committer without a thread, for a host on one thread: drafts wait until somebody moves the
    /// queue. Only [`Committer::flush`] writes by itself, in the place of the thread that it would wait
    /// for.
    #[must_use]
    pub fn simulated(store: Store) -> (Self, SimulatedQueue) {
        let trouble = Arc::default();
        let queue = SimulatedQueue::new(store, Arc::clone(&trouble));
        (Self { way: Way::Simulated(queue.clone()), trouble, is_deferred: false }, queue)
    }

    /// The same queue for a thread that does one thing after the other: what it hands in need not be
    /// written until it calls [`Committer::wake`] or [`Committer::write_alone`].
    #[must_use]
    pub(crate) fn deferred(self) -> Self {
        Self { is_deferred: true, ..self }
    }

    /// The same for who is to write nothing any more: all that it hands in is refused.
    #[must_use]
    pub(crate) fn silenced(self) -> Self {
        Self { way: Way::Nowhere, ..self }
    }

    /// Hands in a draft, and waits while the queue is full. `then` is called on the thread that writes
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
        match &self.way {
            Way::Thread(handle) => {
                if let Err(refused) = handle.0.queue.push(pending) {
                    return (refused.then)(Err(StoreError::Closed));
                }
                if !self.is_deferred {
                    handle.0.queue.wake();
                }
            }
            Way::Simulated(queue) => queue.push(pending),
            Way::Nowhere => (pending.then)(Err(StoreError::Closed)),
        }
    }

    /// Wakes the thread for what was handed in: who did has more to do.
    pub(crate) fn wake(&self) {
        if let Way::Thread(handle) = &self.way {
            handle.0.queue.wake();
        }
    }

    /// Writes what was handed in, here and now, if it is alone in the queue; or wakes the thread for it.
    /// For a thread that has nothing else to do.
    pub(crate) fn write_alone(&self) {
        if let Way::Thread(handle) = &self.way
            && let Some(batch) = handle.0.queue.take_alone()
        {
            handle.0.write(batch);
        }
    }

    /// What says that the host is in trouble when the thread that holds it panics.
    #[must_use]
    pub fn panic_guard(&self) -> PanicGuard {
        PanicGuard::new(Arc::clone(&self.trouble))
    }

    /// Nothing more is to be written: what is missing elsewhere makes it wrong.
    pub fn give_up(&self, error: StoreError) {
        self.trouble.give_up(error);
    }

    /// Ends the thread when all that was handed in before is on disk. What comes later is refused.
    pub fn stop(&self) {
        if let Way::Thread(handle) = &self.way {
            handle.0.queue.close();
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
        match &self.way {
            Way::Thread(handle) => handle.0.queue.wake(),
            Way::Simulated(queue) => queue.flush(),
            Way::Nowhere => {}
        }
        wait.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// How many are held back because the queue is full.
    #[cfg(test)]
    pub(crate) fn held_back(&self) -> usize {
        match &self.way {
            Way::Thread(handle) => handle.0.queue.held_back(),
            Way::Simulated(_) | Way::Nowhere => 0,
        }
    }

    /// Why nothing can be written any more, if that is so.
    #[must_use]
    pub fn trouble(&self) -> Option<&StoreError> {
        self.trouble.get()
    }

    /// Why nothing can be written any more, as soon as that is so. For one who waits at a time.
    pub(crate) async fn fails(&self) -> &StoreError {
        self.trouble.wait().await
    }
}

impl Writer {
    /// Writes a batch, and lets its drafts go on before anybody writes the next one. After the first
    /// failure nothing more is written: what follows may depend on what is missing, so the store must
    /// be opened again.
    fn write(&self, mut batch: Batch<'_>) {
        // Dropped before the batch is: nobody writes on after a panic here.
        let _guard = PanicGuard::new(Arc::clone(&self.trouble));
        let written =
            write_unless_broken(&self.store, &batch.drafts, &self.trouble, &self.committed);
        for pending in batch.drafts.drain(..) {
            pending.go_on(written.clone());
        }
    }
}

/// Lets everybody go who waits, when the thread that writes is over, whyever.
struct Ending<'a>(&'a Queue);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn in_memory() -> (Committer, JoinHandle<()>) {
        let store = Store::in_memory().expect("the store opens");
        Committer::start(store).expect("there is a thread")
    }

    /// A draft that takes this much room, or says so.
    fn draft(bytes: usize) -> Draft<()> {
        let mut draft = Draft::nothing();
        draft.rows.held = bytes;
        draft
    }

    fn queue(committer: &Committer) -> &Queue {
        let Way::Thread(handle) = &committer.way else { panic!("it has a thread") };
        &handle.0.queue
    }

    #[test]
    fn a_full_queue_holds_back_who_hands_in_a_draft_and_nobody_who_waits_for_the_disk() {
        let (committer, thread) = in_memory();
        let (go_on, stalled) = channel::<()>();
        committer.submit(draft(0), move |_written| stalled.recv().expect("the test says so"));
        // More than all the room: it goes through, and nothing after it.
        committer.submit(draft(usize::MAX / 2), |written| assert!(written.is_ok()));
        let late = committer.clone();
        let late = std::thread::spawn(move || {
            late.submit(draft(1), |written| assert!(written.is_ok()));
            late.flush()
        });
        while queue(&committer).held_back() == 0 {
            assert!(!late.is_finished(), "it was not held back");
            std::thread::yield_now();
        }
        let (flushed, hears) = channel();
        committer
            .submit(Draft::nothing(), move |written| flushed.send(written.is_ok()).expect("heard"));
        go_on.send(()).expect("the committer listens");
        assert!(hears.recv().expect("the committer answers"));
        assert!(late.join().expect("it was let go").is_ok());
        committer.stop();
        thread.join().expect("the committer stops");
        // The queue is closed, however full: nobody waits.
        committer.submit(draft(usize::MAX / 2), |written| assert!(written.is_err()));
        committer.submit(draft(1), |written| assert!(written.is_err()));
    }

    #[test]
    fn a_draft_that_is_alone_is_written_by_who_handed_it_in() {
        let (committer, _thread) = in_memory();
        let (written, hears) = channel();
        let deferred = committer.deferred();
        deferred
            .submit(draft(0), move |_| written.send(std::thread::current().id()).expect("heard"));
        assert!(hears.try_recv().is_err(), "nobody was told to write");
        deferred.write_alone();
        assert_eq!(hears.try_recv(), Ok(std::thread::current().id()));
    }

    #[test]
    fn drafts_that_are_not_alone_are_written_by_the_thread_in_their_order() {
        let (committer, thread) = in_memory();
        let deferred = committer.deferred();
        let (written, hears) = channel();
        for number in 0..3 {
            let written = written.clone();
            let then = move |_| written.send((number, std::thread::current().id())).expect("heard");
            deferred.submit(draft(0), then);
        }
        deferred.write_alone();
        let of_thread = thread.thread().id();
        let heard: Vec<_> = hears.iter().take(3).collect();
        assert_eq!(heard, [(0, of_thread), (1, of_thread), (2, of_thread)]);
    }

    #[test]
    fn what_is_handed_in_while_somebody_writes_is_written_by_the_thread_after_it() {
        let (committer, _thread) = in_memory();
        let deferred = committer.clone().deferred();
        let other = committer.deferred();
        let (written, hears) = channel();
        let late = written.clone();
        deferred.submit(draft(0), move |_| {
            // As another shard does, which then has nothing else to do.
            other.submit(draft(0), move |_| late.send("late").expect("heard"));
            other.write_alone();
            written.send("early").expect("heard");
        });
        deferred.write_alone();
        assert_eq!(hears.iter().take(2).collect::<Vec<_>>(), ["early", "late"]);
    }

    #[test]
    fn after_a_panic_of_who_writes_nothing_is_written_any_more() {
        let (committer, _thread) = in_memory();
        let deferred = committer.clone().deferred();
        let shard = std::thread::spawn(move || {
            deferred.submit(draft(0), |_| panic!("as a defect would"));
            deferred.write_alone();
        });
        shard.join().expect_err("it panicked");
        assert!(matches!(committer.flush(), Err(StoreError::Panicked)));
    }
}

//! The one root future of a run, and the flag that says whether it was woken.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::types::Failure;

/// A workflow under way: its output as JSON, or its error.
pub type WorkflowFuture = Pin<Box<dyn Future<Output = Result<String, Failure>>>>;

/// The root future. It is polled only while it is woken, so that what wakes one of ten thousand
/// operations costs one poll of that one.
pub(crate) struct Task {
    workflow: WorkflowFuture,
    woken: Arc<Flag>,
    waker: Waker,
}

impl Task {
    /// A task that wants its first poll.
    pub(crate) fn new(workflow: WorkflowFuture) -> Self {
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        Self { workflow, woken, waker }
    }

    /// Whether it was woken since the last time that anyone asked.
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.0.swap(false, Ordering::Relaxed)
    }

    /// Polls the workflow once.
    pub(crate) fn poll(&mut self) -> Poll<Result<String, Failure>> {
        let mut context = Context::from_waker(&self.waker);
        self.workflow.as_mut().poll(&mut context)
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

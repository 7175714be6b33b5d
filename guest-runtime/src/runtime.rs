//! The executor: one workflow, its operations, and what the host delivers to them.
//!
//! An event comes in, the workflow is polled until it waits, a verdict goes out. The runtime
//! asks its [`Host`] for operations and never knows who that is: on wasm the imports of the
//! component, in tests a fake. It has no clock, no thread and no I/O of its own, and all its state
//! lies in memory, so that an image of the memory is an image of the run.

mod inboxes;
mod unwinding;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::ending::Cleanup;
use crate::host::Host;
use crate::operations::{Operations, Slot};
use crate::task::{Task, WorkflowFuture};
use crate::types::{
    ClosePolicy, Event, Operation, QueryAnswer, Signal, Spawned, StepOptions, Verdict,
};

thread_local! {
    /// The run of this thread. A component has one thread and one run.
    static HERE: RefCell<Option<Rc<Runtime>>> = const { RefCell::new(None) };
}

/// What a workflow dropped, and its host is to be told.
enum GivenUp {
    /// A sleep that was not over.
    Sleep(Operation),
    /// A step that was not over, and is of no use without whoever dropped it.
    Step(Operation),
    /// An inbox that is of no use without whoever dropped it.
    Inbox(Operation),
    /// Something in an inbox that nobody can read any more.
    Unread(Operation),
    /// A shield that was not over.
    Shield(Operation),
}

/// One run.
pub struct Runtime {
    host: Box<dyn Host>,
    operations: RefCell<Operations>,
    /// What was dropped in this turn while it was under way, in the order of the drops.
    given_up: RefCell<Vec<GivenUp>>,
    /// The steps that were asked for by what is polled now, if it is to take them along when it is dropped.
    begun: RefCell<Option<Vec<Operation>>>,
    task: RefCell<Option<Task>>,
    /// Who answers queries: by number, each with its name.
    answerers: RefCell<Answerers>,
    cleanup: Cleanup,
    /// The webhooks and hooks that nobody can read any more, and that are open.
    left: RefCell<Vec<Operation>>,
}

/// Who answers a query: an input in JSON gives an output in JSON, or the reason why it does not fit.
type Answerer = Rc<dyn Fn(&str) -> Result<String, String>>;

/// Who answers queries, in the order in which they began to.
#[derive(Default)]
struct Answerers {
    last: u64,
    all: BTreeMap<u64, (String, Answerer)>,
}

impl Runtime {
    /// Makes this the run of the thread. Nothing runs yet.
    pub fn install(host: impl Host + 'static) {
        // What an earlier run of the thread holds is dropped while no run is here, so that it asks
        // nobody for anything.
        drop(HERE.take());
        let runtime = Self {
            host: Box::new(host),
            operations: RefCell::default(),
            given_up: RefCell::default(),
            begun: RefCell::default(),
            task: RefCell::default(),
            answerers: RefCell::default(),
            cleanup: Cleanup::default(),
            left: RefCell::default(),
        };
        HERE.set(Some(Rc::new(runtime)));
    }

    /// Whether this thread has a run.
    #[must_use]
    pub fn is_here() -> bool {
        HERE.with_borrow(Option::is_some)
    }

    /// The run of this thread.
    ///
    /// # Panics
    ///
    /// Where there is none: in code that runs outside a workflow.
    pub fn here<T>(use_it: impl FnOnce(&Self) -> T) -> T {
        use_it(&Self::current())
    }

    /// The same, and nothing where there is no run: for what is dropped late.
    pub(crate) fn if_here(use_it: impl FnOnce(&Self)) {
        if let Some(runtime) = Self::try_current() {
            use_it(&runtime);
        }
    }

    /// Stands once in a component, and not once for each use.
    #[inline(never)]
    fn current() -> Rc<Self> {
        Self::try_current().expect("this works in a workflow, and no workflow is running here")
    }

    /// The same. Where the thread is about to end there is no run either.
    #[inline(never)]
    fn try_current() -> Option<Rc<Self>> {
        HERE.try_with(|here| here.borrow().clone()).ok().flatten()
    }

    /// Runs a workflow until it waits or ends.
    pub fn start(&self, workflow: WorkflowFuture) -> Verdict {
        self.task.replace(Some(Task::new(workflow)));
        self.run()
    }

    /// Gives an event to its operation, a signal to whoever takes in its name, and runs the workflow until it waits again or ends. What
    /// belongs to an operation that the workflow dropped is ignored; the host hears that it does not lie
    /// untaken, lest what nobody can read fills what the run may have of it.
    pub fn deliver(&self, operation: Option<Operation>, event: Event) -> Verdict {
        let wakers = match (operation, &event) {
            (_, Event::Signalled(Signal { name, .. })) => {
                let name = name.clone();
                self.operations.borrow_mut().deliver_signal(&name, event)
            }
            (Some(operation), _) => {
                if event.is_taken() && !self.operations.borrow().is_open(operation) {
                    self.host.take(operation);
                }
                self.operations.borrow_mut().deliver(operation, event)
            }
            (None, Event::Cancelled(error)) => {
                self.cleanup.cancel(error.clone());
                Vec::new()
            }
            (None, _) => Vec::new(),
        };
        // A waker may run code of the author's, which may come back here.
        for waker in wakers {
            waker.wake();
        }
        self.run()
    }

    /// Asks whoever answers to a name, on a copy of the run.
    pub fn query(&self, name: &str, input: &str) -> QueryAnswer {
        let answerer = {
            let answerers = self.answerers.borrow();
            let mut named = answerers.all.values().rev().filter(|(known, _)| known == name);
            named.next().map(|(_, answerer)| Rc::clone(answerer))
        };
        match answerer.map(|answerer| answerer(input)) {
            Some(Ok(output)) => QueryAnswer::Answered(output),
            Some(Err(reason)) => QueryAnswer::Refused(reason),
            None => {
                let answerers = self.answerers.borrow();
                let names: BTreeSet<_> = answerers.all.values().map(|(name, _)| name).collect();
                QueryAnswer::Unknown(names.into_iter().cloned().collect())
            }
        }
    }

    /// From now on this answers to a name; gives its number.
    pub(crate) fn answer(&self, name: &str, answerer: Answerer) -> u64 {
        let mut answerers = self.answerers.borrow_mut();
        answerers.last += 1;
        let number = answerers.last;
        answerers.all.insert(number, (name.to_owned(), answerer));
        number
    }

    /// The one of this number answers no more.
    pub(crate) fn answer_no_more(&self, number: u64) {
        // What it held is dropped after the borrow: it may be anything of the author's.
        let answerer = self.answerers.borrow_mut().all.remove(&number);
        drop(answerer);
    }

    /// How many operations are open: asked for, and neither answered to their end nor dropped. A
    /// run of years keeps as many as it waits for.
    #[must_use]
    pub fn open_operations(&self) -> usize {
        self.operations.borrow().len()
    }

    /// How many names there are of which a signal lies here or is waited for.
    #[cfg(test)]
    pub(crate) fn names(&self) -> usize {
        self.operations.borrow().names()
    }

    /// Polls the workflow as long as it is woken, and what undoes it once it is over.
    fn run(&self) -> Verdict {
        // While it is polled the task is not in its place, for the poll may ask this runtime for
        // anything.
        let mut task = self
            .task
            .take()
            .expect("the host delivers nothing before the start and nothing after the end");
        loop {
            if self.cleanup.is_over() {
                task = self.unwind(task);
            }
            if !task.is_woken() {
                break;
            }
            if let Poll::Ready(result) = task.poll() {
                if let Some(verdict) = self.cleanup.after(result, self.host()) {
                    return verdict;
                }
                self.give_up_left();
                task = Task::new(Box::pin(Self::undo_all()));
            }
        }
        self.task.replace(Some(task));
        self.tell_drops();
        Verdict::Waiting
    }

    /// Tells the host what the workflow gave up in this turn.
    ///
    /// A drop can happen anywhere, also where the host may not be called; here a turn is under way
    /// for certain. A run that ends never comes here: its verdict gives up all that is open.
    fn tell_drops(&self) {
        for given_up in self.given_up.take() {
            match given_up {
                GivenUp::Sleep(sleep) => self.host.cancel_sleep(sleep),
                GivenUp::Step(step) => self.host.cancel_step(step),
                GivenUp::Inbox(inbox) => self.host.close(inbox),
                GivenUp::Unread(inbox) => self.host.take(inbox),
                GivenUp::Shield(shield) => self.host.unshield(shield),
            }
        }
    }

    /// The imports: what only asks, and what reads.
    pub(crate) fn host(&self) -> &dyn Host {
        &*self.host
    }

    /// Starts a step.
    pub(crate) fn call_step(&self, name: &str, input: &str, options: StepOptions) -> Operation {
        let operation = self.host.call_step(name, input, options);
        self.operations.borrow_mut().open(operation);
        if let Some(begun) = &mut *self.begun.borrow_mut() {
            begun.push(operation);
        }
        operation
    }

    /// Keeps in mind from now on which steps are asked for, in place of what was kept before: that is
    /// given.
    pub(crate) fn begin_noting(&self, steps: Option<Vec<Operation>>) -> Option<Vec<Operation>> {
        self.begun.replace(steps)
    }

    /// Leaves out those of these steps that are over, or whose answer nobody waits for.
    pub(crate) fn retain_waiting(&self, steps: &mut Vec<Operation>) {
        let operations = self.operations.borrow();
        steps.retain(|step| operations.is_waiting(*step));
    }

    /// Gives up those of these steps that are not over. The host will hear of it.
    pub(crate) fn stop_steps(&self, steps: &[Operation]) {
        let operations = self.operations.borrow();
        let waiting = steps.iter().filter(|step| operations.is_waiting(**step));
        self.given_up.borrow_mut().extend(waiting.map(|step| GivenUp::Step(*step)));
    }

    /// Starts a sleep until a moment, in milliseconds since 1970.
    pub(crate) fn sleep_until(&self, moment: u64) -> Operation {
        let operation = self.host.sleep_until(moment);
        self.operations.borrow_mut().open(operation);
        operation
    }

    /// Gives a sleep up. The host will hear of it if the sleep is still under way; one whose event
    /// is here is over, whether the workflow looked or not.
    pub(crate) fn give_up_sleep(&self, sleep: Operation) {
        // What it held is dropped after the borrows: a waker may run code of the author's.
        let slot = self.operations.borrow_mut().close(sleep);
        if matches!(slot, Some(Slot::Waiting(_))) {
            self.given_up.borrow_mut().push(GivenUp::Sleep(sleep));
        }
        drop(slot);
    }

    /// Gives up the answer of what goes on without anybody who waits: the host need not hear of it.
    pub(crate) fn give_up_answer(&self, operation: Operation) {
        // What it held is dropped after the borrow: a waker may run code of the author's.
        let slot = self.operations.borrow_mut().close(operation);
        drop(slot);
    }

    /// The answer of a step or a sleep, once it is there.
    pub(crate) fn poll_answer(&self, operation: Operation, context: &Context<'_>) -> Poll<Event> {
        if self.is_frozen() {
            return Poll::Pending;
        }
        let mut waker = Some(context.waker().clone());
        let polled = self.operations.borrow_mut().poll_answer(operation, &mut waker);
        // The waker that is left over is dropped after the borrow.
        drop(waker);
        polled
    }

    /// Starts a child.
    pub(crate) fn spawn(&self, workflow: &str, input: &str, policy: ClosePolicy) -> Spawned {
        let spawned = self.host.spawn(workflow, input, policy);
        self.operations.borrow_mut().open(spawned.operation);
        spawned
    }

    /// Sends a signal to another run.
    pub(crate) fn tell(&self, run: &str, name: &str, payload: &str) -> Operation {
        let operation = self.host.tell(run, name, payload);
        self.operations.borrow_mut().open(operation);
        operation
    }
}

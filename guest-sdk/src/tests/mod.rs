//! What workflows do on the executor, before a host that only writes down what it is asked.

mod attributes;
mod children;
mod cleanup;
mod hooks;
mod signals;
mod sleeps;
mod steps;
mod waiting;
mod webhooks;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use segno_guest_runtime::host::Host;
use segno_guest_runtime::runtime::Runtime;
use segno_guest_runtime::types::{
    Answer, AttributeValue, ClosePolicy, CreatedHook, CreatedWebhook, Event, Failure, Level,
    Operation, Request, Response, RunInfo, Signal, Spawned, StepFailure, StepOptions, Verdict,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::call::call_named;
use crate::step::Input;
use crate::workflow::running;

/// What a run said, line by line.
type History = Rc<RefCell<Vec<String>>>;

/// A host that writes down what it is asked for, and counts operations.
struct Scribe {
    history: History,
    operations: Cell<Operation>,
}

impl Scribe {
    fn note(&self, line: String) {
        self.history.borrow_mut().push(line);
    }

    fn operation(&self, what: &str) -> Operation {
        let operation = self.operations.get();
        self.operations.set(operation + 1);
        self.note(format!("{operation}: {what}"));
        operation
    }
}

impl Host for Scribe {
    fn call_step(&self, name: &str, input: &str, options: StepOptions) -> Operation {
        let retries = options.max_retries.map(|n| format!(" retries={n}")).unwrap_or_default();
        let time = options.retry_for_ms.map(|ms| format!(" retry_for={ms}")).unwrap_or_default();
        self.operation(&format!("{name} {input}{retries}{time}"))
    }

    fn sleep_until(&self, moment: u64) -> Operation {
        self.operation(&format!("sleep until {moment}"))
    }

    fn cancel_step(&self, step: Operation) {
        self.note(format!("stop {step}"));
    }

    fn cancel_sleep(&self, sleep: Operation) {
        self.note(format!("cancel {sleep}"));
    }

    fn create_webhook(&self, answer: Answer) -> CreatedWebhook {
        let answer = match answer {
            Answer::Accepted => "accepted".to_owned(),
            Answer::Fixed(response) => format!("fixed {}", response.status),
            Answer::Manual => "manual".to_owned(),
        };
        let operation = self.operation(&format!("webhook {answer}"));
        CreatedWebhook {
            operation,
            token: format!("t{operation}"),
            url: format!("http://host/t{operation}"),
        }
    }

    fn create_hook(&self, token: Option<&str>, metadata: Option<&str>) -> CreatedHook {
        let drawn = format!("h{}", self.operations.get());
        let metadata = metadata.map_or_else(String::new, |metadata| format!(" {metadata}"));
        let operation = self.operation(&format!("hook {}{metadata}", token.unwrap_or("drawn")));
        CreatedHook { operation, token: token.map_or(drawn, str::to_owned) }
    }

    fn spawn(&self, workflow: &str, input: &str, policy: ClosePolicy) -> Spawned {
        let operation = self.operation(&format!("{policy:?} child {workflow} {input}"));
        Spawned { operation, run: format!("run_{operation}") }
    }

    fn cancel_child(&self, child: Operation) {
        self.note(format!("cancel child {child}"));
    }

    fn tell(&self, run: &str, name: &str, payload: &str) -> Operation {
        self.operation(&format!("tell {run} {name} {payload}"))
    }

    fn open_signal(&self, name: &str) -> Operation {
        self.operation(&format!("signal {name}"))
    }

    fn register(&self, name: &str) -> Operation {
        self.operation(&format!("compensation {name}"))
    }

    fn keep(&self, compensation: Operation) {
        self.note(format!("keep {compensation}"));
    }

    fn unwind(&self, error: Option<&Failure>) {
        self.note(format!("unwind {}", error.map_or("cancelled", |error| &error.message)));
    }

    fn begin(&self, compensation: Operation) {
        self.note(format!("undo {compensation}"));
    }

    fn end(&self, compensation: Operation, error: Option<&str>) {
        self.note(format!("undone {compensation} {}", error.unwrap_or("well")));
    }

    fn shield(&self) -> Operation {
        self.operation("shield")
    }

    fn unshield(&self, shield: Operation) {
        self.note(format!("unshield {shield}"));
    }

    fn publish(&self, name: &str, value: &str) {
        self.note(format!("publish {name} {value}"));
    }

    fn set_attribute(&self, name: &str, value: &AttributeValue) {
        self.note(format!("set {name} to {value:?}"));
    }

    fn remove_attribute(&self, name: &str) {
        self.note(format!("remove {name}"));
    }

    fn write(&self, stream: &str, chunk: &[u8]) {
        self.note(format!("write {stream} {}", String::from_utf8_lossy(chunk)));
    }

    fn close_stream(&self, stream: &str) {
        self.note(format!("close stream {stream}"));
    }

    fn take(&self, inbox: Operation) {
        self.note(format!("take {inbox}"));
    }

    fn respond(&self, number: u64, response: Response) {
        let Response { status, headers, body } = response;
        let body = String::from_utf8_lossy(&body).into_owned();
        let said = if headers.is_empty() { String::new() } else { format!(" {body}") };
        self.note(format!("respond {number} {status}{said}"));
    }

    fn close(&self, inbox: Operation) {
        self.note(format!("close {inbox}"));
    }

    fn log(&self, level: Level, message: &str) {
        self.note(format!("{level:?}: {message}"));
    }

    fn run(&self) -> RunInfo {
        RunInfo { id: "run_1".into(), workflow: "test".into(), started_at: 500, parent: None }
    }

    fn now(&self) -> u64 {
        1_000
    }

    fn random(&self) -> u64 {
        4
    }
}

/// A run under test.
struct Run {
    history: History,
}

impl Run {
    /// Starts a workflow.
    fn start<T: Serialize, F>(workflow: impl FnOnce() -> F) -> Self
    where
        F: Future<Output = Result<T, Error>> + 'static,
    {
        let run = Self { history: History::default() };
        Runtime::install(Scribe { history: Rc::clone(&run.history), operations: Cell::new(0) });
        let verdict = Runtime::here(|runtime| runtime.start(running(workflow())));
        run.conclude(verdict)
    }

    /// Delivers an event.
    fn deliver(self, operation: Operation, event: Event) -> Self {
        let verdict = Runtime::here(|runtime| runtime.deliver(Some(operation), event));
        self.conclude(verdict)
    }

    /// Sends a signal.
    fn signalled(self, number: u64, name: &str, payload: &str) -> Self {
        let signal = Signal { number, name: name.to_owned(), payload: payload.to_owned() };
        let event = Event::Signalled(signal);
        let verdict = Runtime::here(|runtime| runtime.deliver(None, event));
        self.conclude(verdict)
    }

    fn received(self, operation: Operation, payload: &str) -> Self {
        self.deliver(operation, Event::Received(payload.to_owned()))
    }

    fn completed(self, operation: Operation, output: &str) -> Self {
        self.deliver(operation, Event::StepCompleted(output.to_owned()))
    }

    fn failed(self, operation: Operation, message: &str) -> Self {
        let failure = StepFailure {
            step: "s".into(),
            attempts: 4,
            message: message.to_owned(),
            fatal: false,
        };
        self.deliver(operation, Event::StepFailed(failure))
    }

    fn slept(self, operation: Operation) -> Self {
        self.deliver(operation, Event::Slept)
    }

    fn requested(self, operation: Operation, number: u64) -> Self {
        let request = Request {
            number,
            method: "POST".into(),
            url: "/".into(),
            headers: Vec::new(),
            body: number.to_string().into_bytes(),
        };
        self.deliver(operation, Event::Requested(request))
    }

    /// Tells the run that it is to end.
    fn cancelled(self, error: Option<&str>) -> Self {
        let event = Event::Cancelled(error.map(str::to_owned));
        let verdict = Runtime::here(|runtime| runtime.deliver(None, event));
        self.conclude(verdict)
    }

    fn conclude(self, verdict: Verdict) -> Self {
        self.history.borrow_mut().push(match verdict {
            Verdict::Waiting => "waiting".to_owned(),
            Verdict::Completed(output) => format!("completed {output}"),
            Verdict::Failed(failure) => format!("failed {}", failure.message),
            Verdict::Cancelled => "cancelled".to_owned(),
        });
        self
    }

    /// Asserts the whole history of the run.
    #[track_caller]
    fn said(self, expected: &[&str]) {
        assert_eq!(*self.history.borrow(), expected);
    }

    /// How the run stood at last.
    fn verdict(&self) -> String {
        let history = self.history.borrow();
        history.last().expect("every event has a verdict").clone()
    }

    /// How many operations the runtime keeps, webhooks included.
    fn open(&self) -> usize {
        Runtime::here(Runtime::open_operations)
    }
}

/// A step that only the scribe knows.
async fn step<T: DeserializeOwned>(argument: impl Serialize) -> Result<T, crate::StepFailure> {
    let input = Input::new().with("x", &argument);
    call_named("s", input, StepOptions::default()).await
}

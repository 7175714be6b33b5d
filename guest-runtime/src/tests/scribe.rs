//! A host that is played.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::host::Host;
use crate::types::{
    Answer, AttributeValue, ClosePolicy, CreatedHook, CreatedWebhook, Failure, Level, Operation,
    Response, RunInfo, Spawned, StepOptions,
};

/// What the host was asked for, line by line.
pub(super) type History = Rc<RefCell<Vec<String>>>;

/// A host that writes down what it is asked for, and counts operations.
#[derive(Default)]
pub(super) struct Scribe {
    pub(super) history: History,
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
    fn call_step(&self, name: &str, input: &str, _options: StepOptions) -> Operation {
        self.operation(&format!("step {name} {input}"))
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

    fn create_webhook(&self, _answer: Answer) -> CreatedWebhook {
        let operation = self.operation("webhook");
        CreatedWebhook { operation, token: "t".to_owned(), url: "http://host/t".to_owned() }
    }

    fn create_hook(&self, token: Option<&str>, metadata: Option<&str>) -> CreatedHook {
        let token = token.unwrap_or("drawn");
        let operation = self.operation(&format!("hook {token} {}", metadata.unwrap_or_default()));
        CreatedHook { operation, token: token.to_owned() }
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

    fn respond(&self, request: u64, response: Response) {
        self.note(format!("respond {request} {}", response.status));
    }

    fn close(&self, inbox: Operation) {
        self.note(format!("close {inbox}"));
    }

    fn log(&self, level: Level, message: &str) {
        self.note(format!("{level:?}: {message}"));
    }

    fn run(&self) -> RunInfo {
        RunInfo {
            id: "run_1".to_owned(),
            workflow: "test".to_owned(),
            started_at: 500,
            parent: None,
        }
    }

    fn now(&self) -> u64 {
        1_000
    }

    fn random(&self) -> u64 {
        4
    }
}

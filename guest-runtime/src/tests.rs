//! Promises that the runtime keeps whatever SDK stands on it, before a host that is played. What
//! it does for workflows in Rust is tested in `guest-sdk`.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

use futures::future::{FutureExt as _, join, select};
use futures::stream::{FuturesUnordered, StreamExt as _};

use crate::host::Host;
use crate::runtime::Runtime;
use crate::types::{
    Answer, CreatedWebhook, Event, Level, Operation, Response, RunInfo, StepFailure, StepOptions,
    Verdict,
};
use crate::{context, sleep, step, webhook};

/// What the host was asked for, line by line.
type History = Rc<RefCell<Vec<String>>>;

/// A host that writes down what it is asked for, and counts operations.
#[derive(Default)]
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
    fn call_step(&self, name: &str, input: &str, _options: StepOptions) -> Operation {
        self.operation(&format!("step {name} {input}"))
    }

    fn sleep_until(&self, moment: u64) -> Operation {
        self.operation(&format!("sleep until {moment}"))
    }

    fn cancel_sleep(&self, sleep: Operation) {
        self.note(format!("cancel {sleep}"));
    }

    fn create_webhook(&self, _answer: Answer) -> CreatedWebhook {
        let operation = self.operation("webhook");
        CreatedWebhook { operation, token: "t".to_owned(), url: "http://host/t".to_owned() }
    }

    fn take_request(&self, webhook: Operation) {
        self.note(format!("take {webhook}"));
    }

    fn respond(&self, request: u64, response: Response) {
        self.note(format!("respond {request} {}", response.status));
    }

    fn dispose_webhook(&self, webhook: Operation) {
        self.note(format!("dispose {webhook}"));
    }

    fn log(&self, level: Level, message: &str) {
        self.note(format!("{level:?}: {message}"));
    }

    fn run(&self) -> RunInfo {
        RunInfo { id: "run_1".to_owned(), workflow: "test".to_owned(), started_at: 500 }
    }

    fn now(&self) -> u64 {
        1_000
    }

    fn random(&self) -> u64 {
        4
    }
}

/// Starts a workflow, and gives what its host writes down.
fn start(workflow: impl Future<Output = Result<String, String>> + 'static) -> (History, Verdict) {
    let scribe = Scribe::default();
    let history = Rc::clone(&scribe.history);
    Runtime::install(scribe);
    (history, Runtime::here(|runtime| runtime.start(Box::pin(workflow))))
}

fn deliver(operation: Operation, event: Event) -> Verdict {
    Runtime::here(|runtime| runtime.deliver(operation, event))
}

fn completed(output: &str) -> Event {
    Event::StepCompleted(output.to_owned())
}

#[test]
fn an_operation_is_asked_for_when_it_is_made_and_not_when_it_is_awaited() {
    let (history, verdict) = start(async {
        let early = step::call("early", "1", StepOptions::default());
        let pause = sleep::until(context::now() + 1);
        let late = step::call("late", "2", StepOptions::default());
        let (late, early) = join(late, early).await;
        pause.await;
        Ok(format!("{} {}", early.is_ok(), late.is_ok()))
    });
    assert_eq!(*history.borrow(), ["0: step early 1", "1: sleep until 1001", "2: step late 2"]);
    assert_eq!(verdict, Verdict::Waiting);
    assert_eq!(deliver(2, completed("null")), Verdict::Waiting);
    assert_eq!(deliver(1, Event::Slept), Verdict::Waiting);
    assert_eq!(deliver(0, completed("null")), Verdict::Completed("true true".to_owned()));
}

#[test]
fn output_and_failure_of_a_step_come_as_the_host_gave_them() {
    let failure = StepFailure {
        step: "s".to_owned(),
        attempts: 4,
        message: "out of ink".to_owned(),
        fatal: false,
    };
    let expected = failure.clone();
    start(async move {
        let output = step::call("s", "1", StepOptions::default()).await;
        assert_eq!(output, Ok("not even JSON".to_owned()));
        let failed = step::call("s", "2", StepOptions::default()).await;
        assert_eq!(failed, Err(expected));
        Err("over".to_owned())
    });
    assert_eq!(deliver(0, completed("not even JSON")), Verdict::Waiting);
    assert_eq!(deliver(1, Event::StepFailed(failure)), Verdict::Failed("over".to_owned()));
}

#[test]
fn what_is_dropped_is_not_kept_and_of_it_the_host_hears_of_sleeps_alone() {
    let (history, _) = start(async {
        drop(step::call("s", "1", StepOptions::default()));
        drop(sleep::until(2_000));
        sleep::until(3_000).await;
        Ok(String::new())
    });
    let asked = ["0: step s 1", "1: sleep until 2000", "2: sleep until 3000", "cancel 1"];
    assert_eq!(*history.borrow(), asked);
    assert_eq!(Runtime::here(Runtime::open_operations), 1);
    assert_eq!(deliver(0, completed("null")), Verdict::Waiting);
}

#[test]
fn a_request_is_taken_from_the_host_when_it_is_given() {
    let request = crate::types::Request {
        number: 3,
        method: "POST".to_owned(),
        url: "/".to_owned(),
        headers: Vec::new(),
        body: b"x".to_vec(),
    };
    let expected = request.clone();
    let (history, _) = start(async move {
        let webhook = webhook::create(Answer::Manual);
        assert_eq!((webhook.token(), webhook.url()), ("t", "http://host/t"));
        let given = webhook.next().await;
        assert_eq!(given.as_ref(), Some(&expected));
        let response = Response { status: 418, headers: Vec::new(), body: Vec::new() };
        webhook::respond(3, response);
        webhook.dispose();
        assert_eq!(webhook.next().await, None);
        Ok(String::new())
    });
    assert_eq!(deliver(0, Event::Requested(request)), Verdict::Completed(String::new()));
    assert_eq!(*history.borrow(), ["0: webhook", "take 0", "respond 3 418", "dispose 0"]);
}

#[test]
fn who_stops_waiting_is_forgotten() {
    let (_, verdict) = start(async {
        let webhook = webhook::create(Answer::Accepted);
        for _ in 0..100 {
            // Each has a waker of its own, as in any set of futures.
            let next: FuturesUnordered<_> = [webhook.next()].into_iter().collect();
            assert!(next.into_future().now_or_never().is_none());
        }
        let waiters = Runtime::here(|runtime| runtime.waiters_of(0));
        Ok(waiters.to_string())
    });
    assert_eq!(verdict, Verdict::Completed("0".to_owned()));
}

#[test]
fn a_run_knows_itself_and_nothing_else() {
    let (history, verdict) = start(async {
        context::log(Level::Warn, "low on ink");
        let RunInfo { id, workflow, started_at } = context::run();
        Ok(format!("{id} {workflow} {started_at} {} {}", context::now(), context::random()))
    });
    assert_eq!(*history.borrow(), ["Warn: low on ink"]);
    assert_eq!(verdict, Verdict::Completed("run_1 test 500 1000 4".to_owned()));
}

#[test]
fn the_first_event_decides_a_race_and_the_loser_is_given_up() {
    let (history, _) = start(async {
        let call = pin!(step::call("s", "1", StepOptions::default()));
        let pause = sleep::until(9_000);
        drop(select(call, pause).await);
        step::call("s", "2", StepOptions::default()).await.map_err(|failure| failure.message)
    });
    assert_eq!(deliver(0, completed("null")), Verdict::Waiting);
    let asked = ["0: step s 1", "1: sleep until 9000", "2: step s 2", "cancel 1"];
    assert_eq!(*history.borrow(), asked);
    assert_eq!(deliver(2, completed("7")), Verdict::Completed("7".to_owned()));
}

#[test]
#[should_panic(expected = "no workflow is running here")]
fn nothing_is_asked_for_where_no_run_is() {
    let _ = context::now();
}

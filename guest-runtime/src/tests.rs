//! Promises that the runtime keeps whatever SDK stands on it, before a host that is played. What
//! it does for workflows in Rust is tested in `guest-sdk`.

mod scribe;

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use futures::future::{FutureExt as _, join, select};
use futures::stream::{FuturesUnordered, StreamExt as _};

use crate::runtime::Runtime;
use crate::tests::scribe::{History, Scribe};
use crate::types::{
    Answer, Event, Failure, Level, Operation, Response, RunInfo, Signal, StepFailure, StepOptions,
    Verdict,
};
use crate::{context, hook, inbox, signal, sleep, step, webhook};

/// Starts a workflow, and gives what its host writes down.
fn start(workflow: impl Future<Output = Result<String, String>> + 'static) -> (History, Verdict) {
    let scribe = Scribe::default();
    let history = Rc::clone(&scribe.history);
    Runtime::install(scribe);
    let workflow = async { workflow.await.map_err(Failure::from) };
    (history, Runtime::here(|runtime| runtime.start(Box::pin(workflow))))
}

fn deliver(operation: Operation, event: Event) -> Verdict {
    Runtime::here(|runtime| runtime.deliver(Some(operation), event))
}

fn signalled(number: u64, name: &str, payload: &str) -> Verdict {
    let signal = Signal { number, name: name.to_owned(), payload: payload.to_owned() };
    Runtime::here(|runtime| runtime.deliver(None, Event::Signalled(signal)))
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
    assert_eq!(deliver(1, Event::StepFailed(failure)), Verdict::Failed("over".to_owned().into()));
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
        inbox::respond(3, response);
        webhook.dispose();
        assert_eq!(webhook.next().await, None);
        Ok(String::new())
    });
    assert_eq!(deliver(0, Event::Requested(request)), Verdict::Completed(String::new()));
    assert_eq!(*history.borrow(), ["0: webhook", "take 0", "respond 3 418", "close 0"]);
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
        let waiters = Runtime::here(|runtime| runtime.waiters_of(&inbox::Inbox::of(0)));
        Ok(waiters.to_string())
    });
    assert_eq!(verdict, Verdict::Completed("0".to_owned()));
}

#[test]
fn signals_that_nobody_takes_in_any_more_leave_nothing() {
    let (_, verdict) = start(async {
        for name in 0..100 {
            let mut signals = signal::open(&format!("n{}", name % 10));
            let polled = poll_fn(|context| Poll::Ready(signals.poll_next(context)));
            assert!(polled.await.is_pending());
        }
        Ok(Runtime::here(Runtime::names).to_string())
    });
    assert_eq!(verdict, Verdict::Completed("0".to_owned()));
}

#[test]
fn a_block_that_asks_for_years_keeps_as_many_steps_as_it_waits_for() {
    let (_, _) = start(async {
        let mut block = pin!(step::abort_on_drop(Box::pin(async {
            let _other = step::call("other", "0", StepOptions::default());
            for _ in 0..100 {
                step::call("s", "0", StepOptions::default())
                    .await
                    .map_err(|failure| failure.message)?;
            }
            Ok::<_, String>(())
        })));
        let mut most = 0;
        poll_fn(|context| {
            let polled = block.as_mut().poll(context);
            most = most.max(block.kept());
            polled
        })
        .await?;
        Ok(most.to_string())
    });
    let mut verdict = Verdict::Waiting;
    for step in 1..=100 {
        verdict = deliver(step, Event::StepCompleted("0".to_owned()));
    }
    let Verdict::Completed(most) = verdict else { panic!("it has ended: {verdict:?}") };
    assert!(most.parse::<usize>().is_ok_and(|most| (16..40).contains(&most)), "{most}");
}

#[test]
fn a_hook_hears_first_whether_it_has_its_token() {
    let (history, _) = start(async {
        let hook = hook::open("order-42", Some("{}")).await.map_err(|taken| taken.owner)?;
        let first = hook.next().await;
        hook.dispose();
        Ok(format!("{} {first:?} {:?}", hook.token(), hook.next().await))
    });
    assert_eq!(deliver(0, Event::HookOpened), Verdict::Waiting);
    let verdict = deliver(0, Event::Received("1".to_owned()));
    assert_eq!(verdict, Verdict::Completed("order-42 Some(\"1\") None".to_owned()));
    assert_eq!(*history.borrow(), ["0: hook order-42 {}", "take 0", "close 0"]);
}

#[test]
fn a_hook_whose_token_is_taken_is_an_answer_and_closes_nothing() {
    let (history, _) = start(async {
        match hook::open("order-42", None).await {
            Ok(_) => Ok("open".to_owned()),
            Err(taken) => {
                sleep::until(5_000).await;
                Ok(taken.owner)
            }
        }
    });
    assert_eq!(deliver(0, Event::HookTaken("run_2".to_owned())), Verdict::Waiting);
    assert_eq!(deliver(1, Event::Slept), Verdict::Completed("run_2".to_owned()));
    assert_eq!(*history.borrow(), ["0: hook order-42 ", "1: sleep until 5000"]);
}

#[test]
fn a_hook_that_nobody_waits_for_any_more_gives_its_token_back() {
    let (history, _) = start(async {
        drop(select(hook::open("order-42", None), sleep::until(9_000)).await);
        sleep::until(10_000).await;
        Ok(String::new())
    });
    assert_eq!(deliver(1, Event::Slept), Verdict::Waiting);
    let asked = ["0: hook order-42 ", "1: sleep until 9000", "2: sleep until 10000", "close 0"];
    assert_eq!(*history.borrow(), asked);
    assert_eq!(deliver(0, Event::HookOpened), Verdict::Waiting, "it comes too late");
}

#[test]
fn a_hook_that_is_dropped_stays_open_and_what_comes_lies_untaken_for_nobody() {
    let (history, _) = start(async {
        let drawn = hook::create(None);
        sleep::until(5_000).await;
        drop(drawn);
        sleep::until(6_000).await;
        Ok(String::new())
    });
    assert_eq!(deliver(0, Event::Received("1".to_owned())), Verdict::Waiting);
    assert_eq!(deliver(1, Event::Slept), Verdict::Waiting);
    assert_eq!(deliver(0, Event::Received("2".to_owned())), Verdict::Waiting);
    let asked =
        ["0: hook drawn ", "1: sleep until 5000", "2: sleep until 6000", "take 0", "take 0"];
    assert_eq!(*history.borrow(), asked);
}

#[test]
fn signals_that_come_before_anybody_takes_them_in_are_kept_in_order_by_name() {
    let (history, _) = start(async {
        sleep::until(5_000).await;
        let notes = signal::open("note");
        let (first, second) = (notes.next().await, notes.next().await);
        Ok(format!("{} {}", first.payload, second.number))
    });
    assert_eq!(signalled(0, "note", "1"), Verdict::Waiting);
    assert_eq!(signalled(1, "other", "2"), Verdict::Waiting);
    assert_eq!(deliver(0, Event::Slept), Verdict::Waiting);
    assert_eq!(signalled(2, "note", "3"), Verdict::Completed("1 2".to_owned()));
    let asked = ["0: sleep until 5000", "1: signal note", "take 1", "take 1"];
    assert_eq!(*history.borrow(), asked);
}

#[test]
fn signals_that_are_dropped_are_waited_for_no_more_and_lose_nothing() {
    let (history, _) = start(async {
        for round in 0..3 {
            drop(select(signal::open("note").next(), sleep::until(round)).await);
        }
        let names = Runtime::here(Runtime::names);
        Ok(format!("{names} {}", signal::open("note").next().await.payload))
    });
    for sleep in [1, 3] {
        assert_eq!(deliver(sleep, Event::Slept), Verdict::Waiting);
    }
    assert_eq!(deliver(5, Event::Slept), Verdict::Waiting);
    assert_eq!(signalled(0, "note", "7"), Verdict::Completed("0 7".to_owned()));
    let closed: Vec<_> =
        history.borrow().iter().filter(|line| line.starts_with("close")).cloned().collect();
    assert_eq!(closed, ["close 0", "close 2", "close 4"]);
}

#[test]
fn a_run_knows_itself_and_nothing_else() {
    let (history, verdict) = start(async {
        context::log(Level::Warn, "low on ink");
        let RunInfo { id, workflow, started_at, parent: None } = context::run() else {
            panic!("nobody started it")
        };
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

//! Signals, and the answers of workflows to them.

use segno_host::engine::{
    EngineError, HistoryEvent, NewRun, Reply, RunFilter, RunStatus, SIGNALS_AT_START,
};
use segno_host::store::Store;
use segno_journal::Event;
use segno_tests::{Host, output, raw};
use serde_json::json;

use crate::{ask, keyed, listens, signal};

fn said(response: &segno_journal::Response) -> (u16, String) {
    (response.status, String::from_utf8_lossy(&response.body).into_owned())
}

#[tokio::test]
async fn a_signal_that_comes_before_its_name_is_taken_in_waits_for_that() {
    let host = Host::new().await;
    let run = host.start("mailbox", json!(50)).await;
    for note in ["one", "two", "three"] {
        let reply = host.engine.signal(run, signal("note", &json!(note)), false).await;
        assert!(matches!(reply, Ok(Reply::Now(_))), "{reply:?}");
    }
    assert_eq!(output(&host.end(run).await), json!(["one", "two", "three"]));
}

#[tokio::test]
async fn an_update_is_answered_by_the_workflow_until_it_refuses() {
    let host = Host::new().await;
    let run = host.start("order", json!("Elm Street 1")).await;
    let first = ask(&host, run, signal("change_address", &json!("Oak Street 2"))).await;
    assert_eq!(said(&first.unwrap()), (200, r#"{"before":"Elm Street 1"}"#.to_owned()));
    let unfit = ask(&host, run, signal("change_address", &json!(7))).await.unwrap();
    assert_eq!(unfit.status, 422);
    assert!(said(&unfit).1.starts_with("it does not fit `change_address`: "), "{unfit:?}");
    let ship = ask(&host, run, signal("ship", &json!(null))).await.unwrap();
    assert_eq!(said(&ship), (200, "null".to_owned()));
    let late = ask(&host, run, signal("change_address", &json!("Birch Street 3"))).await.unwrap();
    assert_eq!(said(&late), (409, "the parcel is on its way".to_owned()));
    assert_eq!(output(&host.end(run).await), json!("Oak Street 2"));
    let after = host.engine.signal(run, signal("ship", &json!(null)), true).await;
    assert!(matches!(after, Err(EngineError::SignalTooLate(of)) if of == run), "{after:?}");
}

#[tokio::test]
async fn a_signal_that_is_sent_again_with_its_key_comes_once_and_gets_the_first_answer() {
    let host = Host::new().await;
    let run = host.start("order", json!("Elm Street 1")).await;
    let change = || keyed("change_address", &json!("Oak Street 2"), "k1");
    let first = said(&ask(&host, run, change()).await.unwrap());
    let again = said(&ask(&host, run, change()).await.unwrap());
    assert_eq!(first, again);
    let host = host.restart(|_config| {}).await;
    assert_eq!(said(&ask(&host, run, change()).await.unwrap()), first, "after a restart, too");
    let other = host.engine.signal(run, keyed("ship", &json!(null), "k1"), true).await;
    assert!(matches!(other, Err(EngineError::OtherSignal(_))), "{other:?}");
    let history = host.engine.history(run, 0, 100).await.expect("the run is known");
    let came = |event: &HistoryEvent| matches!(event, HistoryEvent::SignalReceived { .. });
    assert_eq!(history.events.iter().filter(|entry| came(&entry.event)).count(), 1);
}

#[tokio::test]
async fn all_who_wait_for_a_signal_of_one_key_get_its_answer() {
    let host = Host::new().await;
    let run = host.start("mailbox", json!(600_000)).await;
    let wait = || host.engine.signal(run, keyed("note", &json!("x"), "k"), true);
    for _ in 0..2 {
        let reply = wait().await.expect("it is stored");
        assert!(matches!(reply, Reply::Later(..)), "nobody has answered: {reply:?}");
    }
    let Reply::Later(first, _place) = wait().await.unwrap() else { panic!("nobody has answered") };
    let Reply::Later(second, _place) = wait().await.unwrap() else { panic!("nobody has answered") };
    host.engine.cancel(run).await.expect("it is cancelled");
    for answer in [first, second] {
        let told = segno_tests::patiently(answer).await.expect("all are told");
        assert!(matches!(told, Err(EngineError::InboxClosed)), "{told:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_signal_is_refused_and_nothing_is_stored() {
    let host = Host::new().await;
    let run = host.start("deaf", json!(null)).await;
    listens(&host, run, "never").await;
    for name in ["", "a\nb", &"x".repeat(129)] {
        let sent = host.engine.signal(run, signal(name, &json!(1)), false).await;
        assert!(matches!(sent, Err(EngineError::BadWord { .. })), "{sent:?}");
    }
    let sent = host.engine.signal(run, keyed("a", &json!(1), ""), false).await;
    assert!(matches!(sent, Err(EngineError::BadKey { .. })), "{sent:?}");
    let stranger = segno_journal::RunId::from_parts(segno_journal::Timestamp(1), 1);
    let sent = host.engine.signal(stranger, signal("a", &json!(1)), false).await;
    assert!(matches!(sent, Err(EngineError::UnknownRun(_))), "{sent:?}");
    assert_eq!(host.engine.run(run).await.unwrap().turns, 1);
}

#[tokio::test]
async fn a_name_that_is_never_taken_in_holds_no_more_than_it_has_room_for() {
    let host = Host::new().await;
    let run = host.start("deaf", json!(null)).await;
    let mut stored = 0;
    let refused = loop {
        match host.engine.signal(run, signal("other", &json!(1)), false).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, EngineError::InboxFull), "{refused}");
    assert_eq!(stored, 1_000);
    host.engine
        .signal(run, signal("another", &json!(1)), false)
        .await
        .expect("it has its own room");
}

#[tokio::test]
async fn a_signal_to_a_blocked_run_is_stored_and_comes_when_it_goes_on() {
    let host = Host::with(|config| config.limits.fuel_per_turn = 2_000_000_000).await;
    let run = host.start("mailbox", json!(1)).await;
    host.engine.signal(run, signal("note", &json!("one")), false).await.expect("it is stored");
    let host = host
        .restart(|config| {
            config.park.insert(run);
        })
        .await;
    assert_eq!(host.engine.run(run).await.unwrap().status, RunStatus::Blocked);
    let left_out = host.engine.signal(run, signal("note", &json!("no")), false).await;
    assert!(matches!(left_out, Err(EngineError::LeftOut)), "{left_out:?}");
    host.engine.resume(run, None).await.expect("it goes on");
    for note in ["two", "three"] {
        host.engine.signal(run, signal("note", &json!(note)), false).await.expect("it is stored");
    }
    assert_eq!(host.output(run).await, json!(["one", "two", "three"]));
}

#[tokio::test]
async fn a_key_that_comes_again_while_its_run_is_blocked_is_known_and_takes_no_more_room() {
    let host = Host::new().await;
    let run = host.start("panics_when_told", json!(null)).await;
    listens(&host, run, "panic").await;
    host.engine.signal(run, signal("panic", &json!(null)), false).await.expect("it is stored");
    assert_eq!(host.end(run).await.status, RunStatus::Blocked);
    let host = {
        host.engine.signal(run, keyed("a", &json!(1), "k"), false).await.expect("it is stored");
        host.restart(|_config| {}).await
    };
    for _ in 0..1_100 {
        host.engine.signal(run, keyed("a", &json!(1), "k"), false).await.expect("it is known");
    }
    let other = host.engine.signal(run, keyed("b", &json!(1), "k"), false).await;
    assert!(matches!(other, Err(EngineError::OtherSignal(of)) if of == run), "{other:?}");
}

#[tokio::test]
async fn a_run_is_started_and_signalled_in_one_moment() {
    let host = Host::new().await;
    let signals = vec![
        keyed("tell", &json!(1), "one"),
        keyed("tell", &json!(2), "one"),
        signal("tell", &json!(3)),
    ];
    let start = |signals| {
        let new = NewRun { key: Some("key".into()), signals, ..NewRun::default() };
        host.engine.start_with("listens", raw(&json!(null)), new)
    };
    let started = start(signals).await.expect("it starts");
    assert!(started.created);
    let again = start(vec![keyed("tell", &json!(4), "one"), signal("tell", &json!(null))]).await;
    let again = again.expect("the key is known, and the run takes it");
    assert_eq!((again.run_id, again.created), (started.run_id, false));
    let heard = output(&host.end(started.run_id).await);
    assert_eq!(heard, json!([1, 3]), "of one key there is one");
    let late = start(vec![signal("tell", &json!(5))]).await;
    assert!(
        matches!(late, Err(EngineError::SignalTooLate(run)) if run == started.run_id),
        "{late:?}"
    );
}

#[tokio::test]
async fn where_the_run_cannot_start_nothing_of_its_signals_is_stored() {
    let host = Host::new().await;
    let start = |workflow: &'static str, input, signals| {
        let new = NewRun { signals, ..NewRun::default() };
        host.engine.start_with(workflow, raw(&input), new)
    };
    let one = || vec![signal("tell", &json!(1))];
    let refused = start("nap", json!("no number"), one()).await;
    assert!(matches!(refused, Err(EngineError::RefusedInput { .. })), "{refused:?}");
    let bad = start("listens", json!(null), vec![signal("", &json!(1))]).await;
    assert!(matches!(bad, Err(EngineError::BadWord { .. })), "{bad:?}");
    let many = (0..=SIGNALS_AT_START).map(|_| signal("tell", &json!(1))).collect();
    let many = start("listens", json!(null), many).await;
    assert!(matches!(many, Err(EngineError::InboxFull)), "{many:?}");
    assert!(host.engine.runs(RunFilter::default()).await.expect("they are read").runs.is_empty());
    // A run that ends in its first turn leaves none of them behind.
    let ended = start("echo", json!(7), one()).await.expect("it starts").run_id;
    assert_eq!(host.end(ended).await.status, RunStatus::Completed);
    let directory = host.stop().await;
    let store = Store::open(directory.path()).expect("nobody has it");
    assert!(store.held(ended).expect("it can be read").is_empty());
}

#[tokio::test]
async fn the_signals_of_a_run_that_is_blocked_at_its_start_wait_with_it() {
    let host = Host::with(|config| config.limits.open_operations = 10).await;
    let signals = vec![signal("tell", &json!(1)), signal("tell", &json!(2))];
    let started =
        host.engine.start_with("fan_out", raw(&json!(11)), NewRun { signals, ..NewRun::default() });
    let run = started.await.expect("it is stored").run_id;
    assert_eq!(host.end(run).await.status, RunStatus::Blocked);
    let directory = host.stop().await;
    let store = Store::open(directory.path()).expect("nobody has it");
    let held = store.held(run).expect("it can be read");
    let events: Vec<_> = held.iter().map(|(position, held)| (*position, &held.event)).collect();
    let is_it = matches!(
        events[..],
        [(0, Event::Started { .. }), (1, Event::Signalled { .. }), (2, Event::Signalled { .. })]
    );
    assert!(is_it, "{events:?}");
    drop(store);
    let host = Host::reopen(directory, |config| config.limits.open_operations = 100).await;
    // Until the host has tried it again, it is blocked.
    host.until(run, |view| (view.status == RunStatus::Completed).then_some(())).await;
}

//! Hooks, without HTTP. What users of Vercel's Workflow DevKit know of its hooks, and which test here or
//! elsewhere says it, is listed in `host/tests/front/guide/hooks.rs`.

use segno_host::engine::{EngineError, HistoryEvent, NewRun, RunStatus};
use segno_host::store::{RawRows, Store};
use segno_tests::{Host, output, raw};
use serde_json::json;

use crate::{ask, hooked, listens, signal};

fn granted(by: &str) -> String {
    json!({ "by": by, "granted": true }).to_string()
}

#[tokio::test]
async fn a_hook_with_a_token_of_ones_own_is_resumed_by_it() {
    let host = Host::new().await;
    let run = host.start("approve", json!("approval-42")).await;
    assert_eq!(hooked(&host, run).await, "approval-42");
    let hook = host.engine.resume_hook("approval-42", granted("ada")).await.expect("it is open");
    assert_eq!((hook.run_id, &*hook.token), (run, "approval-42"));
    assert_eq!(output(&host.end(run).await), json!({ "by": "ada", "granted": true }));
}

#[tokio::test]
async fn whoever_looks_a_hook_up_learns_whose_it_is_and_what_it_is_for() {
    let host = Host::new().await;
    let run = host.start("approve", json!("approval-42")).await;
    hooked(&host, run).await;
    let hook = host.engine.hook("approval-42").await.expect("it is open");
    assert_eq!(hook.run_id, run);
    let metadata = hook.metadata.expect("the workflow says something of it");
    assert_eq!(metadata.as_str(), r#"{"asks":"approval-42"}"#);
}

#[tokio::test]
async fn a_token_that_was_never_opened_is_not_found() {
    let host = Host::new().await;
    for token in ["nobody's", "", &"x".repeat(10_000)] {
        let called = host.engine.resume_hook(token, "1".into()).await;
        assert!(matches!(called, Err(EngineError::UnknownHook { .. })), "{called:?}");
        assert!(matches!(host.engine.hook(token).await, Err(EngineError::UnknownHook { .. })));
    }
}

#[tokio::test]
async fn a_drawn_token_is_open_before_the_step_that_hands_it_out() {
    let host = Host::new().await;
    let run = host.start("drawn", json!(1)).await;
    let token = hooked(&host, run).await;
    assert!(token.len() >= 32, "it cannot be guessed: {token}");
    host.engine.resume_hook(&token, "[7]".into()).await.expect("it is open");
    assert_eq!(output(&host.end(run).await), json!([[7]]));
    let history = host.engine.history(run, 0, 100).await.expect("the run is known");
    let answers = |event: &HistoryEvent| matches!(event, HistoryEvent::HookOpened { .. });
    assert!(!history.events.iter().any(|entry| answers(&entry.event)), "nobody waited for it");
}

#[tokio::test]
async fn payloads_before_the_await_are_buffered_in_order_and_each_is_taken_once() {
    let host = Host::new().await;
    let run = host.start("busy_hook", json!("buffered")).await;
    hooked(&host, run).await;
    for payload in ["1", "2", "2"] {
        host.engine.resume_hook("buffered", payload.into()).await.expect("there is room");
    }
    ask(&host, run, signal("begin", &json!(null))).await.expect("it begins");
    // Leaving its first loop has not disposed of it, and what is the same as before is another one.
    assert_eq!(output(&host.end(run).await), json!([1, 2, 2]));
}

#[tokio::test]
async fn a_second_owner_of_a_token_hears_whose_it_is_and_does_not_fail() {
    let host = Host::new().await;
    let first = host.start("approve", json!("shared")).await;
    hooked(&host, first).await;
    let second = host.run("approve", json!("shared")).await;
    assert_eq!(second.status, RunStatus::Completed);
    assert_eq!(output(&second), json!({ "owner": first.to_string() }));
    host.engine.resume_hook("shared", granted("ada")).await.expect("the first still has it");
    assert_eq!(output(&host.end(first).await)["by"], json!("ada"));
}

#[tokio::test]
async fn a_token_of_the_same_run_that_is_live_conflicts_with_itself_and_is_free_after_its_scope() {
    let host = Host::new().await;
    let run = host.run("opens_again", json!("again")).await;
    assert_eq!(output(&run), json!([true, false, true]));
}

#[tokio::test]
async fn a_hook_that_is_disposed_of_is_gone_and_what_came_before_is_still_taken() {
    let host = Host::new().await;
    let run = host.start("closing_hook", json!("closing")).await;
    hooked(&host, run).await;
    host.engine.resume_hook("closing", "1".into()).await.expect("it is open");
    ask(&host, run, signal("dispose", &json!(null))).await.expect("it disposes");
    let called = host.engine.resume_hook("closing", "2".into()).await;
    assert!(matches!(called, Err(EngineError::UnknownHook { .. })), "{called:?}");
    let other = host.start("approve", json!("closing")).await;
    assert_eq!(hooked(&host, other).await, "closing", "the token is free");
    ask(&host, run, signal("end", &json!(null))).await.expect("it ends");
    assert_eq!(output(&host.end(run).await), json!([1]), "and then the iteration ends");
}

#[tokio::test]
async fn the_end_of_a_run_frees_its_tokens_however_it_ends() {
    let host = Host::new().await;
    let cancelled = host.start("deaf_hook", json!("token")).await;
    hooked(&host, cancelled).await;
    host.engine.cancel(cancelled).await.expect("it is cancelled");
    assert!(matches!(host.engine.hook("token").await, Err(EngineError::UnknownHook { .. })));
    let completed = host.start("approve", json!("token")).await;
    hooked(&host, completed).await;
    host.engine.resume_hook("token", granted("ada")).await.expect("it is open");
    host.end(completed).await;
    assert!(matches!(host.engine.hook("token").await, Err(EngineError::UnknownHook { .. })));
    let failed = host.start("fails_when_called", json!("token")).await;
    hooked(&host, failed).await;
    host.engine.resume_hook("token", "1".into()).await.expect("it is open");
    assert_eq!(host.end(failed).await.status, RunStatus::Failed);
    assert!(matches!(host.engine.hook("token").await, Err(EngineError::UnknownHook { .. })));
    let last = host.start("approve", json!("token")).await;
    assert_eq!(hooked(&host, last).await, "token");
}

#[tokio::test]
async fn a_payload_that_does_not_fit_is_left_out_with_a_warning_and_the_next_is_taken() {
    let host = Host::new().await;
    let run = host.start("approve", json!("typed")).await;
    hooked(&host, run).await;
    host.engine.resume_hook("typed", r#""yes""#.into()).await.expect("it is JSON");
    host.engine.resume_hook("typed", granted("ada")).await.expect("it is JSON");
    assert_eq!(output(&host.end(run).await)["by"], json!("ada"));
    let history = host.engine.history(run, 0, 100).await.expect("the run is known");
    let warned = history.events.iter().any(|entry| match &entry.event {
        HistoryEvent::Log { message, .. } => message.contains("is left out: invalid type"),
        _ => false,
    });
    assert!(warned, "{history:?}");
}

#[tokio::test]
async fn a_hook_that_nobody_reads_takes_no_more_than_it_has_room_for() {
    let host = Host::new().await;
    let run = host.start("deaf_hook", json!("deaf")).await;
    hooked(&host, run).await;
    let mut taken = 0;
    let refused = loop {
        match host.engine.resume_hook("deaf", "1".into()).await {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, EngineError::InboxFull), "{refused}");
    assert_eq!(taken, 1_000);
}

#[tokio::test]
async fn hooks_are_listed_in_pages() {
    let host = Host::new().await;
    for token in ["b", "a", "c/d", "ü"] {
        let run = host.start("approve", json!(token)).await;
        hooked(&host, run).await;
    }
    let first = host.engine.hooks(None, 3).await.expect("the store can be read");
    let tokens: Vec<_> = first.hooks.iter().map(|hook| &*hook.token).collect();
    assert_eq!(tokens, ["a", "b", "c/d"]);
    let second = host.engine.hooks(first.next.clone(), 3).await.expect("the store can be read");
    let tokens: Vec<_> = second.hooks.iter().map(|hook| &*hook.token).collect();
    assert_eq!((tokens, second.next), (vec!["ü"], None));
}

#[tokio::test]
async fn a_token_stays_with_its_run_over_a_restart() {
    let host = Host::new().await;
    let run = host.start("approve", json!("kept")).await;
    hooked(&host, run).await;
    let host = host.restart(|_config| {}).await;
    let other = host.run("approve", json!("kept")).await;
    assert_eq!(output(&other), json!({ "owner": run.to_string() }));
    host.engine.resume_hook("kept", granted("ada")).await.expect("it is open");
    assert_eq!(output(&host.end(run).await)["by"], json!("ada"));
}

#[tokio::test]
async fn who_gives_up_asking_takes_the_token_from_nobody() {
    let host = Host::new().await;
    let run = host.start("asks_for_its_own_in_passing", json!("kept")).await;
    hooked(&host, run).await;
    let passing = host.start("asks_in_passing", json!("kept")).await;
    listens(&host, passing, "end").await;
    // It is told to give up in the turn behind the one in which it asks, and ends there.
    let told = host.engine.start_with(
        "asks_until_told",
        raw(&json!("kept")),
        NewRun { signals: vec![signal("give up", &json!(null))], ..NewRun::default() },
    );
    let told = told.await.expect("it starts").run_id;
    assert_eq!(output(&host.end(told).await), json!(true), "it has not heard before");
    assert_eq!(host.engine.hook("kept").await.expect("it is open").run_id, run);
    host.engine.resume_hook("kept", "7".into()).await.expect("it is open");
    assert_eq!(output(&host.end(run).await), json!(7));
}

#[tokio::test]
async fn a_drawn_token_is_the_same_after_a_restart() {
    let host = Host::new().await;
    let run = host.start("drawn", json!(2)).await;
    let token = hooked(&host, run).await;
    host.engine.resume_hook(&token, "1".into()).await.expect("it is open");
    let host = host.restart(|_config| {}).await;
    assert_eq!(hooked(&host, run).await, token);
    host.engine.resume_hook(&token, "2".into()).await.expect("it is open still");
    assert_eq!(output(&host.end(run).await), json!([1, 2]));
}

#[tokio::test]
async fn what_is_sent_to_a_hook_whose_run_was_blocked_by_its_token_is_kept_behind_that() {
    let host = Host::new().await;
    let run = host.start("panics_with_its_token", json!("early")).await;
    assert_eq!(host.end(run).await.status, RunStatus::Blocked);
    assert_eq!(host.engine.hook("early").await.expect("it has the token").run_id, run);
    let sent = host.engine.resume_hook("early", "1".to_owned()).await.expect("it is stored");
    assert_eq!(sent.run_id, run);
    let host = host.restart(|_config| {}).await;
    host.engine.resume_hook("early", "2".to_owned()).await.expect("after a restart, too");
    host.engine.cancel(run).await.expect("it has not ended");
    let gone = host.engine.hook("early").await;
    assert!(matches!(gone, Err(EngineError::UnknownHook { .. })), "{gone:?}");
}

#[tokio::test]
async fn a_damaged_row_of_a_token_keeps_no_host_from_starting_and_no_hook_from_its_token() {
    let directory = Host::new().await.stop().await;
    let store = Store::open(directory.path()).expect("the store opens");
    let damage = |rows: &mut RawRows<'_>| {
        rows.put("hooks", b"one", &[1, 0, 0xff])?;
        rows.put("hooks", &[0xff, 0xfe], b"")
    };
    store.change_raw(damage).expect("the disk is well");
    drop(store);
    let host = Host::reopen(directory, |_config| {}).await;
    assert!(host.engine.hooks(None, 10).await.expect("they can be listed").hooks.is_empty());
    let run = host.start("approve", json!("one")).await;
    assert_eq!(hooked(&host, run).await, "one");
}

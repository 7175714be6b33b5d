//! The engine, with real components: what a run may rely on.

use std::time::Duration;

use segno_host::engine::{
    Clock, Config, Engine, EngineError, Heard, HistoryEvent, Reply, RunStatus, VirtualClock, WentOn,
};
use segno_host::store::Store;
use segno_journal::{RunId, Timestamp};
use segno_tests::{Host, blocked, output, patiently, post, raw, rogue};
use serde_json::json;

#[tokio::test]
async fn a_workflow_returns_its_input() {
    let host = Host::new().await;
    let run = host.run("echo", json!({"a": [1, 2.5, "ü"]})).await;
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!(output(&run), json!({"a": [1, 2.5, "ü"]}));
}

#[tokio::test]
async fn a_start_is_no_replay() {
    let host = Host::new().await;
    host.run("echo", json!(1)).await;
    host.run("nap", json!(1)).await;
    let counted = host.engine.metrics();
    assert!(counted.lines().any(|line| line == "segno_replays_total 0"), "{counted}");
}

#[tokio::test]
async fn who_watches_hears_of_each_turn_once_it_is_on_disk() {
    let host = Host::new().await;
    let mut watching = host.engine.watch();
    let run = host.run("add_steps", json!(3)).await;
    for turn in 0..run.turns {
        let went_on = WentOn { run: run.run_id, turn };
        assert_eq!(watching.next().await, Some(Heard::WentOn(went_on)));
        let page = host.engine.history(run.run_id, turn, 1).await.expect("the run is known");
        assert!(page.events.iter().any(|entry| entry.turn == turn), "turn {turn} is on disk");
    }
}

#[tokio::test]
async fn steps_run_one_after_the_other_and_each_costs_one_turn() {
    let host = Host::new().await;
    let run = host.run("add_steps", json!(100)).await;
    assert_eq!(output(&run), json!(100));
    assert_eq!(run.turns, 101);
}

#[tokio::test]
async fn a_thousand_steps_run_at_once() {
    let host = Host::new().await;
    let run = host.run("fan_out", json!(1000)).await;
    assert_eq!(output(&run), json!(500_500));
}

#[tokio::test]
async fn a_step_is_tried_again_until_it_succeeds_and_the_history_tells_why() {
    let host = Host::new().await;
    let run = host.run("step_fails", json!({"flaky": 2})).await;
    assert_eq!(output(&run), json!({"Ok": 3}));
    let history = host.engine.history(run.run_id, 0, 100).await.expect("the run is known");
    let retries: Vec<_> = history
        .events
        .iter()
        .filter_map(|entry| match &entry.event {
            HistoryEvent::StepRetrying { attempt, error, .. } => {
                Some(format!("{attempt}: {error}"))
            }
            _ => None,
        })
        .collect();
    assert_eq!(retries, ["1: attempt 1 of 2 bad ones", "2: attempt 2 of 2 bad ones"]);
}

#[tokio::test]
async fn an_error_of_the_workflow_is_the_end_of_the_run_which_says_what_it_is_and_where_it_arose() {
    let host = Host::new().await;
    let run = host.run("fails", json!("the cat ate it")).await;
    assert_eq!((run.status, run.error.as_deref()), (RunStatus::Failed, Some("the cat ate it")));
    assert_eq!(run.error_type, None, "it is a message, and nothing else");
    let at = run.error_at.expect("it is known");
    assert!(at.starts_with("tests/guests/basics/src/plain.rs:"), "{at}");
    let _first = host.start("busy_hook", json!("order-42")).await;
    patiently(async {
        while host.engine.hook("order-42").await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let run = host.run("busy_hook", json!("order-42")).await;
    assert_eq!(run.error_type.as_deref(), Some("segno::hook::HookError"));
    let at = run.error_at.clone().expect("it is known");
    assert!(at.starts_with("tests/guests/basics/src/talk.rs:"), "that of the `?`: {at}");
    let history = host.engine.history(run.run_id, 0, 100).await.expect("it is known");
    let last = history.events.last().map(|entry| entry.event.clone());
    let Some(HistoryEvent::RunFailed { error_type, error_at, .. }) = last else {
        panic!("{last:?}")
    };
    assert_eq!((error_type, error_at), (run.error_type, run.error_at));
}

#[tokio::test]
async fn a_step_that_never_succeeds_fails_when_its_attempts_are_used_up() {
    let host = Host::new().await;
    let run = host.run("step_fails", json!({"flaky": 99})).await;
    let failure = &output(&run)["Err"];
    assert_eq!(failure["attempts"], json!(4));
    assert_eq!(failure["message"], json!("attempt 4 of 99 bad ones"));
}

#[tokio::test]
async fn a_fatal_step_fails_at_once() {
    let host = Host::new().await;
    let run = host.run("step_fails", json!({"fatal": "no such thing"})).await;
    assert_eq!(output(&run)["Err"]["attempts"], json!(1), "{run:?}");
}

#[tokio::test]
async fn a_step_that_panics_is_a_failure_and_not_the_end_of_the_host() {
    let host = Host::new().await;
    let run = host.run("step_fails", json!({"panics": "alas"})).await;
    assert_eq!(output(&run)["Err"]["message"], json!("the step panicked: alas"));
}

#[tokio::test]
async fn requests_reach_the_workflow_in_order_and_are_answered() {
    for workflow in ["hook_manual", "hook_manual_in_step"] {
        let host = Host::new().await;
        let run = host.start(workflow, json!(2)).await;
        let token = host.token(run).await;
        for body in ["abc", "xyz"] {
            let reply = host.engine.call_webhook(&token, post(body)).await.expect("it is stored");
            let Reply::Later(answer, _place) = reply else { panic!("{reply:?}") };
            let response =
                patiently(answer).await.expect("it is answered").expect("the workflow answers");
            assert_eq!(response.body, body.bytes().rev().collect::<Vec<_>>());
        }
        assert_eq!(host.end(run).await.status, RunStatus::Completed);
        let late = host.engine.call_webhook(&token, post("late")).await;
        assert!(matches!(late, Err(EngineError::InboxClosed)), "{late:?}");
    }
}

#[tokio::test]
async fn a_webhook_that_nobody_made_is_not_known() {
    let host = Host::new().await;
    let called = host.engine.call_webhook("0123", post("")).await;
    assert!(matches!(called, Err(EngineError::UnknownWebhook)), "{called:?}");
}

#[tokio::test]
async fn a_fixed_answer_is_given_each_time() {
    let host = Host::new().await;
    let run = host.start("hook_static", json!(2)).await;
    let token = host.token(run).await;
    for _ in 0..2 {
        let reply = host.engine.call_webhook(&token, post("")).await.expect("it is stored");
        let Reply::Now(response) = reply else { panic!("{reply:?}") };
        assert_eq!((response.status, &response.body[..]), (200, &br#"{"received":true}"#[..]));
    }
}

#[tokio::test]
async fn requests_beyond_the_buffer_are_refused_and_none_before_is_lost() {
    let host = Host::new().await;
    // The workflow waits for a step while the requests come.
    let run = host.start("hook_busy", json!(null)).await;
    let token = host.token(run).await;
    let mut stored = 0;
    loop {
        match host.engine.call_webhook(&token, post("x")).await {
            Ok(_) => stored += 1,
            Err(EngineError::InboxFull) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(stored, segno_journal::MAX_UNTAKEN);
}

#[tokio::test]
async fn a_run_goes_on_after_a_restart_and_without_room_for_its_guest() {
    let host = Host::new().await;
    let run = host.start("hook", json!(3)).await;
    let token = host.token(run).await;
    host.engine.call_webhook(&token, post("1")).await.expect("it is stored");
    let host = host.restart(|_config| {}).await;
    host.engine.call_webhook(&token, post("2")).await.expect("it is stored");
    let host = host.restart(|config| config.memory_budget = 0).await;
    host.engine.call_webhook(&token, post("3")).await.expect("it is stored");
    assert_eq!(output(&host.end(run).await), json!(["1", "2", "3"]));
}

#[tokio::test]
async fn many_runs_with_room_for_one_guest_all_come_to_their_end() {
    let host = Host::with(|config| config.memory_budget = 0).await;
    let mut runs = Vec::new();
    for n in 1..30 {
        runs.push((n, host.start("add_steps", json!(n)).await));
    }
    for (n, run) in runs {
        assert_eq!(output(&host.end(run).await), json!(n));
    }
}

#[tokio::test]
async fn ending_a_run_whose_step_waits_for_its_turn_does_not_hold_back_the_others() {
    let host = Host::with(|config| config.max_running_steps = 1).await;
    let first = host.start("step_fails", json!({"slow": 3_600_000})).await;
    host.until(first, |view| (view.waits_for.len() == 1).then_some(())).await;
    let waiting = host.start("step_fails", json!({"slow": 0})).await;
    host.until(waiting, |view| (view.waits_for.len() == 1).then_some(())).await;
    host.engine.cancel(waiting).await.expect("it waits");
    host.engine.cancel(first).await.expect("it waits");
    assert_eq!(output(&host.run("add_steps", json!(3)).await), json!(3));
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_take_the_key_with_it() {
    let host = Host::new().await;
    for n in 0..20 {
        let key = format!("order-{n}");
        let start = || host.engine.start("echo", raw(&json!(1)), Some(key.clone()));
        // Polled once and dropped: the request is on its way.
        let mut hangs_up = Box::pin(start());
        let _ = futures::poll!(&mut hangs_up);
        drop(hangs_up);
        start().await.expect("it is started");
    }
    let filter = segno_host::engine::RunFilter { limit: 100, ..Default::default() };
    assert_eq!(host.engine.runs(filter).await.expect("they are known").runs.len(), 20);
}

#[tokio::test]
async fn the_same_key_starts_one_run_however_many_ask() {
    let host = Host::new().await;
    let start = || host.engine.start("echo", raw(&json!(1)), Some("order-7".into()));
    let started = futures::future::join_all((0..50).map(|_| start())).await;
    let started: Vec<_> =
        started.into_iter().map(|started| started.expect("it is started")).collect();
    assert_eq!(started.iter().filter(|started| started.created).count(), 1);
    assert!(started.iter().all(|other| other.run_id == started[0].run_id));
    let run = started[0].run_id;
    let host = host.restart(|_config| {}).await;
    let again =
        host.engine.start("echo", raw(&json!(1)), Some("order-7".into())).await.expect("known");
    assert_eq!((again.run_id, again.created), (run, false));
}

#[tokio::test]
async fn a_workflow_that_nobody_deployed_is_named_with_those_that_are() {
    let host = Host::new().await;
    let error = host.engine.start("ehco", raw(&json!(1)), None).await.expect_err("there is none");
    assert!(error.to_string().starts_with("there is no workflow `ehco`; known are "), "{error}");
    assert!(error.to_string().contains("echo"), "{error}");
}

#[tokio::test]
async fn a_cancelled_run_is_over_and_its_webhooks_are_closed() {
    let host = Host::new().await;
    let run = host.start("hook", json!(3)).await;
    let token = host.token(run).await;
    assert_eq!(host.engine.cancel(run).await.expect("it waits").status, RunStatus::Cancelled);
    assert_eq!(host.engine.cancel(run).await.expect("twice is once").status, RunStatus::Cancelled);
    let called = host.engine.call_webhook(&token, post("")).await;
    assert!(matches!(called, Err(EngineError::InboxClosed)), "{called:?}");
    let done = host.run("echo", json!(1)).await.run_id;
    assert!(matches!(host.engine.cancel(done).await, Err(EngineError::AlreadyEnded(_))));
    let nobody = RunId::from_parts(Timestamp(1), 1);
    assert!(matches!(host.engine.cancel(nobody).await, Err(EngineError::UnknownRun(_))));
}

#[tokio::test]
async fn a_cancelled_run_tells_its_steps_to_stop() {
    let host = Host::new().await;
    let run = host.start("step_fails", json!({"slow": 3_600_000})).await;
    host.engine.cancel(run).await.expect("it waits");
    // The step would run for an hour; the host stops at once because it was told.
    patiently(host.engine.shutdown()).await;
}

#[tokio::test]
async fn rogue_runs_are_blocked_with_a_reason_and_the_others_go_on() {
    let host = Host::with(|config| config.limits.fuel_per_turn = 1_000_000_000).await;
    host.engine.deploy(rogue()).await.expect("the module is good");
    let cases = [
        ("spin", "instructions without waiting"),
        ("hog", "bytes of memory"),
        ("panic", "the workflow panicked: out of my depth"),
        ("overflow", "endless recursion"),
        ("thread_sleep", "segno::sleep"),
        ("socket", "segno::http"),
        ("exit", "return from the workflow"),
    ];
    let mut rogues = Vec::new();
    for (workflow, reason) in cases {
        rogues.push((reason, host.start(workflow, json!(null)).await));
    }
    assert_eq!(output(&host.run("add_steps", json!(10)).await), json!(10));
    for (reason, run) in rogues {
        let view = host.end(run).await;
        assert_eq!(view.status, RunStatus::Blocked);
        assert!(blocked(&view).contains(reason), "{view:?}");
        assert_eq!(
            host.engine.cancel(run).await.expect("it is blocked").status,
            RunStatus::Cancelled
        );
    }
}

#[tokio::test]
async fn a_raised_limit_lets_a_blocked_run_go_on() {
    let host = Host::with(|config| config.limits.open_operations = 10).await;
    let run = host.start("fan_out", json!(20)).await;
    let view = host.end(run).await;
    assert!(blocked(&view).contains("more than 10 operations at once"), "{view:?}");
    let host = host.restart(|_config| {}).await;
    assert_eq!(host.output(run).await, json!(210));
}

#[tokio::test]
async fn what_happens_to_a_blocked_run_waits_for_it() {
    let host = Host::with(|config| config.limits.fuel_per_turn = 30_000_000).await;
    let run = host.start("hook_heavy", json!(3)).await;
    let token = host.token(run).await;
    for body in ["1", "2", "3"] {
        host.engine.call_webhook(&token, post(body)).await.expect("it is stored");
    }
    assert!(blocked(&host.end(run).await).contains("instructions"));
    let host = host.restart(|config| config.limits.fuel_per_turn = 30_000_000).await;
    host.engine.call_webhook(&token, post("4")).await.expect("it is stored");
    let host = host.restart(|_config| {}).await;
    assert_eq!(host.output(run).await, json!(["1", "2", "3"]));
}

#[tokio::test]
async fn a_sleep_ends_when_its_time_has_come_and_not_before() {
    let host = Sleeper::new().await;
    let run = host.start().await;
    host.clock.advance(Duration::from_millis(3_599_999));
    host.look(run, RunStatus::Running).await;
    host.clock.advance(Duration::from_millis(1));
    host.look(run, RunStatus::Completed).await;
}

#[tokio::test]
async fn a_sleep_that_is_overdue_at_the_start_ends_at_once() {
    let host = Sleeper::new().await;
    let run = host.start().await;
    let host = host.restart_after(Duration::from_secs(3_600)).await;
    host.look(run, RunStatus::Completed).await;
}

/// An engine whose clock stands still until it is moved.
struct Sleeper {
    engine: Engine,
    store: Store,
    directory: tempfile::TempDir,
    clock: VirtualClock,
}

impl Sleeper {
    async fn new() -> Self {
        let directory = tempfile::TempDir::new().expect("a temporary directory");
        let store = Store::open(directory.path()).expect("the store opens");
        let clock = VirtualClock::new(Timestamp(1_700_000_000_000));
        let sleeper = Self::open(directory, store, clock).await;
        sleeper.engine.deploy(segno_tests::basics()).await.expect("the module is good");
        sleeper
    }

    async fn open(directory: tempfile::TempDir, store: Store, clock: VirtualClock) -> Self {
        let mut config = Config::new(directory.path(), "http://segno.test");
        config.cache = segno_tests::cache();
        let time = Clock::Virtual(clock.clone());
        let engine = Engine::open_on(store.clone(), config, guest_basics::steps(), time).await;
        Self { engine: engine.expect("the engine opens"), store, directory, clock }
    }

    async fn restart_after(self, pause: Duration) -> Self {
        self.engine.shutdown().await;
        self.clock.advance(pause);
        Self::open(self.directory, self.store, self.clock).await
    }

    async fn start(&self) -> RunId {
        self.engine.start("nap", raw(&json!(3_600_000)), None).await.expect("it starts").run_id
    }

    /// Looks until the run stands so; one that is over when it must not be fails the test.
    async fn look(&self, run: RunId, wanted: RunStatus) {
        let patience =
            if wanted == RunStatus::Running { Duration::ZERO } else { Duration::from_secs(60) };
        let view = self.engine.wait(run, patience).await.expect("the run is known");
        assert_eq!(view.status, wanted);
    }
}

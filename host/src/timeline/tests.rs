//! What a timeline shows, to the letter.

use expect_test::{Expect, expect};
use segno_api::{BlockedView, RunStatus};
use segno_journal::{BlockKind, Level, RunId};
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap()
}

fn run() -> RunView {
    RunView {
        run_id: RunId::from_parts(segno_journal::Timestamp(0), 7),
        workflow: "crm_poll".into(),
        status: RunStatus::Running,
        module: "sha256:0123".into(),
        started_at: at(0),
        ended_at: None,
        parent: None,
        forked_from: None,
        turns: 4,
        input: RawValue::from_string(r#"{"every":"5m"}"#.into()).unwrap(),
        output: None,
        error: None,
        error_type: None,
        error_at: None,
        blocked: None,
        waits_for: vec![],
        cleanup: None,
        on_end: None,
        attributes: std::collections::BTreeMap::new(),
        begins_at: None,
        times_out_at: None,
    }
}

fn check(view: &RunView, history: Vec<(i64, HistoryEvent)>, limit: usize, expected: &Expect) {
    let timeline = Timeline::new(view, at(60), limit);
    let mut lines = vec![timeline.head()];
    let entries = history.into_iter().map(|(seconds, event)| HistoryEntry {
        turn: 0,
        at: at(seconds),
        event,
    });
    lines.extend(entries.map(|entry| timeline.entry(&entry)));
    lines.extend(timeline.foot());
    expected.assert_eq(&lines.join("\n"));
}

/// A step, a sleep and a webhook.
fn waits() -> Vec<Wait> {
    vec![
        Wait::Step {
            op: 2,
            step_id: "run:2".into(),
            name: "upsert".into(),
            missing: false,
            since: at(50),
            attempt: 2,
            last_error: Some("503".into()),
            retry_at: Some(at(64)),
            losses: 0,
            heartbeat: None,
        },
        Wait::Sleep { op: 3, since: at(1), until: at(301) },
        Wait::Webhook { op: 4, url: "http://localhost/hook/x".into(), since: at(1), untaken: 2 },
    ]
}

fn gave(op: u64, name: Option<&str>, output: Value) -> HistoryEvent {
    HistoryEvent::StepCompleted { op, name: name.map(str::to_owned), output: (&output).into() }
}

#[test]
fn a_run_that_waits_shows_what_happened_and_what_for() {
    let view = RunView { waits_for: waits(), ..run() };
    let history = vec![
        (0, HistoryEvent::RunStarted { input: (&json!({})).into() }),
        (0, HistoryEvent::Log { level: Level::Info, message: "polling\n\x1b[2J".into() }),
        (
            0,
            HistoryEvent::StepStarted {
                op: 0,
                step_id: "run:0".into(),
                name: "fetch".into(),
                input: (&json!({"since": 1})).into(),
            },
        ),
        (1, gave(0, Some("fetch"), json!([1, 2, 3, 4, 5, 6]))),
        (1, gave(1, None, json!(7))),
        (1, HistoryEvent::SleepStarted { op: 3, until: at(301) }),
        (
            5,
            HistoryEvent::StepRetrying {
                op: 2,
                name: Some("upsert".into()),
                attempt: 1,
                error: "503".into(),
                retry_at: at(64),
            },
        ),
    ];
    check(
        &view,
        history,
        10,
        &expect![[r#"
        run_00000000000000000000000007  crm_poll  running
          module   sha256:0123
          started  2026-01-01T00:00:00Z (1m 0s ago)
          turns    4
          input    {"every":"…

          +0ms      the run began
          +0ms      info  polling\n\u{1b}[…
          +0ms      step #0 fetch {"since":1…
          +1.0s     step #0 fetch gave [1,2,3,4,5…
          +1.0s     step #1 gave 7
          +1.0s     sleep #3 until 2026-01-01T00:05:01Z (in 4m 1s)
          +5.0s     step #2 upsert attempt 1 failed: 503; next one due 2026-01-01T00:01:04Z (in 4.0s)

        waits for
          step #2 upsert, attempt 2, asked for 2026-01-01T00:00:50Z (10.0s ago); due 2026-01-01T00:01:04Z (in 4.0s), because the last attempt failed: 503
          sleep #3 until 2026-01-01T00:05:01Z (in 4m 1s)
          webhook #4 at http://localhost/hook/x, 2 untaken"#]],
    );
}

#[test]
fn a_blocked_run_says_how_it_can_go_on() {
    let blocked = BlockedView {
        kind: BlockKind::Trap,
        message: "panicked at src/lib.rs:7".into(),
        at: Some(at(30)),
    };
    let view = RunView { status: RunStatus::Blocked, blocked: Some(blocked), ..run() };
    check(
        &view,
        vec![],
        100,
        &expect![[r#"
        run_00000000000000000000000007  crm_poll  blocked
          module   sha256:0123
          started  2026-01-01T00:00:00Z (1m 0s ago)
          turns    4
          input    {"every":"5m"}


        blocked (trap) 2026-01-01T00:00:30Z (30.0s ago): panicked at src/lib.rs:7
        when that is mended: resume run_00000000000000000000000007 [--module DIGEST]"#]],
    );
}

#[test]
fn what_was_done_to_a_run_from_outside_stands_in_its_history() {
    let by = || Some("ann\x1b".to_owned());
    let history = vec![
        (
            1,
            HistoryEvent::RunBlocked {
                kind: BlockKind::Trap,
                message: "panicked at src/lib.rs:7".into(),
                event: Some("step #1 pay gave null".into()),
            },
        ),
        (
            2,
            HistoryEvent::ModuleChanged {
                by: by(),
                from: "sha256:0".into(),
                to: "sha256:1".into(),
            },
        ),
        (2, HistoryEvent::RunResumed { by: by() }),
        (3, HistoryEvent::RunCancelled { by: None }),
    ];
    let view = run();
    let timeline = Timeline::new(&view, at(60), 100);
    let lines = history
        .into_iter()
        .map(|(seconds, event)| timeline.entry(&HistoryEntry { turn: 0, at: at(seconds), event }));
    let lines: Vec<_> = lines.map(|line| line.trim_start().to_owned()).collect();
    expect![[r#"
        +1.0s     the run was blocked (trap): panicked at src/lib.rs:7; it could not be told: step #1 pay gave null
        +2.0s     the run was moved from module sha256:0 to sha256:1 by ann\u{1b}
        +2.0s     the run was resumed by ann\u{1b}
        +3.0s     the run was cancelled"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn a_run_that_is_over_says_how_long_it_took() {
    let view = RunView { status: RunStatus::Failed, ended_at: Some(at(42)), ..run() };
    let failed = HistoryEvent::StepFailed {
        op: 1,
        name: "pay\x1b[2J".into(),
        attempts: 1,
        error: "no".into(),
        fatal: true,
    };
    let history = vec![
        (41, failed),
        (
            42,
            HistoryEvent::RunFailed {
                error: "pay failed: no".into(),
                error_type: Some("segno::StepFailure".into()),
                error_at: Some("src/lib.rs:41:18".into()),
            },
        ),
    ];
    check(
        &view,
        history,
        100,
        &expect![[r#"
        run_00000000000000000000000007  crm_poll  failed
          module   sha256:0123
          started  2026-01-01T00:00:00Z (1m 0s ago)
          ended    2026-01-01T00:00:42Z (18.0s ago) after 42.0s
          turns    4
          input    {"every":"5m"}

          +41.0s    step #1 pay\u{1b}[2J failed fatally in 1 attempt: no
          +42.0s    the run failed: pay failed: no (segno::StepFailure at src/lib.rs:41:18)"#]],
    );
}

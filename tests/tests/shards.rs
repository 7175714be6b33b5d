//! One run that holds up its shard: it is seen, it can be ended, and all others are none the worse.

use std::time::Duration;

use segno_host::engine::{
    Asker, CancelHow, Clock, Config, Engine, HistoryEvent, RunStatus, VirtualClock, Wait,
};
use segno_host::store::Store;
use segno_journal::{BlockKind, RunId, Timestamp};
use segno_tests::hostile::Hostile;
use segno_tests::{cache, raw};
use serde_json::json;
use tempfile::TempDir;

/// Longer than a shard may be at one turn before it counts as one that does not answer.
const LONG: Duration = Duration::from_secs(60);

/// Sleeps until 0, which is over at once, and in its second turn never comes to an end.
const SPINS: Hostile<'_> = Hostile {
    workflows: &["spins"],
    steps: &[],
    pages: 2,
    describe: "",
    start: "(drop (call $sleep.until (i64.const 0))) (i32.const 16)",
    deliver: "(loop $again (br $again)) (i32.const 16)",
    query: "(i32.const 16)",
    save: "",
    load: "",
    realloc: "",
    more: "",
};

/// Computes for a second or two in each turn but the first, and goes on for ever.
const COMPUTES: &str = "(local $left i64) (local.set $left (i64.const 600000000))
    (loop $again
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br_if $again (i64.ne (local.get $left) (i64.const 0))))
    (drop (call $sleep.until (i64.const 0))) (i32.const 16)";

/// An engine on a clock that is moved by hand, whose guests may compute without end.
async fn engine(directory: &TempDir, clock: &VirtualClock) -> Engine {
    engine_without(directory, clock, &[]).await
}

/// The same that leaves runs out.
async fn engine_without(directory: &TempDir, clock: &VirtualClock, park: &[RunId]) -> Engine {
    let mut config = Config::new(directory.path(), "http://segno.test");
    (config.cache, config.shards, config.drain) = (cache(), 2, Duration::ZERO);
    config.limits.fuel_per_turn = u64::MAX;
    config.park = park.iter().copied().collect();
    let store = Store::open(&config.data).expect("the store opens");
    let clock = Clock::Virtual(clock.clone());
    Engine::open_on(store, config, segno::Steps::new(), clock).await.expect("the engine opens")
}

async fn deploy(engine: &Engine, hostile: &Hostile<'_>) {
    engine.deploy(hostile.component().into()).await.expect("the module is accepted");
}

async fn start(engine: &Engine, workflow: &str) -> RunId {
    engine.start(workflow, raw(&json!(null)), None).await.expect("the run starts").run_id
}

/// Moves the clock on until a shard does not answer because it computes. It may just be about to say that
/// it is done with something else.
async fn until_stuck(engine: &Engine, clock: &VirtualClock) {
    while !engine.unresponsive().iter().any(|busy| busy.computes.is_some()) {
        clock.advance(LONG);
        tokio::task::yield_now().await;
    }
}

/// Runs that sleep for ever, some on each shard.
async fn sleepers(engine: &Engine) -> Vec<RunId> {
    let sleeps = "(drop (call $sleep.until (i64.const -1))) (i32.const 16)";
    deploy(engine, &Hostile { workflows: &["sleeps"], start: sleeps, ..Hostile::default() }).await;
    let mut runs = Vec::new();
    for _ in 0..8 {
        runs.push(start(engine, "sleeps").await);
    }
    runs
}

#[tokio::test]
async fn a_run_that_holds_up_its_shard_is_seen_and_can_be_cancelled_and_stays_it() {
    let directory = TempDir::new().unwrap();
    let clock = VirtualClock::new(Timestamp(1));
    let host = engine(&directory, &clock).await;
    let innocent = sleepers(&host).await;
    deploy(&host, &SPINS).await;
    let spins = start(&host, "spins").await;
    until_stuck(&host, &clock).await;
    let [busy] = host.unresponsive().try_into().expect("one shard is held up");
    assert_eq!(busy.computes, Some((spins, "spins".into())));
    assert!(!host.no_shard_answers() && host.trouble().is_none(), "the other shard goes on");
    let metrics = host.metrics();
    assert!(
        metrics.contains(&format!("segno_shard_turn_age_seconds{{shard=\"{}\"}}", busy.shard)),
        "{metrics}"
    );
    // Those that share its shard are told of from the disk.
    for run in &innocent {
        let view = host.run(*run).await.expect("it is told of");
        assert!(matches!(view.waits_for[..], [Wait::Sleep { .. }]), "{view:?}");
    }
    let view = host
        .cancel_by(spins, CancelHow::default(), Asker::named("somebody"))
        .await
        .expect("it is cancelled");
    assert_eq!((view.status, view.turns), (RunStatus::Cancelled, 2));
    assert_eq!(host.cancel(spins).await.expect("it is cancelled").status, RunStatus::Cancelled);
    let history = host.history(spins, 0, 10).await.expect("it has a history");
    assert_eq!(
        history.events.last().map(|entry| &entry.event),
        Some(&HistoryEvent::RunCancelled { by: Some("somebody".into()) })
    );
    host.shutdown().await;
    drop(host);
    // The thread still computes. The next host has the run no more, and all others.
    let host = engine(&directory, &clock).await;
    assert_eq!(host.run(spins).await.expect("it is known").status, RunStatus::Cancelled);
    for run in innocent {
        let view = host.cancel(run).await.expect("its shard answers");
        assert_eq!(view.status, RunStatus::Cancelled);
    }
    assert!(host.unresponsive().is_empty());
    host.shutdown().await;
}

#[tokio::test]
async fn what_a_shard_computed_for_a_run_that_was_cancelled_meanwhile_is_dropped() {
    let directory = TempDir::new().unwrap();
    let clock = VirtualClock::new(Timestamp(1));
    let host = engine(&directory, &clock).await;
    let innocent = sleepers(&host).await;
    let start_sleep = "(drop (call $sleep.until (i64.const 0))) (i32.const 16)";
    let computes = Hostile {
        workflows: &["computes"],
        start: start_sleep,
        deliver: COMPUTES,
        ..Hostile::default()
    };
    deploy(&host, &computes).await;
    let run = start(&host, "computes").await;
    until_stuck(&host, &clock).await;
    let cancelled = host.cancel(run).await.expect("it is cancelled");
    assert_eq!(cancelled.status, RunStatus::Cancelled);
    while !host.unresponsive().is_empty() {
        tokio::task::yield_now().await;
    }
    // Its shard has come back, and goes on with the others.
    for other in innocent {
        assert_eq!(
            host.cancel(other).await.expect("its shard answers").status,
            RunStatus::Cancelled
        );
    }
    let view = host.run(run).await.expect("it is known");
    assert_eq!((view.status, view.turns), (RunStatus::Cancelled, cancelled.turns));
    host.shutdown().await;
    drop(host);
    let host = engine(&directory, &clock).await;
    let view = host.run(run).await.expect("it is known");
    assert_eq!((view.status, view.turns), (RunStatus::Cancelled, cancelled.turns));
    host.shutdown().await;
}

/// Sleeps for ever, beside a sleep that is over at once, and does so again.
const WAITS: Hostile<'_> = Hostile {
    workflows: &["waits"],
    start: "(drop (call $sleep.until (i64.const -1))) (drop (call $sleep.until (i64.const 0))) (i32.const 16)",
    deliver: "(drop (call $sleep.until (i64.const -1))) (i32.const 16)",
    ..SPINS
};

#[tokio::test]
async fn a_run_that_is_parked_by_its_operator_is_left_out_until_it_is_resumed() {
    let directory = TempDir::new().unwrap();
    let clock = VirtualClock::new(Timestamp(1));
    let host = engine(&directory, &clock).await;
    deploy(&host, &WAITS).await;
    let run = start(&host, "waits").await;
    while host.run(run).await.expect("it is known").turns < 2 {
        tokio::task::yield_now().await;
    }
    let cancelled = start(&host, "waits").await;
    host.shutdown().await;
    drop(host);
    let host = engine_without(&directory, &clock, &[run, cancelled]).await;
    let view = host.run(run).await.expect("it is known");
    assert_eq!(
        view.blocked.as_ref().map(|blocked| blocked.kind),
        Some(BlockKind::Parked),
        "{view:?}"
    );
    assert_eq!(view.turns, 2);
    let view = host.cancel(cancelled).await.expect("it is cancelled");
    assert_eq!(view.status, RunStatus::Cancelled);
    host.shutdown().await;
    drop(host);
    // It stays so, whether it is named again or not.
    let host = engine(&directory, &clock).await;
    assert_eq!(host.run(run).await.expect("it is known").status, RunStatus::Blocked);
    let view = host.resume(run, None).await.expect("it is resumed");
    assert_eq!((view.status, view.turns), (RunStatus::Running, 2), "{view:?}");
    assert!(matches!(view.waits_for[..], [Wait::Sleep { .. }, Wait::Sleep { .. }]), "{view:?}");
    host.shutdown().await;
}

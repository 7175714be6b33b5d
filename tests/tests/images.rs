//! Images: a run goes on from its memory, whatever happens to the images on disk.

use segno_host::engine::{Config, EngineError, RunStatus};
use segno_host::store::{Store, StoreError};
use segno_journal::RunId;
use segno_tests::{Host, output, post};
use serde_json::{Value, json};

const RUNS: &str = "runs";
const TURNS: &str = "turns";
const ATTEMPTS: &str = "attempts";
const FAILING: &str = "failing";
const WEBHOOKS: &str = "webhooks";
const IMAGES: &str = "images";
const BLOCKS: &str = "blocks";

/// More turns than lie between two images, several times.
const STEPS: usize = 1_000;

/// A run that has done its steps and waits for the first of its two calls.
async fn waiting_run(host: &Host, workflow: &str) -> RunId {
    let run = host.start(workflow, json!({ "calls": 2, "steps": STEPS })).await;
    until_it_waits_for_a_call(host, run).await;
    run
}

async fn until_it_waits_for_a_call(host: &Host, run: RunId) {
    host.until(run, |view| (view.waits_for.len() == 1).then_some(())).await;
}

/// What the run gives when it gets its two calls, each on a host of its own.
async fn play_on(host: Host, run: RunId) -> Value {
    let token = host.token(run).await;
    host.engine.call_webhook(&token, post("one")).await.expect("the call is stored");
    until_it_waits_for_a_call(&host, run).await;
    let host = host.restart(|_config| {}).await;
    host.engine.call_webhook(&token, post("two")).await.expect("the call is stored");
    output(&host.end(run).await)
}

fn expected() -> Value {
    json!([2 * STEPS, ["one", "two"]])
}

/// Stops the host, changes its store, and starts it again.
async fn tampered(host: Host, tamper: impl FnOnce(&Store)) -> Host {
    let directory = host.stop().await;
    let store = Store::open(directory.path()).expect("the store is let go");
    tamper(&store);
    drop(store);
    Host::reopen(directory, without_verifying).await
}

/// The turns that are taken away cannot be compared with.
fn without_verifying(config: &mut Config) {
    config.verify_images = false;
}

/// Changes each row of a table, or takes it away.
fn change(store: &Store, table: &str, change: impl Fn(usize, &[u8]) -> Option<Vec<u8>>) -> usize {
    let before = store.raw_rows(table).expect("it can be read");
    let changed = store.change_raw(|rows| {
        before.iter().enumerate().try_for_each(|(at, (key, value))| match change(at, value) {
            Some(new) => rows.put(table, key, &new),
            None => rows.remove(table, key),
        })
    });
    changed.expect("it can be written");
    before.len()
}

fn rows(store: &Store, table: &str) -> usize {
    store.raw_rows(table).expect("it can be read").len()
}

/// A byte in the middle is another one.
fn damaged(value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    let middle = value.len() / 2;
    value[middle] ^= 0x40;
    value
}

#[tokio::test]
async fn a_run_goes_on_from_its_image_without_its_first_turns() {
    let host = Host::new().await;
    let run = waiting_run(&host, "rounds").await;
    let host = tampered(host, |store| {
        assert_eq!(rows(store, IMAGES), 2, "the last two are kept");
        assert_eq!(rows(store, BLOCKS), 2);
        // Neither its state nor its guest needs them any more.
        change(store, TURNS, |at, value| (at == 0 || at > STEPS / 2).then(|| value.to_vec()));
    })
    .await;
    assert_eq!(play_on(host, run).await, expected());
}

#[tokio::test]
async fn damaged_missing_and_foreign_images_are_replaced_by_older_ones_and_by_replay() {
    type Tamper = fn(&Store);
    let cases: [(&str, Tamper); 7] = [
        ("the blocks of the newest", |store| {
            change(store, BLOCKS, |at, value| {
                Some(if at == 1 { damaged(value) } else { value.to_vec() })
            });
        }),
        ("all blocks", |store| {
            change(store, BLOCKS, |_, value| Some(damaged(value)));
        }),
        ("no blocks", |store| {
            change(store, BLOCKS, |_, _| None);
        }),
        ("the state of the newest", |store| {
            change(store, IMAGES, |at, value| {
                Some(if at == 1 { damaged(value) } else { value.to_vec() })
            });
        }),
        ("all states, of half their length", |store| {
            change(store, IMAGES, |_, value| Some(value[..value.len() / 2].to_vec()));
        }),
        ("no images", |store| {
            change(store, IMAGES, |_, _| None);
        }),
        ("each in the place of the other", |store| {
            for table in [IMAGES, BLOCKS] {
                let all: std::cell::RefCell<Vec<Vec<u8>>> = std::cell::RefCell::default();
                change(store, table, |_, value| {
                    all.borrow_mut().push(value.to_vec());
                    Some(value.to_vec())
                });
                change(store, table, |at, _| Some(all.borrow()[1 - at].clone()));
            }
        }),
    ];
    for (name, tamper) in cases {
        let host = Host::new().await;
        let run = waiting_run(&host, "rounds").await;
        let host = tampered(host, tamper).await;
        assert_eq!(play_on(host, run).await, expected(), "{name}");
    }
}

#[tokio::test]
async fn a_workflow_that_keeps_its_last_turns_has_a_bounded_journal_and_goes_on() {
    let host = Host::new().await;
    let run = waiting_run(&host, "rounds_kept").await;
    let host = tampered(host, |store| {
        let turns = rows(store, TURNS);
        assert!((100..STEPS - 100).contains(&turns), "{turns} turns are kept");
    })
    .await;
    let told = host.engine.history(run, 0, 10_000).await.expect("what is left can be told");
    assert_eq!(told.events[0].turn, 0, "what the run was given is kept");
    assert_eq!(play_on(host, run).await, expected());
}

/// Plays a run of so many thousand turns that keeps its last 1,000; gives how large its store is when the
/// host has stopped, in bytes. (While it runs, the log is there as well, which is bounded.)
async fn long_life(thousands: u64) -> u64 {
    let host = Host::with(without_verifying).await;
    let run = host.start("crowds_kept", json!(thousands)).await;
    let done =
        host.engine.wait(run, std::time::Duration::from_secs(3_600)).await.expect("it is known");
    assert_eq!(output(&done), json!(thousands * 1_000));
    let directory = host.stop().await;
    let file = directory.path().join("segno.redb");
    let size = std::fs::metadata(&file).expect("there is a store").len();
    let store = Store::open(directory.path()).expect("the store is let go");
    let turns = rows(&store, TURNS);
    assert!(turns < 10_000, "{turns} turns are kept");
    size
}

#[tokio::test]
async fn a_run_that_keeps_its_last_turns_takes_no_more_room_as_it_grows() {
    let (early, late) = (long_life(5).await, long_life(50).await);
    assert!(late <= 2 * early, "the store grew from {early} to {late} bytes");
}

#[tokio::test]
#[ignore = "it takes minutes; the same with 50,000 turns is run each time"]
async fn a_run_of_a_million_turns_takes_no_more_room_than_one_of_a_hundred_thousand() {
    let (early, late) = (long_life(100).await, long_life(1_000).await);
    println!("{early} bytes after 100,000 turns, {late} after 1,000,000");
    assert!(late <= 2 * early, "the store grew from {early} to {late} bytes");
}

#[tokio::test]
async fn a_run_that_keeps_its_last_turns_forgets_failed_attempts_and_closed_webhooks() {
    let host = Host::new().await;
    let run = host.start("mishaps_kept", json!(20)).await;
    host.until(run, |view| (view.turns > 20).then_some(())).await;
    let host = tampered(host, |store| {
        assert_eq!((rows(store, ATTEMPTS), rows(store, FAILING)), (0, 0));
        assert_eq!(rows(store, WEBHOOKS), 1, "the one that is open");
    })
    .await;
    let token = host.token(run).await;
    host.engine.call_webhook(&token, post("now")).await.expect("the call is stored");
    assert_eq!(output(&host.end(run).await), json!(20));
}

#[tokio::test]
async fn a_run_without_images_and_without_its_first_turns_is_blocked_and_says_why() {
    let host = Host::new().await;
    let run = waiting_run(&host, "rounds_kept").await;
    let host = tampered(host, |store| {
        change(store, BLOCKS, |_, value| Some(damaged(value)));
    })
    .await;
    let token = host.token(run).await;
    host.engine.call_webhook(&token, post("one")).await.expect("the call is stored");
    let view = host.end(run).await;
    let blocked = segno_tests::blocked(&view);
    assert!(
        blocked.starts_with("none of its images can be used, and its turns before "),
        "{blocked}"
    );
}

#[tokio::test]
async fn a_run_whose_journal_counts_its_operations_wrong_is_blocked_and_says_where() {
    let host = Host::new().await;
    let run = waiting_run(&host, "rounds").await;
    let host = tampered(host, |store| {
        change(store, BLOCKS, |_, value| Some(damaged(value)));
        // The state of the run comes from an image; only a replay of its guest comes by here. Before
        // the number stand the envelope, the references to payloads, of which there are none, how many fields
        // the turn has, and 5.
        change(store, TURNS, |at, value| {
            let mut value = value.to_vec();
            value[5] += u8::from(at == 5);
            Some(value)
        });
    })
    .await;
    let token = host.token(run).await;
    host.engine.call_webhook(&token, post("one")).await.expect("the call is stored");
    let view = host.end(run).await;
    assert_eq!(
        segno_tests::blocked(&view),
        "turn 5 says that 7 operations began before it, but 6 did"
    );
}

#[tokio::test]
async fn a_run_whose_images_are_gone_with_its_first_turns_says_so_and_can_be_cancelled() {
    let host = Host::new().await;
    let run = waiting_run(&host, "rounds_kept").await;
    let host = tampered(host, |store| {
        change(store, IMAGES, |_, _| None);
    })
    .await;
    let view = host.end(run).await;
    let blocked = segno_tests::blocked(&view);
    assert!(blocked.contains("none of its images can be used, and its turns before "), "{blocked}");
    assert_eq!(
        host.engine.cancel(run).await.expect("it can be got rid of").status,
        RunStatus::Cancelled
    );
}

#[tokio::test]
async fn a_run_that_printed_is_replayed() {
    let host = Host::new().await;
    let run = waiting_run(&host, "rounds_printed").await;
    let host = tampered(host, |store| assert_eq!(rows(store, IMAGES), 0)).await;
    assert_eq!(play_on(host, run).await, expected());
}

#[tokio::test]
async fn the_images_of_a_run_are_gone_when_it_has_ended() {
    let host = Host::new().await;
    let view = host.run("add_steps", json!(STEPS)).await;
    assert_eq!(view.turns, STEPS as u64 + 1);
    tampered(host, |store| assert_eq!((rows(store, IMAGES), rows(store, BLOCKS)), (0, 0))).await;
}

#[tokio::test]
async fn where_no_guest_has_room_to_stay_every_run_still_goes_its_way() {
    let host = Host::with(|config| config.memory_budget = 0).await;
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.push(host.start("rounds", json!({ "calls": 1, "steps": 100 })).await);
    }
    for run in runs {
        until_it_waits_for_a_call(&host, run).await;
        let token = host.token(run).await;
        host.engine.call_webhook(&token, post("now")).await.expect("the call is stored");
        assert_eq!(output(&host.end(run).await), json!([100, ["now"]]));
    }
}

#[tokio::test]
async fn a_run_whose_journal_is_damaged_is_blocked_and_can_be_cancelled() {
    let host = Host::new().await;
    let run = host.start("rounds", json!({ "calls": 2, "steps": 3 })).await;
    until_it_waits_for_a_call(&host, run).await;
    let host = tampered(host, |store| {
        change(store, TURNS, |at, value| {
            Some(if at == 1 { value[..2].to_vec() } else { value.to_vec() })
        });
    })
    .await;
    let view = host.end(run).await;
    assert!(
        segno_tests::blocked(&view).contains("a record of table `turns` cannot be read"),
        "{view:?}"
    );
    assert_eq!(
        host.engine.cancel(run).await.expect("it can be got rid of").status,
        RunStatus::Cancelled
    );
    let host = host.restart(|_config| {}).await;
    assert_eq!(host.end(run).await.status, RunStatus::Cancelled);
}

#[tokio::test]
async fn nobody_is_told_that_a_run_is_over_whose_record_cannot_be_read() {
    let host = Host::new().await;
    let run = host.start("hook", json!(1)).await;
    let token = host.token(run).await;
    let host = tampered(host, |store| {
        change(store, RUNS, |_, value| Some(value[..2].to_vec()));
    })
    .await;
    let refused =
        host.engine.call_webhook(&token, post("call")).await.expect_err("nobody hears it");
    assert!(matches!(refused, EngineError::Store(StoreError::Record { .. })), "{refused:?}");
    assert!(host.engine.cancel(run).await.is_err(), "what it is cannot be read");
}

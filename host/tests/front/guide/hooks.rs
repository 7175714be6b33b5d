//! Hooks. "Their" is what the original does where something is decided otherwise.
//!
//! | The guide says | The tests |
//! |---|---|
//! | a hook has the token that the workflow chose, or one that nobody can guess | `a_hook_with_a_token_of_ones_own_is_resumed_by_it`, `a_drawn_token_is_open_before_the_step_that_hands_it_out` |
//! | metadata are shown to those who look the hook up | `whoever_looks_a_hook_up_learns_whose_it_is_and_what_it_is_for`, `a_hook_with_a_drawn_token_says_what_it_is_for` |
//! | a hook is awaited, iterated over, disposed of, or left by its scope | `a_hook_is_a_stream_that_ends_when_it_is_disposed_of`, `leaving_a_scope_gives_the_token_back_and_leaving_a_loop_does_not` |
//! | creating one writes nothing before the workflow waits | `a_hook_that_is_opened_in_the_last_turn_never_was`, `a_token_that_was_asked_for_in_passing_is_free`, `who_gives_up_asking_takes_the_token_from_nobody` |
//! | it is open before a step of the same suspension begins | `what_a_turn_opens_is_open_when_its_steps_begin` |
//! | payloads before the await are buffered in order, and none is lost or merged | `payloads_before_the_await_are_buffered_in_order_and_each_is_taken_once`; here up to a bound: `a_hook_that_nobody_reads_takes_no_more_than_it_has_room_for` |
//! | resuming stores the payload first, and gives the hook back | `what_is_sent_is_in_the_history_when_its_sender_hears_of_it`, `a_hook_is_looked_up_listed_and_called_by_its_token` |
//! | a token that nobody has is not found | `a_token_that_was_never_opened_is_not_found` |
//! | one active owner of a token over all workflows | `of_a_hundred_runs_that_ask_for_a_token_at_once_exactly_one_has_it`, `the_second_owner_of_a_token_fails_only_where_it_does_not_look` |
//! | the second owner does not throw; it can ask who the first is | `a_second_owner_of_a_token_hears_whose_it_is_and_does_not_fail` |
//! | created again in a replay, it is the same hook | `a_token_stays_with_its_run_over_a_restart`, `a_drawn_token_is_the_same_after_a_restart` |
//! | a second hook of a live token in the same run conflicts with the first | `a_token_of_the_same_run_that_is_live_conflicts_with_itself_and_is_free_after_its_scope` |
//! | disposing frees the token at once, leaving a loop does not | `a_hook_that_is_disposed_of_is_gone_and_what_came_before_is_still_taken`, `payloads_before_the_await_are_buffered_in_order_and_each_is_taken_once` |
//! | the end of a run, of whatever kind, frees its tokens without an event | `the_end_of_a_run_frees_its_tokens_however_it_ends`, `the_end_of_a_run_is_all_that_its_history_says_of_its_hooks` |
//! | after a disposal the iteration ends; their pending await never does | `who_waits_at_a_hook_that_is_disposed_of_hears_that_it_is_over` |
//! | a hook may have a schema; theirs is checked by the sender, who is refused | `a_payload_that_does_not_fit_is_left_out_with_a_warning_and_the_next_is_taken` |
//! | a hook that is no webhook cannot be called by the public | `a_hook_is_no_webhook_and_a_webhook_is_no_hook` |
//!
//! A token is never kept longer than its hook, as an option of their version 5 does.

use reqwest::Method;
use serde_json::{Value, json};

use super::{history, post, tell};
use crate::support::{Host, problem};

/// Waits until a run has its hook, and gives what is said of it.
async fn hook_of(host: &Host, run: &str) -> Value {
    loop {
        let page = host.get("/v1/hooks?limit=1000").await;
        let hooks = page["hooks"].as_array().unwrap();
        if let Some(hook) = hooks.iter().find(|hook| hook["run_id"] == run) {
            return hook.clone();
        }
        tokio::task::yield_now().await;
    }
}

/// Whether there is a hook with this token.
async fn is_open(host: &Host, token: &str) -> bool {
    let path = format!("/v1/hooks/{token}");
    host.request(Method::GET, &path).send().await.unwrap().status() == 200
}

#[tokio::test]
async fn a_hook_with_a_drawn_token_says_what_it_is_for() {
    let host = Host::new().await;
    let run = host.start("described", json!(7)).await;
    let hook = hook_of(&host, &run).await;
    assert_eq!(hook["metadata"], json!({ "order": 7 }));
    let path = format!("/v1/hooks/{}", hook["token"].as_str().unwrap());
    assert_eq!(host.get(&path).await, hook);
    assert_eq!(post(&host, &path).await.json::<Value>().await.unwrap(), hook);
    assert_eq!(host.end(&run).await["output"], Value::Null);
}

#[tokio::test]
async fn a_hook_that_is_opened_in_the_last_turn_never_was() {
    let host = Host::new().await;
    let run = host.start("opens_and_ends", json!(null)).await;
    let token = host.end(&run).await["output"].as_str().unwrap().to_owned();
    assert!(!is_open(&host, &token).await);
    assert_eq!(host.get("/v1/hooks").await["hooks"], json!([]));
}

#[tokio::test]
async fn a_token_that_was_asked_for_in_passing_is_free() {
    let host = Host::new().await;
    let passing = host.start("asks_in_passing", json!("lane")).await;
    let run = host.start("approve", json!("lane")).await;
    assert_eq!(hook_of(&host, &run).await["token"], "lane");
    tell(&host, &passing, "end").await;
    assert_eq!(host.end(&passing).await["status"], "completed");
    assert!(is_open(&host, "lane").await, "the end of the other has not taken it away");
}

#[tokio::test]
async fn what_is_sent_is_in_the_history_when_its_sender_hears_of_it() {
    let host = Host::new().await;
    let run = host.start("deaf_hook", json!("t")).await;
    hook_of(&host, &run).await;
    for count in 1..=3 {
        assert_eq!(post(&host, "/v1/hooks/t").await.status(), 202);
        let received = history(&host, &run, &["hook_received"]).await;
        assert_eq!(received.len(), count, "{received:?}");
    }
}

/// The original rejects the promise of the payload; here opening it is what fails.
#[tokio::test]
async fn the_second_owner_of_a_token_fails_only_where_it_does_not_look() {
    let host = Host::new().await;
    let first = host.start("approve", json!("shared")).await;
    let hook = hook_of(&host, &first).await;
    let second = host.start("deaf_hook", json!("shared")).await;
    let ended = host.end(&second).await;
    assert_eq!(ended["status"], "failed");
    let why = format!("the hook token `shared` is in use by {first}");
    assert_eq!(ended["error"], json!(why), "{ended}");
    let taken = history(&host, &second, &["hook_taken"]).await;
    assert_eq!(taken, [json!({ "type": "hook_taken", "op": 0, "owner": first })]);
    assert_eq!(hook_of(&host, &first).await, hook, "the first has noticed nothing");
}

#[tokio::test]
async fn the_end_of_a_run_is_all_that_its_history_says_of_its_hooks() {
    let host = Host::new().await;
    let run = host.start("deaf_hook", json!("t")).await;
    hook_of(&host, &run).await;
    assert_eq!(post(&host, &format!("/v1/runs/{run}/cancel")).await.status(), 200);
    assert_eq!(history(&host, &run, &["disposed", "run_cancelled"]).await.len(), 1);
    problem(post(&host, "/v1/hooks/t").await, 404, "unknown-hook").await;
}

/// The original never wakes who waits at a hook that it disposes of itself.
#[tokio::test]
async fn who_waits_at_a_hook_that_is_disposed_of_hears_that_it_is_over() {
    let host = Host::new().await;
    let run = host.start("waits_and_disposes", json!("t")).await;
    hook_of(&host, &run).await;
    tell(&host, &run, "dispose").await;
    let ended = host.end(&run).await;
    assert_eq!((&ended["status"], &ended["output"]), (&json!("completed"), &Value::Null));
}

/// The public of the original hears the same 404 for both.
#[tokio::test]
async fn a_hook_is_no_webhook_and_a_webhook_is_no_hook() {
    let host = Host::new().await;
    let hooked = host.start("described", json!(1)).await;
    let token = hook_of(&host, &hooked).await["token"].as_str().unwrap().to_owned();
    let (_, url) = host.hook("hook", 1).await;
    let (door, secret) = url.rsplit_once('/').unwrap();
    let called = host.client.post(format!("{door}/{token}")).send().await.unwrap();
    problem(called, 404, "unknown-webhook").await;
    problem(post(&host, &format!("/v1/hooks/{secret}")).await, 404, "unknown-hook").await;
    assert_eq!(history(&host, &hooked, &["hook_received"]).await, [] as [Value; 0]);
}

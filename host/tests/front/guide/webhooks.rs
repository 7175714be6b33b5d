//! Webhooks. "Their" is what the original does where something is decided otherwise.
//!
//! | The guide says | The tests |
//! |---|---|
//! | a webhook has a URL below `/.well-known/workflow/v1/webhook/`, of which the token is the last segment | `a_url_is_what_is_public_of_the_host_then_the_path_of_the_guide_then_a_token`, `a_token_may_be_percent_encoded` |
//! | it is open before the step that hands out its URL | `a_step_that_calls_the_url_in_the_turn_that_opens_it_is_heard` |
//! | a call has any method; their HEAD and OPTIONS reach the workflow, too | `every_method_that_means_something_is_a_call`, `what_is_sent_by_itself_drives_no_workflow` |
//! | no origin is granted anything | `a_page_of_another_origin_is_granted_nothing` |
//! | the workflow reads method, URL, headers and body; their body is no part of the event, and each read of it is a step | `a_call_reaches_the_workflow_to_the_byte_and_reading_it_is_no_step` |
//! | callers get 202 and an empty body, once the call is stored | `a_caller_gets_202_unless_the_workflow_says_otherwise`, `a_call_is_in_the_history_when_its_caller_hears_of_it` |
//! | a fixed response is for every call, once that is stored, and waits for no run | `a_static_response_is_the_same_every_time`, `a_static_response_is_sent_whole_and_waits_for_no_run` |
//! | a manual one is sent by a step, or here by the workflow, where theirs throws | `a_manual_response_comes_from_the_workflow_or_from_a_step` |
//! | of several the first wins | `the_first_answer_counts` |
//! | their caller waits until something kills the request, here it gets 202 at last | `a_caller_that_nobody_answers_gets_202_when_the_time_is_up` |
//! | who gets no answer before the run ends hears that; from theirs with 404 | `a_caller_whose_run_ends_without_an_answer_gets_410` |
//! | who waited when the webhook was closed is still answered | `who_waits_when_a_webhook_is_disposed_of_is_answered_and_who_comes_then_is_not` |
//! | an unknown token is 404, and an empty one; theirs is 400 where it is empty | `what_is_no_webhook_is_404_and_what_is_over_410` |
//! | what is over is not found; theirs is 404 with an empty body | `what_was_disposed_of_or_cancelled_is_over`, `what_is_no_webhook_is_404_and_what_is_over_410` |
//! | a hook that is no webhook cannot be called by the public | `a_hook_is_no_webhook_and_a_webhook_is_no_hook` |
//! | one that is never read takes calls until its run ends; here up to a bound | `a_webhook_that_is_never_read_takes_calls_until_its_run_ends`, `a_webhook_whose_workflow_does_not_keep_up_is_429` |
//! | each webhook has a token of its own | `each_webhook_has_a_token_of_its_own_and_hears_its_own_calls` |
//! | a loop takes one call after the other, and leaving it closes nothing | `who_leaves_a_loop_finds_what_came_meanwhile` |
//! | each call gets its own answer | `each_of_many_callers_gets_the_answer_to_its_own_call` |
//! | a program calls a webhook without HTTP; it is an error where there is none | `requests_reach_the_workflow_in_order_and_are_answered`, `a_webhook_that_nobody_made_is_not_known` |

use futures::future::join_all;
use reqwest::{Method, Response};
use segno_host::steps::Egress;
use serde_json::{Value, json};

use super::{history, post, tell, until};
use crate::support::{Host, problem};

async fn call(host: &Host, url: &str, body: &str) -> Response {
    host.client.post(url).body(body.to_owned()).send().await.unwrap()
}

/// The status of a response, and its body.
async fn said(response: Response) -> (u16, String) {
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_url_is_what_is_public_of_the_host_then_the_path_of_the_guide_then_a_token() {
    let public = "https://hooks.example.org/segno";
    let host =
        Host::with(guest_basics::steps(), |options| options.public_url = Some(public.into())).await;
    let (run, url) = host.hook("hook", 1).await;
    let path = url.strip_prefix(public).unwrap();
    let token = path.strip_prefix("/.well-known/workflow/v1/webhook/").unwrap();
    // As it stands, without an escape, and long enough for 160 bits.
    assert!(token.len() >= 27 && token.chars().all(|letter| letter.is_ascii_alphanumeric()));
    let local = format!("http://{}{path}", host.server.webhook_addr());
    assert_eq!(said(call(&host, &local, "one").await).await, (202, String::new()));
    assert_eq!(host.end(&run).await["output"], json!(["one"]));
}

#[tokio::test]
async fn a_step_that_calls_the_url_in_the_turn_that_opens_it_is_heard() {
    let host = Host::with(guest_basics::steps(), |options| {
        options.http = Some(Egress::new(vec![]).with_loopback());
    })
    .await;
    let run = host.start("calls_itself", json!(null)).await;
    assert_eq!(host.end(&run).await["output"], json!([202, "it is me"]));
}

#[tokio::test]
async fn a_page_of_another_origin_is_granted_nothing() {
    let host = Host::new().await;
    let (_, url) = host.hook("hook", 9).await;
    for method in [Method::OPTIONS, Method::POST] {
        let request = host.client.request(method.clone(), &url);
        let request = request.header("origin", "https://elsewhere.example");
        let request = request.header("access-control-request-method", "POST");
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{method}");
        let mut names = answer.headers().keys().map(|name| name.as_str());
        assert!(!names.any(|name| name.starts_with("access-control-")), "{method}: {answer:?}");
    }
}

#[tokio::test]
async fn a_call_reaches_the_workflow_to_the_byte_and_reading_it_is_no_step() {
    let host = Host::new().await;
    let (run, url) = host.hook("reads", 2).await;
    let request = host.client.patch(format!("{url}?who=J%C3%BCrgen&who=+"));
    let request = request.header("X-Tag", "one").header("x-tag", "two").body("{\"a\": 1}");
    assert_eq!(request.send().await.unwrap().status(), 202);
    let odd = vec![0xff, 0, b'\r', b'\n'];
    assert_eq!(host.client.put(&url).body(odd.clone()).send().await.unwrap().status(), 202);
    let read = host.end(&run).await["output"].clone();
    let read: Vec<segno::Request> = serde_json::from_value(read).unwrap();
    let path = url.strip_prefix(&format!("http://{}", host.server.webhook_addr())).unwrap();
    assert_eq!((&*read[0].method, &*read[1].method), ("PATCH", "PUT"));
    assert_eq!(read[0].url, format!("{path}?who=J%C3%BCrgen&who=+"));
    let tags = read[0].headers.iter().filter(|(name, _)| name == "x-tag");
    assert_eq!(tags.map(|(_, value)| &**value).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!((read[0].bytes(), read[1].bytes()), ("{\"a\": 1}".as_bytes(), &*odd));
    let steps = history(&host, &run, &["step_started", "step_completed"]).await;
    assert_eq!(steps, [] as [Value; 0]);
}

#[tokio::test]
async fn a_call_is_in_the_history_when_its_caller_hears_of_it() {
    let host = Host::new().await;
    for (workflow, status) in [("hook", 202), ("hook_static", 200)] {
        let (run, url) = host.hook(workflow, 9).await;
        for count in 1..=3 {
            assert_eq!(call(&host, &url, "x").await.status(), status);
            assert_eq!(history(&host, &run, &["webhook_requested"]).await.len(), count);
        }
    }
}

#[tokio::test]
async fn a_static_response_is_sent_whole_and_waits_for_no_run() {
    let host = Host::new().await;
    let (run, url) = host.hook("created", 3).await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let answer = host.client.request(method, &url).send().await.unwrap();
        let kinds: Vec<_> = answer.headers().get_all("x-kind").iter().cloned().collect();
        assert_eq!(kinds, ["fixed", "twice"]);
        assert_eq!(said(answer).await, (201, "made".to_owned()));
    }
    assert_eq!(history(&host, &run, &["taken"]).await.len(), 0, "nobody has read them");
    tell(&host, &run, "take").await;
    assert_eq!(host.end(&run).await["output"], json!(["GET", "POST", "DELETE"]));
}

#[tokio::test]
async fn the_first_answer_counts() {
    let host = Host::new().await;
    let (run, url) = host.hook_with("answers_often", Value::Null).await;
    assert_eq!(said(call(&host, &url, "?").await).await, (200, "first".to_owned()));
    assert_eq!(host.end(&run).await["status"], "completed", "and the others are no error");
}

#[tokio::test]
async fn who_waits_when_a_webhook_is_disposed_of_is_answered_and_who_comes_then_is_not() {
    let host = Host::new().await;
    let (run, url) = host.hook_with("answers_after_closing", Value::Null).await;
    let caller = tokio::spawn(host.client.post(&url).body("?").send());
    until(&host, &run, "disposed", 1).await;
    problem(call(&host, &url, "late").await, 410, "webhook-closed").await;
    tell(&host, &run, "answer").await;
    let answered = said(caller.await.unwrap().unwrap()).await;
    assert_eq!(answered, (200, "late, and not too late".to_owned()));
    assert_eq!(host.end(&run).await["status"], "completed");
}

#[tokio::test]
async fn what_was_disposed_of_or_cancelled_is_over() {
    let host = Host::new().await;
    let (disposed, url) = host.hook_with("leaves_a_loop", Value::Null).await;
    assert_eq!(call(&host, &url, "one").await.status(), 202);
    tell(&host, &disposed, "again").await;
    problem(call(&host, &url, "two").await, 410, "webhook-closed").await;
    let (cancelled, url) = host.hook("hook", 1).await;
    assert_eq!(post(&host, &format!("/v1/runs/{cancelled}/cancel")).await.status(), 200);
    problem(call(&host, &url, "three").await, 410, "webhook-closed").await;
}

#[tokio::test]
async fn a_webhook_that_is_never_read_takes_calls_until_its_run_ends() {
    let host = Host::new().await;
    let (run, url) = host.hook_with("hook_busy", Value::Null).await;
    for _ in 0..20 {
        assert_eq!(said(call(&host, &url, "x").await).await, (202, String::new()));
    }
    assert_eq!(history(&host, &run, &["webhook_requested"]).await.len(), 20);
    assert_eq!(post(&host, &format!("/v1/runs/{run}/wake")).await.status(), 200);
    assert_eq!(host.end(&run).await["status"], "completed", "with all of them unread");
    problem(call(&host, &url, "x").await, 410, "webhook-closed").await;
}

#[tokio::test]
async fn each_webhook_has_a_token_of_its_own_and_hears_its_own_calls() {
    let host = Host::new().await;
    let run = host.start("many_doors", json!(5)).await;
    let view = host.get(&format!("/v1/runs/{run}")).await;
    let waits = view["waits_for"].as_array().unwrap().iter();
    let urls: Vec<_> = waits.map(|wait| wait["url"].as_str().unwrap()).collect();
    for (number, url) in urls.iter().enumerate().rev() {
        assert_eq!(call(&host, url, &number.to_string()).await.status(), 202);
    }
    assert_eq!(host.end(&run).await["output"], json!(["0", "1", "2", "3", "4"]));
}

#[tokio::test]
async fn who_leaves_a_loop_finds_what_came_meanwhile() {
    let host = Host::new().await;
    let (run, url) = host.hook_with("leaves_a_loop", Value::Null).await;
    for body in ["one", "two", "three"] {
        assert_eq!(call(&host, &url, body).await.status(), 202);
    }
    tell(&host, &run, "again").await;
    assert_eq!(host.end(&run).await["output"], json!(["one", "two", "three"]));
}

#[tokio::test]
async fn each_of_many_callers_gets_the_answer_to_its_own_call() {
    let host = Host::new().await;
    let (run, url) = host.hook("answers_in_reverse", 10).await;
    let calls = (0..10).map(async |number: u32| {
        let body = format!("call {number}");
        assert_eq!(said(call(&host, &url, &body).await).await, (200, body));
    });
    join_all(calls).await;
    assert_eq!(host.end(&run).await["status"], "completed");
}

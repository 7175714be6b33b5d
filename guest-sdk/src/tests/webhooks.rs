//! Webhooks: no request is lost, and none is taken that nobody gets.

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt as _};

use crate::tests::{Run, step};
use crate::{Response, Webhook, sleep};

#[test]
fn a_webhook_is_open_before_anything_else_happens() {
    Run::start(|| async {
        let plain = Webhook::new();
        let fixed = Webhook::builder().respond_with(Response::new(201)).create();
        let manual = Webhook::builder().manual().create();
        step::<()>(plain.url()).await?;
        Ok((plain.token().to_owned(), fixed.url().to_owned(), manual.token().to_owned()))
    })
    .completed(3, "null")
    .said(&[
        "0: webhook accepted",
        "1: webhook fixed 201",
        "2: webhook manual",
        r#"3: s {"x":"http://host/t0"}"#,
        "waiting",
        r#"completed ["t0","http://host/t1","t2"]"#,
    ]);
}

#[test]
fn what_comes_while_nobody_waits_is_kept_in_order() {
    Run::start(|| async {
        let webhook = Webhook::new();
        step::<()>("busy").await?;
        let mut numbers = Vec::new();
        for _ in 0..3 {
            numbers.push(webhook.next().await.map(|request| request.number));
        }
        Ok(numbers)
    })
    .requested(0, 0)
    .requested(0, 1)
    .completed(1, "null")
    .requested(0, 2)
    .said(&[
        "0: webhook accepted",
        r#"1: s {"x":"busy"}"#,
        "waiting",
        "waiting",
        "waiting",
        "take 0",
        "take 0",
        "waiting",
        "take 0",
        "completed [0,1,2]",
    ]);
}

#[test]
fn a_next_that_lost_a_race_loses_nothing() {
    Run::start(|| async {
        let webhook = Webhook::new();
        let Either::Right((_, next)) = select(webhook.next(), sleep("1s")).await else {
            return Ok(None);
        };
        drop(next);
        step::<()>("between").await?;
        Ok(webhook.next().await.map(|request| request.number))
    })
    .slept(1)
    .requested(0, 5)
    .completed(2, "null")
    .said(&[
        "0: webhook accepted",
        "1: sleep until 2000",
        "waiting",
        r#"2: s {"x":"between"}"#,
        "waiting",
        "waiting",
        "take 0",
        "completed 5",
    ]);
}

#[test]
fn a_request_is_taken_when_it_is_given_and_not_before() {
    Run::start(|| async {
        let webhook = Webhook::new();
        // Both are ready at once; the first that is asked wins, and the other takes nothing.
        step::<()>("busy").await?;
        let first = select(Box::pin(async {}), webhook.next()).await;
        assert!(matches!(first, Either::Left(_)));
        Ok(())
    })
    .requested(0, 0)
    .completed(1, "null")
    .said(&[
        "0: webhook accepted",
        r#"1: s {"x":"busy"}"#,
        "waiting",
        "waiting",
        "completed null",
    ]);
}

#[test]
fn after_dispose_what_came_before_can_be_taken_and_then_nothing() {
    Run::start(|| async {
        let mut webhook = Webhook::new();
        step::<()>("busy").await?;
        webhook.dispose();
        webhook.dispose();
        let rest: Vec<_> = webhook.by_ref().map(|request| request.number).collect().await;
        Ok((rest, webhook.next().await.is_none()))
    })
    .requested(0, 0)
    .requested(0, 1)
    .completed(1, "null")
    .said(&[
        "0: webhook accepted",
        r#"1: s {"x":"busy"}"#,
        "waiting",
        "waiting",
        "waiting",
        "close 0",
        "close 0",
        "take 0",
        "take 0",
        "completed [[0,1],true]",
    ]);
}

#[test]
fn who_waits_hears_that_the_webhook_was_disposed_of() {
    Run::start(|| async {
        let webhook = Webhook::new();
        let (request, ()) = futures::join!(webhook.next(), async {
            sleep("1s").await;
            webhook.dispose();
        });
        Ok(request)
    })
    .slept(1)
    .said(&[
        "0: webhook accepted",
        "1: sleep until 2000",
        "waiting",
        "close 0",
        "completed null",
    ]);
}

#[test]
fn each_request_goes_to_one_of_those_who_wait() {
    Run::start(|| async {
        let webhook = Webhook::new();
        let waiting: FuturesUnordered<_> = (0..3).map(|_| webhook.next()).collect();
        let requests = waiting.take(2).map(|request| request.map(|request| request.number));
        Ok(requests.collect::<Vec<_>>().await)
    })
    .requested(0, 7)
    .requested(0, 8)
    .said(&[
        "0: webhook accepted",
        "waiting",
        "take 0",
        "waiting",
        "take 0",
        "completed [7,8]",
    ]);
}

#[test]
fn a_dropped_webhook_keeps_nothing_and_is_not_disposed_of() {
    let run = Run::start(|| async {
        drop(Webhook::new());
        step::<()>("rest").await?;
        Ok(())
    })
    .requested(0, 0);
    assert_eq!(run.open(), 1);
    run.completed(1, "null").said(&[
        "0: webhook accepted",
        r#"1: s {"x":"rest"}"#,
        "waiting",
        "take 0",
        "waiting",
        "completed null",
    ]);
}

#[test]
fn what_a_dropped_webhook_had_does_not_lie_untaken() {
    Run::start(|| async {
        let webhook = Webhook::new();
        step::<()>("busy").await?;
        drop(webhook);
        step::<()>("rest").await?;
        Ok(())
    })
    .requested(0, 0)
    .requested(0, 1)
    .completed(1, "null")
    .requested(0, 2)
    .said(&[
        "0: webhook accepted",
        r#"1: s {"x":"busy"}"#,
        "waiting",
        "waiting",
        "waiting",
        r#"2: s {"x":"rest"}"#,
        "take 0",
        "take 0",
        "waiting",
        "take 0",
        "waiting",
    ]);
}

#[test]
fn a_caller_is_answered_from_the_workflow() {
    Run::start(|| async {
        let webhook = Webhook::builder().manual().create();
        if let Some(request) = webhook.next().await {
            request.respond(Response::text("hello").with_status(418));
        }
        Ok(())
    })
    .requested(0, 3)
    .said(&[
        "0: webhook manual",
        "waiting",
        "take 0",
        "respond 3 418 hello",
        "completed null",
    ]);
}

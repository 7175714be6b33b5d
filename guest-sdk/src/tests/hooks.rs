//! Hooks: a token is an answer, what fits is taken in order, and leaving a scope gives the token back.

use futures::future::{Either, select};
use futures::stream::StreamExt;

use crate::tests::{Run, step};
use crate::{Hook, HookError, sleep};

#[test]
fn a_token_that_is_in_use_is_an_answer() {
    Run::start(|| async {
        match Hook::<u32>::open("order-42").await {
            Err(HookError::TokenInUse { token, owner }) => Ok(format!("{token} is {owner}")),
            other => Ok(format!("{other:?}")),
        }
    })
    .deliver(0, segno_guest_runtime::types::Event::HookTaken("run_2".into()))
    .said(&["0: hook order-42", "waiting", r#"completed "order-42 is run_2""#]);
}

#[test]
fn what_no_hook_can_have_as_its_token_is_refused_before_the_host_is_asked() {
    Run::start(|| async {
        let mut refused = Vec::new();
        for token in [String::new(), "a\nb".into(), "x".repeat(257)] {
            let opened = Hook::<u32>::open(token).await;
            refused.push(matches!(opened, Err(HookError::BadToken { .. })));
        }
        Ok(refused)
    })
    .said(&["completed [true,true,true]"]);
}

#[test]
fn payloads_are_taken_in_order_and_what_does_not_fit_is_left_out_with_a_warning() {
    let run = Run::start(|| async {
        let hook = Hook::<u32>::builder().metadata("mine").create();
        step::<()>(hook.token()).await?;
        let values = (hook.next().await, hook.next().await);
        hook.dispose();
        Ok((values, hook.next().await))
    })
    .received(0, "1")
    .received(0, r#""two""#)
    .received(0, "3")
    .completed(1, "null");
    run.said(&[
        r#"0: hook drawn "mine""#,
        r#"1: s {"x":"h0"}"#,
        "waiting",
        "waiting",
        "waiting",
        "waiting",
        "take 0",
        "take 0",
        "Warn: what was sent to hook `h0` is left out: invalid type: string \"two\", expected u32 at line 1 \
         column 5",
        "take 0",
        "close 0",
        "completed [[1,3],null]",
    ]);
}

#[test]
fn a_hook_is_a_stream_that_ends_when_it_is_disposed_of() {
    Run::start(|| async {
        let mut hook = Hook::<u32>::create();
        let mut sum = 0;
        while let Some(value) = hook.next().await {
            sum += value;
            if sum >= 5 {
                hook.dispose();
            }
        }
        let left: Option<u32> = StreamExt::next(&mut hook).await;
        Ok((sum, left))
    })
    .received(0, "2")
    .received(0, "3")
    .said(&[
        "0: hook drawn",
        "waiting",
        "take 0",
        "waiting",
        "take 0",
        "close 0",
        "completed [5,null]",
    ]);
}

#[test]
fn leaving_a_scope_gives_the_token_back_and_leaving_a_loop_does_not() {
    Run::start(|| async {
        {
            let scoped = Hook::<u32>::create().scoped();
            let plain = Hook::<u32>::create();
            for hook in [&*scoped, &plain] {
                match select(hook.next(), sleep("1 hour")).await {
                    Either::Left((value, _)) => assert_eq!(value, None),
                    Either::Right(_) => continue,
                }
            }
        }
        Ok(step::<()>("after").await?)
    })
    .slept(2)
    .slept(3)
    .completed(4, "null")
    .said(&[
        "0: hook drawn",
        "1: hook drawn",
        "2: sleep until 3601000",
        "waiting",
        "3: sleep until 3601000",
        "waiting",
        r#"4: s {"x":"after"}"#,
        "close 0",
        "waiting",
        "completed null",
    ]);
}

#[test]
fn what_lies_untaken_in_a_hook_that_leaves_its_scope_fills_nothing() {
    let run = Run::start(|| async {
        let scoped = Hook::<u32>::create().scoped();
        step::<()>("busy").await?;
        drop(scoped);
        Ok(step::<()>("after").await?)
    })
    .received(0, "1")
    .completed(1, "null");
    run.said(&[
        "0: hook drawn",
        r#"1: s {"x":"busy"}"#,
        "waiting",
        "waiting",
        r#"2: s {"x":"after"}"#,
        "take 0",
        "close 0",
        "waiting",
    ]);
}

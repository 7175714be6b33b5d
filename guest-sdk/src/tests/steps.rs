//! Steps, sleeps, and what a run may know of itself.

use std::time::Duration;

use crate::tests::{Run, step};
use crate::{Error, Timestamp, log, now, random, run, sleep, sleep_until};

#[test]
fn a_step_is_asked_for_once_and_answered_once() {
    Run::start(|| async {
        let a: u32 = step(1).await?;
        let b: u32 = step(a).await?;
        Ok(a + b)
    })
    .completed(0, "10")
    .completed(1, "20")
    .said(&[r#"0: s {"x":1}"#, "waiting", r#"1: s {"x":10}"#, "waiting", "completed 30"]);
}

#[test]
fn a_failure_reaches_the_workflow_which_may_go_on() {
    Run::start(|| async {
        let failure = step::<()>("first").await.unwrap_err();
        step::<()>(failure.message).await?;
        Ok(())
    })
    .failed(0, "out of ink")
    .failed(1, "out of paper")
    .said(&[
        r#"0: s {"x":"first"}"#,
        "waiting",
        r#"1: s {"x":"out of ink"}"#,
        "waiting",
        "failed step `s` failed after 4 attempts: out of paper",
    ]);
}

#[test]
fn an_output_of_another_type_is_a_failure_and_not_a_panic() {
    Run::start(|| async { Ok(step::<u32>(1).await?) }).completed(0, r#""ten""#).said(&[
        r#"0: s {"x":1}"#,
        "waiting",
        "failed step `s` failed: its output is not what the workflow expects: \
             invalid type: string \"ten\", expected u32 at line 1 column 5",
    ]);
}

#[test]
fn a_call_that_is_never_awaited_is_never_made() {
    Run::start(|| async {
        drop(step::<()>(1));
        drop(sleep("1s"));
        Ok(())
    })
    .said(&["completed null"]);
}

#[test]
fn a_sleep_counts_from_the_time_of_its_event() {
    Run::start(|| async {
        sleep("2 seconds").await;
        sleep(Duration::from_nanos(1)).await;
        sleep_until(Timestamp::UNIX_EPOCH).await;
        Ok(())
    })
    .slept(0)
    .slept(1)
    .slept(2)
    .said(&[
        "0: sleep until 3000",
        "waiting",
        "1: sleep until 1001",
        "waiting",
        "2: sleep until 0",
        "waiting",
        "completed null",
    ]);
}

#[test]
#[should_panic(expected = "segno::sleep: \"1 month\" is not a duration")]
fn a_sleep_of_nonsense_panics_with_what_to_write_instead() {
    Run::start(|| async {
        sleep("1 month").await;
        Ok(())
    });
}

#[test]
fn a_run_knows_itself_and_nothing_else() {
    Run::start(|| async {
        log::info!("{} of {}", "one", 2);
        let run = run();
        Ok((run.id, run.started_at, now(), random()))
    })
    .said(&[
        "Info: one of 2",
        r#"completed ["run_1","1970-01-01T00:00:00.5Z","1970-01-01T00:00:01Z",4]"#,
    ]);
}

#[test]
fn a_request_of_the_built_in_step_travels_whole() {
    Run::start(|| async {
        let response = crate::http::put("https://h/x")
            .header("a", "b")
            .json(&[1])
            .timeout("1.5s")
            .max_retries(9)
            .retry_for("2 hours")
            .idempotent()
            .send()
            .await?;
        let status = response.clone().error_for_status().unwrap_err().status;
        Ok((response.text()?.to_owned(), status))
    })
    .completed(0, r#"{"status":404,"headers":[["x","y"]],"body":{"text":"gone"}}"#)
    .said(&[
        concat!(
            r#"0: http {"request":{"method":"PUT","url":"https://h/x","#,
            r#""headers":[["a","b"],["content-type","application/json"]],"body":{"text":"[1]"},"#,
            r#""timeout_ms":1500,"follow_redirects":true,"idempotency_header":true}} retries=9 retry_for=7200000"#
        ),
        "waiting",
        r#"completed ["gone",404]"#,
    ]);
}

#[test]
fn a_request_that_cannot_be_sent_is_never_asked_for() {
    Run::start(|| async {
        let failure = crate::http::get("x").timeout("soon").send().await;
        Ok(failure.unwrap_err().to_string())
    })
    .said(&[concat!(
        r#"completed "step `http` failed: timeout: \"soon\" is not a duration: write a number "#,
        r#"and one unit, such as \"30s\", \"5 minutes\" or \"1.5h\"""#
    )]);
}

#[test]
fn an_error_carries_its_causes_to_the_verdict() {
    Run::start(|| async { Err::<(), _>(Error::from(anyhow::anyhow!("b").context("a"))) })
        .said(&["failed a: b"]);
}

#[test]
fn a_step_in_abort_on_drop_is_given_up_with_it_and_one_that_is_over_is_not() {
    Run::start(|| async {
        let both = crate::abort_on_drop(async {
            let _first = step::<()>("a").await;
            step::<()>("b").await
        });
        drop(futures::future::select(both, crate::sleep("1 hour")).await);
        Ok(step::<()>("after").await?)
    })
    .completed(0, "null")
    .slept(1)
    .completed(3, "null")
    .said(&[
        r#"0: s {"x":"a"}"#,
        "1: sleep until 3601000",
        "waiting",
        r#"2: s {"x":"b"}"#,
        "waiting",
        r#"3: s {"x":"after"}"#,
        "stop 2",
        "waiting",
        "completed null",
    ]);
}

#[test]
fn of_one_abort_on_drop_in_another_each_takes_its_own_steps_along() {
    Run::start(|| async {
        let outer = crate::abort_on_drop(async {
            drop(
                futures::future::select(
                    crate::abort_on_drop(step::<()>("inner")),
                    Box::pin(step::<()>("outer")),
                )
                .await,
            );
            step::<()>("later").await
        });
        drop(futures::future::select(outer, crate::sleep("1 hour")).await);
        Ok(step::<()>("after").await?)
    })
    .completed(1, "null")
    .slept(2)
    .said(&[
        r#"0: s {"x":"inner"}"#,
        r#"1: s {"x":"outer"}"#,
        "2: sleep until 3601000",
        "waiting",
        r#"3: s {"x":"later"}"#,
        "stop 0",
        "waiting",
        r#"4: s {"x":"after"}"#,
        "stop 3",
        "waiting",
    ]);
}

//! Signals: none is lost, each can be answered, and what does not fit is refused.

use futures::future::{Either, select};

use crate::tests::{Run, step};
use crate::{signals, sleep};

#[test]
fn a_signal_that_comes_before_anybody_takes_it_in_waits() {
    Run::start(|| async {
        step::<()>("busy").await?;
        let notes = signals::<String>("note");
        Ok((notes.next().await.value, notes.next().await.value))
    })
    .signalled(0, "note", r#""one""#)
    .signalled(1, "other", "7")
    .completed(0, "null")
    .signalled(2, "note", r#""two""#)
    .said(&[
        r#"0: s {"x":"busy"}"#,
        "waiting",
        "waiting",
        "waiting",
        "1: signal note",
        "take 1",
        "waiting",
        "take 1",
        r#"completed ["one","two"]"#,
    ]);
}

#[test]
fn a_signal_is_answered_or_refused_with_a_status_and_a_sentence() {
    Run::start(|| async {
        let changes = signals::<u32>("change");
        changes.next().await.respond(("done", 1));
        changes.next().await.refuse("it is shipped");
        changes.next().await.refuse_with(410, "it is gone");
        changes.next().await.refuse_with(200, "no success is a refusal");
        Ok(())
    })
    .signalled(0, "change", "1")
    .signalled(1, "change", "2")
    .signalled(2, "change", "3")
    .signalled(3, "change", "4")
    .said(&[
        "0: signal change",
        "waiting",
        "take 0",
        r#"respond 0 200 ["done",1]"#,
        "waiting",
        "take 0",
        "respond 1 409 it is shipped",
        "waiting",
        "take 0",
        "respond 2 410 it is gone",
        "waiting",
        "take 0",
        "respond 3 409 no success is a refusal",
        "completed null",
    ]);
}

#[test]
fn what_does_not_fit_is_refused_by_itself_and_the_next_one_is_taken() {
    let reason =
        "it does not fit `n`: invalid type: boolean `true`, expected u32 at line 1 column 4";
    Run::start(|| async { Ok(signals::<u32>("n").next().await.value) })
        .signalled(0, "n", "true")
        .signalled(1, "n", "5")
        .said(&[
            "0: signal n",
            "waiting",
            "take 0",
            &format!("Warn: signal 0 is left out: {reason}"),
            &format!("respond 0 422 {reason}"),
            "waiting",
            "take 0",
            "completed 5",
        ]);
}

#[test]
fn a_wait_that_lost_a_race_loses_no_signal() {
    Run::start(|| async {
        let changes = signals::<u32>("change");
        let Either::Right(_) = select(changes.next(), sleep("1 hour")).await else {
            return Ok(0);
        };
        step::<()>("between").await?;
        Ok(changes.next().await.value)
    })
    .slept(1)
    .signalled(0, "change", "9")
    .completed(2, "null")
    .said(&[
        "0: signal change",
        "1: sleep until 3601000",
        "waiting",
        r#"2: s {"x":"between"}"#,
        "waiting",
        "waiting",
        "take 0",
        "completed 9",
    ]);
}

#[test]
fn what_is_published_is_asked_for_in_order_and_the_last_one_answers() {
    use segno_guest_runtime::runtime::Runtime;
    use segno_guest_runtime::types::QueryAnswer as Answer;

    let run = Run::start(|| async {
        crate::publish("progress", 1);
        let _outer = crate::query("q", |n: u32| n + 1);
        {
            let _inner = crate::query("q", |n: u32| n + 10);
            step::<()>("inner").await?;
        }
        step::<()>("outer").await?;
        crate::publish("progress", "done");
        Ok(())
    });
    let ask = |name: &str, input: &str| Runtime::here(|runtime| runtime.query(name, input));
    assert_eq!(ask("q", "1"), Answer::Answered("11".into()));
    assert_eq!(ask("other", "1"), Answer::Unknown(vec!["q".into()]));
    let run = run.completed(0, "null");
    assert_eq!(ask("q", "1"), Answer::Answered("2".into()));
    let Answer::Refused(reason) = ask("q", "-1") else { panic!("it does not fit") };
    assert!(reason.starts_with("invalid value"), "{reason}");
    run.completed(1, "null").said(&[
        "publish progress 1",
        r#"0: s {"x":"inner"}"#,
        "waiting",
        r#"1: s {"x":"outer"}"#,
        "waiting",
        r#"publish progress "done""#,
        "completed null",
    ]);
    assert_eq!(ask("q", "1"), Answer::Unknown(vec![]));
}

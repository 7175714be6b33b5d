//! Queries: a copy of a run is asked, of now and of the past, and the run does not notice.

use segno_host::engine::{EngineError, Query, RunStatus};
use segno_journal::RunId;
use segno_tests::{Host, basics, edition, output, patiently};
use serde_json::{Value, json};

use crate::{listens, signal};

async fn ask_at(
    host: &Host,
    run: RunId,
    (name, input): (&str, Value),
    at: Option<u64>,
) -> Result<Value, EngineError> {
    let query = Query { name: name.to_owned(), input: input.to_string(), at };
    let answer = host.engine.query(run, query).await?;
    Ok(serde_json::from_str(&answer).expect("an answer is JSON"))
}

async fn ask(host: &Host, run: RunId, name: &str, input: Value) -> Result<Value, EngineError> {
    ask_at(host, run, (name, input), None).await
}

/// A run that has been sent so many numbers, from 1.
async fn summing(host: &Host, until: u64, sent: u64) -> RunId {
    let run = host.start("sums", json!(until)).await;
    listens(host, run, "add").await;
    for number in 1..=sent {
        host.engine.signal(run, signal("add", &json!(number)), false).await.expect("it is stored");
    }
    run
}

#[tokio::test]
async fn a_run_answers_with_what_it_has_and_with_what_it_shows() {
    let host = Host::new().await;
    let run = summing(&host, 10, 4).await;
    assert_eq!(ask(&host, run, "sum", json!(null)).await.unwrap(), json!(10));
    assert_eq!(ask(&host, run, "sum", json!(2)).await.unwrap(), json!(3));
    assert_eq!(ask(&host, run, "count", json!(null)).await.unwrap(), json!(4));
    let turns = host.engine.run(run).await.unwrap().turns;
    assert_eq!(turns, 5, "nobody has had a turn for a question");
}

#[tokio::test]
async fn the_past_is_asked_as_it_was() {
    let host = Host::with(|config| config.image_turns.live = 2).await;
    let run = summing(&host, 100, 20).await;
    for at in 0..=20_u64 {
        let sum = ask_at(&host, run, ("sum", json!(null)), Some(at)).await.unwrap();
        assert_eq!(sum, json!(at * (at + 1) / 2), "after turn {at}");
        let count = ask_at(&host, run, ("count", json!(null)), Some(at)).await.unwrap();
        assert_eq!(count, json!(at), "after turn {at}");
    }
    let beyond = ask_at(&host, run, ("sum", json!(null)), Some(21)).await;
    assert!(matches!(beyond, Err(EngineError::NoSuchTurn { turns: 21, .. })), "{beyond:?}");
}

#[tokio::test]
async fn a_run_that_has_ended_answers_as_it_was_before_its_last_turn() {
    let host = Host::new().await;
    let run = summing(&host, 3, 3).await;
    assert_eq!(output(&host.end(run).await), json!(6));
    assert_eq!(ask(&host, run, "sum", json!(null)).await.unwrap(), json!(3));
    assert_eq!(ask(&host, run, "count", json!(null)).await.unwrap(), json!("done"));
    let host = host.restart(|_config| {}).await;
    assert_eq!(
        ask(&host, run, "sum", json!(null)).await.unwrap(),
        json!(3),
        "after a restart, too"
    );
    let first = host.run("echo", json!(1)).await.run_id;
    no_copy(ask(&host, first, "sum", json!(null)).await, "it ended with its first turn");
}

fn no_copy(answer: Result<Value, EngineError>, why: &str) {
    let Err(EngineError::NoCopy { reason, .. }) = answer else { panic!("{why}: {answer:?}") };
    assert!(reason.contains(why), "{reason}");
}

#[tokio::test]
async fn of_turns_that_were_forgotten_nothing_is_told_that_may_have_been_otherwise() {
    let host = Host::with(|config| config.image_turns.live = 2).await;
    let run = host.start("counts_on", json!(60)).await;
    listens(&host, run, "add").await;
    for _ in 0..59 {
        host.engine.signal(run, signal("add", &json!(1)), false).await.expect("it is stored");
    }
    let asked =
        async |name: &str, at: Option<u64>| ask_at(&host, run, (name, json!(null)), at).await;
    for at in [None, Some(59)] {
        assert_eq!(asked("counted", at).await.unwrap(), json!(59));
        assert_eq!(asked("count", at).await.unwrap(), json!(59));
        assert_eq!(asked("begun", at).await.unwrap(), json!(true), "no turn has changed it");
    }
    assert_eq!(asked("count", Some(58)).await.unwrap(), json!(58), "that turn is there");
    no_copy(asked("begun", Some(58)).await, "was forgotten with its turns");
    no_copy(asked("count", Some(5)).await, "was forgotten with its turns");
    no_copy(asked("counted", Some(5)).await, "turns that it takes were forgotten");
    for name in ["counted", "count"] {
        assert_eq!(asked(name, Some(0)).await.unwrap(), json!(0), "the first turn always is");
    }
    host.engine.signal(run, signal("add", &json!(1)), false).await.expect("it is stored");
    assert_eq!(output(&host.end(run).await), json!(60));
    assert_eq!(asked("count", None).await.unwrap(), json!(60), "what it shows stays");
    no_copy(asked("counted", None).await, "turns that it takes were forgotten");
}

#[tokio::test]
async fn who_has_ended_on_a_module_that_was_forgotten_cannot_be_asked_but_for_what_it_shows() {
    let host = Host::new().await;
    let run = summing(&host, 3, 3).await;
    host.end(run).await;
    host.engine.deploy(edition(1)).await.expect("it is good");
    // It is forgotten when the run has left it and that is written, for which nobody waits.
    let answer = patiently(async {
        loop {
            match ask(&host, run, "sum", json!(null)).await {
                Ok(_) => _ = host.run("echo", json!(1)).await,
                refused => return refused,
            }
        }
    });
    no_copy(answer.await, "its module was forgotten");
    assert_eq!(ask(&host, run, "count", json!(null)).await.unwrap(), json!("done"));
    host.engine.deploy(basics()).await.expect("it is good");
    assert_eq!(ask(&host, run, "sum", json!(null)).await.unwrap(), json!(3), "it is here again");
}

#[tokio::test]
async fn nobody_is_asked_by_a_host_that_stops() {
    let host = Host::new().await;
    let run = summing(&host, 3, 1).await;
    host.engine.shutdown().await;
    let answer = ask(&host, run, "sum", json!(null)).await;
    assert!(matches!(answer, Err(EngineError::Stopping)), "{answer:?}");
}

#[tokio::test]
async fn a_blocked_run_answers_as_it_stood() {
    let host = Host::new().await;
    let run = host.start("panics_when_told", json!(null)).await;
    listens(&host, run, "panic").await;
    host.engine.signal(run, signal("panic", &json!(null)), false).await.expect("it is stored");
    assert_eq!(host.end(run).await.status, RunStatus::Blocked);
    assert_eq!(ask(&host, run, "here", json!(null)).await.unwrap(), json!("waiting"));
}

#[tokio::test]
async fn what_a_query_may_not_do_is_an_error_of_the_query_and_nothing_else() {
    let host = Host::with(|config| config.limits.fuel_per_turn = 50_000_000).await;
    let run = summing(&host, 2, 1).await;
    for (how, why) in [
        ("panic", "the workflow panicked: told to panic"),
        ("loop", "instructions"),
        ("publish", "a query asked its host for something that is recorded"),
    ] {
        let failed = ask(&host, run, "bad", json!(how)).await;
        let Err(EngineError::QueryFailed { reason, .. }) = failed else { panic!("{failed:?}") };
        assert!(reason.contains(why), "{how}: {reason}");
    }
    let refused = ask(&host, run, "sum", json!("two")).await;
    assert!(matches!(refused, Err(EngineError::QueryRefused { .. })), "{refused:?}");
    let unknown = ask(&host, run, "other", json!(null)).await;
    let Err(EngineError::UnknownQuery { known, .. }) = unknown else { panic!("{unknown:?}") };
    assert_eq!(known, ["bad", "sum"]);
    let long = ask(&host, run, &"x".repeat(129), json!(null)).await;
    assert!(matches!(long, Err(EngineError::BadWord { .. })), "{long:?}");
    host.engine.signal(run, signal("add", &json!(5)), false).await.expect("it is stored");
    assert_eq!(output(&host.end(run).await), json!(6), "the run has noticed nothing");
}

#[tokio::test]
async fn many_questions_do_not_give_a_busy_run_another_turn() {
    let host = Host::new().await;
    let run = summing(&host, 1_000, 1).await;
    let asking = async {
        for _ in 0..200 {
            ask(&host, run, "sum", json!(1)).await.expect("it answers");
        }
    };
    let working = async {
        for number in 2..=200_u64 {
            let sent = host.engine.signal(run, signal("add", &json!(number)), false).await;
            sent.expect("it is stored");
        }
    };
    tokio::join!(asking, working);
    assert_eq!(host.engine.run(run).await.unwrap().turns, 201);
    assert_eq!(ask(&host, run, "sum", json!(null)).await.unwrap(), json!(200 * 201 / 2));
}

//! Children: runs that a run starts, waits for and talks to.

use segno_host::engine::{EngineError, HistoryEvent, Query, RunFilter, RunStatus, RunView, Wait};
use segno_journal::RunId;
use segno_tests::{Host, output, patiently};
use serde_json::{Value, json};

use crate::{listens, signal};

/// What a run shows under a name: the ID of another run.
async fn shown(host: &Host, run: RunId, name: &str) -> RunId {
    let text = patiently(async {
        loop {
            let query = Query { name: name.to_owned(), input: "null".into(), at: None };
            match host.engine.query(run, query).await {
                Ok(shown) => break serde_json::from_str::<String>(&shown).expect("an ID"),
                Err(EngineError::UnknownQuery { .. } | EngineError::Busy) => {
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    });
    text.await.parse().expect("an ID")
}

async fn tell(host: &Host, run: RunId, name: &str, value: &Value) {
    host.engine.signal(run, signal(name, value), false).await.expect("it is stored");
}

/// The runs that a run waits for.
fn children(view: &RunView) -> Vec<RunId> {
    let child = |wait: &Wait| match wait {
        Wait::Child { run_id, .. } => Some(*run_id),
        _ => None,
    };
    view.waits_for.iter().filter_map(child).collect()
}

#[tokio::test]
async fn children_are_runs_and_what_they_return_is_given_to_their_parent() {
    let host = Host::new().await;
    let run = host.start("parent", json!(20)).await;
    assert_eq!(output(&host.end(run).await), json!((0..20).map(|n| n + 1).sum::<u64>()));
    let history = host.engine.history(run, 0, 100).await.expect("it is known");
    let started = |event: &HistoryEvent| match event {
        HistoryEvent::ChildStarted { op, run_id, workflow, .. } => {
            Some((*op, run_id.clone(), workflow.clone()))
        }
        _ => None,
    };
    let started: Vec<_> = history.events.iter().filter_map(|entry| started(&entry.event)).collect();
    assert_eq!(started.len(), 20);
    for (op, child, workflow) in started {
        let child = child.parse().expect("an ID");
        let view = host.engine.run(child).await.expect("it is a run like any other");
        let parent = view.parent.expect("it has one");
        assert_eq!((parent.run_id, parent.op, &*workflow), (run, op, "adds"));
        assert_eq!(view.status, RunStatus::Completed);
    }
}

#[tokio::test]
async fn a_thousand_children_of_one_turn_are_started_and_awaited() {
    let host = Host::new().await;
    let view = host.run("parent", json!(1_000)).await;
    assert_eq!(output(&view), json!(500_500));
}

#[tokio::test]
async fn a_child_that_fails_tells_its_parent_why() {
    let host = Host::new().await;
    let run = host.start("waits_for_child", json!(true)).await;
    let child = shown(&host, run, "child").await;
    let failed = host.end(child).await;
    assert_eq!(failed.status, RunStatus::Failed);
    assert_eq!(output(&host.end(run).await), json!({ "failed": failed.error }));
}

#[tokio::test]
async fn a_child_that_somebody_cancels_is_cancelled_for_its_parent() {
    let host = Host::new().await;
    let run = host.start("waits_for_child", json!(false)).await;
    let child = shown(&host, run, "child").await;
    listens(&host, child, "tell").await;
    let view = host.engine.run(run).await.expect("it waits");
    assert_eq!(children(&view), [child], "who waits for a child says for which");
    host.engine.cancel(child).await.expect("it runs");
    let ended = output(&host.end(run).await);
    assert_eq!(ended, json!(format!("child `listens` ({child}) was cancelled")));
}

#[tokio::test]
async fn a_parent_cancels_its_child() {
    let host = Host::new().await;
    let run = host.start("cancels", json!(null)).await;
    let child = shown(&host, run, "child").await;
    tell(&host, run, "cancel", &json!(null)).await;
    let ended = output(&host.end(run).await);
    assert_eq!(ended, json!(format!("child `listens` ({child}) was cancelled")));
    let history = host.engine.history(child, 0, 100).await.expect("it is known");
    let by = history.events.iter().find_map(|entry| match &entry.event {
        HistoryEvent::RunCancelled { by } => Some(by.clone()),
        _ => None,
    });
    assert_eq!(by, Some(Some(format!("its parent {run}"))));
}

#[tokio::test]
async fn a_child_is_told_what_its_parent_sends_it_in_order_and_once() {
    let host = Host::new().await;
    assert_eq!(output(&host.run("directs", json!(20)).await), json!((0..20).collect::<Vec<_>>()));
}

#[tokio::test]
async fn a_parent_hears_what_its_children_tell_it() {
    let host = Host::new().await;
    let heard = output(&host.run("hears_children", json!(20)).await);
    assert_eq!(heard, json!((0..20).collect::<Vec<_>>()));
}

#[tokio::test]
async fn children_end_with_their_parent_but_for_those_that_are_left() {
    for is_cancelled in [false, true] {
        let host = Host::new().await;
        let run = host.start("keeps", json!(null)).await;
        let (kept, left) = (shown(&host, run, "kept").await, shown(&host, run, "left").await);
        if is_cancelled {
            host.engine.cancel(run).await.expect("it runs");
        } else {
            tell(&host, run, "end", &json!(null)).await;
        }
        assert_eq!(host.end(kept).await.status, RunStatus::Cancelled);
        tell(&host, left, "tell", &json!(null)).await;
        assert_eq!(host.end(left).await.status, RunStatus::Completed);
    }
}

#[tokio::test]
async fn children_and_their_parent_go_on_after_the_host() {
    let host = Host::new().await;
    let run = host.start("keeps", json!(null)).await;
    let (kept, left) = (shown(&host, run, "kept").await, shown(&host, run, "left").await);
    let waits = host.start("waits_for_child", json!(false)).await;
    let child = shown(&host, waits, "child").await;
    let host = host.restart(|_config| {}).await;
    tell(&host, child, "tell", &json!(7)).await;
    tell(&host, child, "tell", &json!(null)).await;
    assert_eq!(output(&host.end(waits).await), json!([7]));
    tell(&host, run, "end", &json!(null)).await;
    assert_eq!(host.end(kept).await.status, RunStatus::Cancelled);
    let view = host.engine.run(left).await.expect("it is known");
    assert_eq!(view.status, RunStatus::Running);
}

#[tokio::test]
async fn a_run_signals_its_family_only() {
    let host = Host::new().await;
    let other = host.start("listens", json!(null)).await;
    let said = output(&host.run("stranger", json!(other.to_string())).await);
    assert_eq!(
        said,
        json!(format!(
            "{other} is not of the family of this run, and runs signal their family only"
        ))
    );
    tell(&host, other, "tell", &json!(null)).await;
    assert_eq!(output(&host.end(other).await), json!([]));
    let said = output(&host.run("stranger", json!(other.to_string())).await);
    assert_eq!(said, json!(format!("{other} has ended, so it takes no signal")));
}

#[tokio::test]
async fn a_family_that_multiplies_is_stopped_and_its_host_goes_on() {
    let host = Host::with(|config| config.limits.family = 40).await;
    let run = host.start("multiplies", json!(null)).await;
    let blocked = patiently(async {
        loop {
            let filter = RunFilter { statuses: vec![RunStatus::Blocked], ..Default::default() };
            let page = host.engine.runs(filter).await.expect("they can be listed");
            if let Some(summary) = page.runs.first() {
                break summary.run_id;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let reason =
        host.engine.run(blocked).await.expect("it is known").blocked.expect("it is").message;
    assert!(reason.contains("would have more than 40 children"), "{reason}");
    assert_eq!(output(&host.run("add_steps", json!(3)).await), json!(3));
    host.engine.cancel(run).await.expect("its parent ends them all");
}

#[tokio::test]
async fn a_child_that_loses_a_race_goes_on_until_its_parent_ends() {
    let host = Host::new().await;
    let run = host.start("races_child", json!(1)).await;
    assert_eq!(output(&host.end(run).await), json!(true));
}

#[tokio::test]
async fn a_child_that_is_left_and_cancelled_in_the_last_turn_is_cancelled_also_by_the_next_host() {
    let host = Host::new().await;
    let run = host.start("cancels_and_ends", json!(null)).await;
    let child = shown(&host, run, "child").await;
    listens(&host, child, "tell").await;
    // The shard of the child hears nothing before the host goes down.
    tell(&host, run, "end", &json!(null)).await;
    let host = host.restart(|_config| {}).await;
    assert_eq!(host.end(child).await.status, RunStatus::Cancelled);
}

#[tokio::test]
async fn what_is_asked_for_in_the_last_turn_is_not_begun_and_the_log_says_so() {
    let host = Host::new().await;
    let run = host.start("abandons_children", json!(null)).await;
    let child = output(&host.end(run).await);
    let child: RunId = child.as_str().expect("an ID").parse().expect("an ID");
    assert!(matches!(host.engine.run(child).await, Err(EngineError::UnknownRun(_))));
    let history = host.engine.history(run, 0, 100).await.expect("it is known");
    let said = history.events.iter().find_map(|entry| match &entry.event {
        HistoryEvent::Log { message, .. } => Some(message.clone()),
        _ => None,
    });
    let said = said.expect("it says so");
    assert!(said.ends_with("nothing of it is begun: child `listens`, signal `tell`"), "{said}");
}

#[tokio::test]
async fn the_children_of_a_parent_that_cannot_be_read_end_when_it_is_cancelled() {
    let host = Host::new().await;
    let run = host.start("keeps", json!(null)).await;
    let (kept, left) = (shown(&host, run, "kept").await, shown(&host, run, "left").await);
    let host = host.restart(|config| config.park = [run].into()).await;
    let said = host.engine.run(kept).await.expect("it is known");
    assert_eq!(said.status, RunStatus::Running);
    host.engine.cancel(run).await.expect("it is left out, and can be cancelled");
    assert_eq!(host.end(kept).await.status, RunStatus::Cancelled);
    let view = host.engine.run(left).await.expect("it is known");
    assert_eq!(view.status, RunStatus::Running);
}

#[tokio::test]
async fn a_signal_to_a_run_that_is_left_out_is_refused_and_its_sender_goes_on() {
    let host = Host::new().await;
    let run = host.start("says_later", json!(null)).await;
    let child = shown(&host, run, "child").await;
    listens(&host, child, "tell").await;
    let host = host.restart(|config| config.park = [child].into()).await;
    tell(&host, run, "say", &json!(null)).await;
    let said = output(&host.end(run).await);
    assert_eq!(
        said,
        json!(format!("{child} takes no signal until whoever runs the host lets it go on"))
    );
}

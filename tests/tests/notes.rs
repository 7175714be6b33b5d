//! What the history of a run keeps of what was done to it from outside, for ever.

use segno_host::engine::{Asker, CancelHow, HistoryEvent, RunStatus};
use segno_host::store::{Committer, Draft, Note, Noted, Store};
use segno_journal::{BlockKind, RunId, Timestamp};
use segno_tests::{Host, edition, post, rogue};
use serde_json::json;

/// What was done to a run from outside, in order, with the number of the turn that follows.
async fn notes(host: &Host, run: RunId) -> Vec<(u64, HistoryEvent)> {
    use HistoryEvent as E;
    let told = host.engine.history(run, 0, 1_000).await.expect("the run is known").events;
    let notes = told.into_iter().filter(|entry| {
        matches!(
            entry.event,
            E::RunBlocked { .. }
                | E::RunResumed { .. }
                | E::ModuleChanged { .. }
                | E::RunCancelled { .. }
        )
    });
    notes.map(|entry| (entry.turn, entry.event)).collect()
}

fn by(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[tokio::test]
async fn blocks_resumes_moves_and_cancels_stay_in_the_history_with_who_asked() {
    let host = Host::new().await;
    let run = host.start("edition", json!(null)).await;
    let token = host.token(run).await;
    host.until(run, |view| (view.turns == 2).then_some(())).await;
    host.engine.call_webhook(&token, post("panic")).await.expect("it is stored");
    let view = host.end(run).await;
    let from = view.module;
    let first = view.blocked.expect("it panicked");
    let foreign = host.engine.deploy(rogue()).await.expect("the module is good").digest;
    let to = host.engine.deploy(edition(2)).await.expect("the module is good").digest;
    for (module, name) in [(&foreign, "eve"), (&to, "ann")] {
        let by = Asker::named(name);
        let view =
            host.engine.resume_by(run, Some(module.clone()), by).await.expect("it is blocked");
        assert_eq!(view.status, RunStatus::Blocked, "another module, or the panic again");
    }
    host.engine
        .cancel_by(run, CancelHow::default(), Asker::named("bob"))
        .await
        .expect("it is blocked");
    let host = host.restart(|_config| {}).await;

    let told = notes(&host, run).await;
    assert!(told.iter().all(|(turn, _)| *turn == 2), "they stand before the last turn: {told:?}");
    let events: Vec<_> = told.into_iter().map(|(_, event)| event).collect();
    let trap = HistoryEvent::RunBlocked {
        kind: BlockKind::Trap,
        message: first.message,
        event: Some("webhook #0 was called: request 0, POST, 5 bytes".into()),
    };
    let HistoryEvent::RunBlocked { event: None, .. } = &events[2] else {
        panic!("{:?}", events[2])
    };
    assert_eq!(
        events,
        [
            trap.clone(),
            HistoryEvent::RunResumed { by: by("eve") },
            events[2].clone(),
            HistoryEvent::ModuleChanged { by: by("ann"), from, to },
            HistoryEvent::RunResumed { by: by("ann") },
            trap,
            HistoryEvent::RunCancelled { by: by("bob") },
        ]
    );
    let told = host.engine.history(run, 0, 1_000).await.expect("the run is known").events;
    let block = told.iter().find(|entry| matches!(entry.event, HistoryEvent::RunBlocked { .. }));
    assert_eq!(block.map(|entry| entry.at), first.at, "the moment of the block is kept");
}

#[tokio::test]
async fn what_the_host_tries_at_its_start_is_kept_where_it_changes_something() {
    let host = Host::with(|config| config.limits.open_operations = 10).await;
    let run = host.start("fan_out", json!(20)).await;
    host.end(run).await;
    let host = host.restart(|_config| {}).await;
    assert_eq!(host.output(run).await, json!(210));
    let told = notes(&host, run).await;
    let [(0, blocked), (0, resumed)] = &told[..] else { panic!("{told:?}") };
    let HistoryEvent::RunBlocked { kind: BlockKind::Limit, event, .. } = blocked else {
        panic!("{told:?}")
    };
    assert_eq!(event.as_deref(), Some("its start with 20"));
    assert_eq!(*resumed, HistoryEvent::RunResumed { by: by("the host, at its start") });
}

#[tokio::test]
async fn of_a_run_that_is_blocked_and_resumed_for_ever_the_last_notes_are_kept() {
    let store = Store::in_memory().expect("the store opens");
    let (committer, thread) = Committer::start(store.clone()).expect("there is a thread");
    let run = RunId::from_parts(Timestamp(1), 1);
    let note = |turn| Note { turn, at: Timestamp(turn), what: Noted::Resumed { by: None } };
    for number in 1..=1_100 {
        committer.submit(Draft::nothing().with_note(run, number, &note(number)), |_written| {});
    }
    committer.stop();
    thread.join().expect("the committer stops");
    let kept = store.notes(run, 0).expect("they can be read");
    assert_eq!((kept.len(), &kept[0], kept.last()), (1_000, &note(101), Some(&note(1_100))));
    assert_eq!(store.next_note(run).expect("it can be read"), 1_101);
}

//! Many runs that ask for one token at once.

use segno_host::engine::RunView;
use segno_journal::RunId;
use segno_tests::{Host, output, patiently};
use serde_json::json;

/// How many runs ask.
const RUNS: usize = 100;

#[tokio::test]
async fn of_a_hundred_runs_that_ask_for_a_token_at_once_exactly_one_has_it() {
    let host = Host::new().await;
    let starts = (0..RUNS).map(|_| host.start("approve", json!("one")));
    let runs = futures::future::join_all(starts).await;
    let (owner, others) = patiently(settled(&host, &runs)).await;
    let hook = host.engine.hook("one").await.expect("one of them has it");
    assert_eq!(hook.run_id, owner);
    for other in &others {
        assert_eq!(output(other), json!({ "owner": owner.to_string() }));
    }
    // The token is free again with the end of its owner, and again one of many gets it.
    host.engine.cancel(owner).await.expect("it is cancelled");
    let starts = (0..RUNS).map(|_| host.start("approve", json!("one")));
    let runs = futures::future::join_all(starts).await;
    let (owner, _) = patiently(settled(&host, &runs)).await;
    assert_eq!(host.engine.hook("one").await.map(|hook| hook.run_id).ok(), Some(owner));
}

/// The one run that goes on, when all others have ended.
async fn settled(host: &Host, runs: &[RunId]) -> (RunId, Vec<RunView>) {
    loop {
        let views = futures::future::join_all(runs.iter().map(|run| host.engine.run(*run))).await;
        let views = views.into_iter().map(|view| view.expect("the run is known"));
        let (ended, going): (Vec<_>, Vec<_>) = views.partition(|view| view.ended_at.is_some());
        if let [owner] = &going[..] {
            return (owner.run_id, ended);
        }
        assert!(!going.is_empty(), "nobody has the token");
        tokio::task::yield_now().await;
    }
}

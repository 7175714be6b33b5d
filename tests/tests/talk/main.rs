//! Talking to a run: hooks and signals, as programs and people meet them.

mod attributes;
mod batches;
mod children;
mod contention;
mod control;
mod hooks;
mod queries;
mod signals;
mod streams;

use segno_host::engine::{EngineError, NewSignal, Reply, RunView, Wait};
use segno_journal::{Response, RunId};
use segno_tests::{Host, patiently};
use serde_json::Value;

/// A signal without a key.
fn signal(name: &str, payload: &Value) -> NewSignal {
    NewSignal { name: name.to_owned(), payload: payload.to_string(), key: None }
}

/// The same with a key.
fn keyed(name: &str, payload: &Value, key: &str) -> NewSignal {
    NewSignal { key: Some(key.to_owned()), ..signal(name, payload) }
}

/// Sends a signal, and gives what the workflow answers.
async fn ask(host: &Host, run: RunId, signal: NewSignal) -> Result<Response, EngineError> {
    match host.engine.signal(run, signal, true).await? {
        Reply::Now(response) => Ok(response),
        Reply::Later(answer, _place) => patiently(answer).await.expect("it is answered"),
    }
}

/// The token of a hook that a run has, once it has it.
async fn hooked(host: &Host, run: RunId) -> String {
    let token = |view: &RunView| {
        view.waits_for.iter().find_map(|wait| match wait {
            Wait::Hook { token, .. } => Some(token.clone()),
            _ => None,
        })
    };
    let token = host.until(run, token).await;
    patiently(async {
        while !host.engine.hook(&token).await.is_ok_and(|hook| hook.run_id == run) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    token
}

/// Waits until a run takes in the signals of a name.
async fn listens(host: &Host, run: RunId, name: &str) {
    let is_it = |wait: &Wait| matches!(wait, Wait::Signal { name: of, .. } if of == name);
    host.until(run, |view| view.waits_for.iter().any(is_it).then_some(())).await;
}

//! Who asked for it when a run was started is called when it has ended: by HTTP, signed, again and again until
//! somebody says that it has come. What is owed is on disk since the commit of the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use segno::http::{Request, Response};
use segno::native::Step;
use segno_api::{RunStatus, RunView, SHOWN, printable};
use segno_journal::{RunId, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::engine::config::{SigningKey, seconds};
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::metrics::EndCallOutcome;
use crate::store::{Draft, EndCall};

/// The pauses after calls that were made in vain, in seconds: those that Standard Webhooks recommend. After the last
/// one the call is given up, some three days after the first.
const PAUSES: [u64; 9] =
    [5, 5 * 60, 30 * 60, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

const HOUR: u64 = 60 * 60;

/// How many calls are made at once.
const AT_ONCE: usize = 16;

/// How long one may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The status by which somebody says that they are not to be called again.
const GONE: u16 = 410;

/// Makes the calls that are owed, until the host stops.
pub(super) async fn call(
    engine: Engine,
    (key, http): (SigningKey, Step),
    mut ended: UnboundedReceiver<RunId>,
) {
    let known = engine.clone();
    let owed = engine.blocking(move || Ok(known.0.store.end_calls()?)).await;
    let owed = owed.unwrap_or_else(|error| {
        tracing::error!(%error, "which calls are owed for runs that have ended cannot be read");
        Vec::new()
    });
    let mut due: BinaryHeap<_> = owed.into_iter().map(|(run, at)| Reverse((at, run))).collect();
    let mut calls = JoinSet::new();
    let clock = engine.0.outside.clock().clone();
    loop {
        let next = due.peek().filter(|_| calls.len() < AT_ONCE).map(|Reverse((at, _))| *at);
        tokio::select! {
            run = ended.recv() => match run {
                Some(run) => due.push(Reverse((engine.0.outside.now(), run))),
                None => return,
            },
            Some(called) = calls.join_next() => {
                // One that panicked is made again by the next host.
                due.extend(called.ok().flatten().map(Reverse));
            }
            () = clock.sleep_until(next.unwrap_or_default()), if next.is_some() => {
                if let Some(Reverse((_, run))) = due.pop() {
                    let (engine, key, http) = (engine.clone(), key.clone(), http.clone());
                    calls.spawn(async move {
                        let next = engine.call_end(run, &key, &http).await?;
                        Some((next, run))
                    });
                }
            }
        }
    }
}

impl Engine {
    /// Makes a call that is owed, and says when it is to be made again.
    async fn call_end(&self, run: RunId, key: &SigningKey, http: &Step) -> Option<Timestamp> {
        let (view, owed) = match self.owed(run).await {
            Ok(Some(owed)) => owed,
            Ok(None) => return None,
            Err(error) => {
                tracing::error!(%run, %error, "the call at the end of a run cannot be made: it cannot be read");
                return None;
            }
        };
        let url = view.on_end.as_ref()?.url.clone();
        let made = request(&view, &url, key, self.0.outside.now());
        let result = match made {
            Ok(request) => send(http, request).await,
            Err(error) => Err(error.to_string()),
        };
        let metrics = self.0.outside.metrics();
        let draft = match &result {
            Ok(status) if (200..300).contains(status) => {
                metrics.called_at_end(EndCallOutcome::Made);
                Draft::nothing().without_end_call(run)
            }
            result => {
                let call = after(&owed, result, self.0.outside.now());
                let error = call.error.as_deref().unwrap_or_default();
                match call.due {
                    Some(_) => metrics.called_at_end(EndCallOutcome::Failed),
                    None => {
                        metrics.called_at_end(EndCallOutcome::GivenUp);
                        tracing::warn!(%run, error, "the call at the end of a run is given up");
                    }
                }
                let due = call.due;
                self.write_end_call(Draft::nothing().with_end_call(run, &call)).await;
                return due;
            }
        };
        self.write_end_call(draft).await;
        None
    }

    /// What is to be told of a run, and how often that was done in vain; nothing where it is not owed.
    async fn owed(&self, run: RunId) -> Result<Option<(RunView, EndCall)>, EngineError> {
        let view = self.run(run).await?;
        let engine = self.clone();
        let owed = self.blocking(move || Ok(engine.0.store.end_call(run)?)).await?;
        Ok(owed.filter(|owed| owed.due.is_some()).map(|owed| (view, owed)))
    }

    async fn write_end_call(&self, draft: Draft<()>) {
        let (done, written) = oneshot::channel();
        self.0.committer.submit(draft, move |result| {
            let _gone = done.send(result.is_ok());
        });
        // Where the store is in trouble, the next host makes the call again.
        let _written = written.await;
    }
}

/// The call, as it is signed at this moment.
fn request(
    view: &RunView,
    url: &str,
    key: &SigningKey,
    now: Timestamp,
) -> Result<Request, serde_json::Error> {
    let body = serde_json::to_string(&told(view))?;
    let id = view.run_id.to_string();
    let signature = key.sign(&id, now, &body);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id),
        ("webhook-timestamp", seconds(now)),
        ("webhook-signature", signature),
    ];
    Ok(Request {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        body: Some(body.into()),
        timeout_ms: Some(u64::try_from(TIMEOUT.as_millis()).unwrap_or(u64::MAX)),
        follow_redirects: false,
        idempotency_header: false,
    })
}

/// What is told of the end of a run.
fn told(view: &RunView) -> Value {
    let how = match view.status {
        RunStatus::Completed => "run.completed",
        RunStatus::Failed => "run.failed",
        RunStatus::Cancelled => "run.cancelled",
        RunStatus::Running | RunStatus::Blocked => "run",
    };
    json!({
        "type": how,
        "timestamp": view.ended_at,
        "data": {
            "run_id": view.run_id.to_string(),
            "workflow": view.workflow,
            "status": view.status,
            "started_at": view.started_at,
            "ended_at": view.ended_at,
            "output": view.output,
            "error": view.error,
            "error_type": view.error_type,
        },
    })
}

/// The status that was answered, or why there was none.
async fn send(http: &Step, request: Request) -> Result<u16, String> {
    let input = json!({ "request": request }).to_string();
    let answer = http.run(input).await.map_err(|error| error.to_string())?;
    let response: Response = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
    Ok(response.status)
}

/// What is owed after a call that was made in vain.
fn after(before: &EndCall, result: &Result<u16, String>, now: Timestamp) -> EndCall {
    let error = match result {
        Ok(status) => format!("it was answered with status {status}"),
        Err(error) => printable(error, SHOWN),
    };
    let pause = PAUSES.get(before.failed as usize).filter(|_| *result != Ok(GONE));
    EndCall {
        failed: before.failed.saturating_add(1),
        due: pause.map(|seconds| now.plus_ms(seconds * 1_000)),
        error: Some(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_made_again_for_some_three_days_and_then_given_up() {
        let mut call = EndCall { due: Some(Timestamp(0)), ..EndCall::default() };
        let mut moments = Vec::new();
        while let Some(due) = call.due {
            moments.push(due.0 / 1_000);
            call = after(&call, &Err("refused".into()), due);
        }
        assert_eq!(moments.len(), PAUSES.len() + 1);
        assert_eq!(moments[..4], [0, 5, 305, 2_105]);
        assert!((72..80).contains(&(moments[9] / HOUR)), "{moments:?}");
        assert_eq!((call.failed, call.error.as_deref()), (10, Some("refused")));
    }

    #[test]
    fn who_says_that_it_is_gone_is_not_called_again() {
        let call = after(&EndCall::default(), &Ok(GONE), Timestamp(0));
        assert_eq!((call.failed, call.due), (1, None));
        assert!(after(&EndCall::default(), &Ok(500), Timestamp(0)).due.is_some());
    }
}

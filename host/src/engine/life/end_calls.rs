//! Who asked for it when a run was started is called when it has ended: by HTTP, signed, again and again until
//! somebody says that it has come. What is owed is on disk since the commit of the end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp as Moment;
use parking_lot::Mutex;
use segno::http::Request;
use segno_api::{RunStatus, SHOWN, printable, when};
use segno_journal::{Failure, RunId, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::engine::config::{SigningKey, seconds};
use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::engine::metrics::EndCallOutcome;
use crate::engine::reads::Ended;
use crate::engine::shard::status_of;
use crate::steps::{Caller, origin};
use crate::store::{Draft, EndCall, RunRecord, StoreError};

/// The pauses after calls that were made in vain, in seconds: those that Standard Webhooks recommend. After the last
/// one the call is given up, some three days after the first.
const PAUSES: [u64; 9] =
    [5, 5 * 60, 30 * 60, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

const HOUR: u64 = 60 * 60;

/// How many calls are made at once.
const AT_ONCE: usize = 64;

/// How many of them go to one place: one that is slow must not keep the others from theirs.
const OF_ONE_ORIGIN: usize = 4;

/// How long one may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long one steps aside, in milliseconds, where too many go to its place, or the disk did not say what is to be
/// told: that is no call that was made in vain.
const ASIDE_MS: u64 = 30_000;

/// The status by which somebody says that they are not to be called again.
const GONE: u16 = 410;

/// Makes the calls that are owed, until the host stops.
pub(super) async fn call(
    engine: Engine,
    (key, caller): (SigningKey, Caller),
    mut ended: UnboundedReceiver<RunId>,
) {
    let mut line = Line::default();
    let clock = engine.0.outside.clock().clone();
    loop {
        match engine.all_owed().await {
            Ok(owed) => break owed.into_iter().for_each(|(run, at)| line.add(run, at)),
            Err(error) => {
                tracing::error!(%error, "which calls are owed for runs that have ended cannot be read");
                tokio::select! {
                    () = clock.pause(Duration::from_millis(ASIDE_MS)) => {}
                    run = ended.recv() => match run {
                        Some(run) => line.add(run, engine.0.outside.now()),
                        None => return,
                    },
                }
            }
        }
    }
    let means = Arc::new(Means { key, caller, under_way: Mutex::default() });
    let mut calls = JoinSet::new();
    loop {
        let next = line.next().filter(|_| calls.len() < AT_ONCE);
        tokio::select! {
            run = ended.recv() => match run {
                Some(run) => line.add(run, engine.0.outside.now()),
                None => return,
            },
            Some(called) = calls.join_next() => {
                if let Ok((run, next)) = called {
                    line.done(run, next);
                }
            }
            () = clock.sleep_until(next.unwrap_or_default()), if next.is_some() => {
                if let Some(run) = line.take() {
                    let (engine, means) = (engine.clone(), Arc::clone(&means));
                    calls.spawn(async move { (run, engine.call_end_safely(run, &means).await) });
                }
            }
        }
    }
}

/// The calls that are owed, each once, by when they are due.
#[derive(Default)]
struct Line {
    due: BinaryHeap<Reverse<(Timestamp, RunId)>>,
    /// Those that are in the line or under way.
    known: BTreeSet<RunId>,
}

impl Line {
    fn add(&mut self, run: RunId, at: Timestamp) {
        if self.known.insert(run) {
            self.due.push(Reverse((at, run)));
        }
    }

    /// When the first one is due.
    fn next(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the first one, which is under way then.
    fn take(&mut self) -> Option<RunId> {
        self.due.pop().map(|Reverse((_, run))| run)
    }

    /// One that was under way is due again, or owed no more.
    fn done(&mut self, run: RunId, next: Option<Timestamp>) {
        self.known.remove(&run);
        if let Some(at) = next {
            self.add(run, at);
        }
    }
}

/// What calls are made with.
struct Means {
    key: SigningKey,
    caller: Caller,
    /// How many are under way to each place.
    under_way: Mutex<BTreeMap<String, usize>>,
}

impl Means {
    /// A place among the calls to where a URL leads, if there is one.
    fn place(&self, url: &str) -> Option<Place<'_>> {
        let origin = origin(url).unwrap_or_default();
        let mut under_way = self.under_way.lock();
        let count = under_way.entry(origin.clone()).or_default();
        if *count >= OF_ONE_ORIGIN {
            return None;
        }
        *count += 1;
        Some(Place { means: self, origin })
    }
}

/// A call that is under way.
struct Place<'a> {
    means: &'a Means,
    origin: String,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut under_way = self.means.under_way.lock();
        let left = under_way.get_mut(&self.origin).map(|count| {
            *count -= 1;
            *count
        });
        if left == Some(0) {
            under_way.remove(&self.origin);
        }
    }
}

impl Engine {
    async fn all_owed(&self) -> Result<Vec<(RunId, Timestamp)>, EngineError> {
        let engine = self.clone();
        self.blocking(move || Ok(engine.0.store.end_calls()?)).await
    }

    /// Makes a call that is owed, and says when it is to be made again. One that cannot be made now is made later.
    async fn call_end_safely(&self, run: RunId, means: &Means) -> Option<Timestamp> {
        let calling = AssertUnwindSafe(self.call_end(run, means)).catch_unwind();
        let aside = || Some(self.0.outside.now().plus_ms(ASIDE_MS));
        match calling.await {
            Ok(Ok(next)) => next,
            Ok(Err(error)) => {
                tracing::error!(%run, %error, "what is to be told of the end of a run cannot be read");
                aside()
            }
            Err(_panic) => {
                tracing::error!(%run, "the call at the end of a run failed on this host");
                aside()
            }
        }
    }

    async fn call_end(&self, run: RunId, means: &Means) -> Result<Option<Timestamp>, EngineError> {
        let engine = self.clone();
        let owed = self.blocking(move || engine.owed(run)).await?;
        let Some(Owed { url, id, told, call: owed, ended_at }) = owed else { return Ok(None) };
        let Some(_place) = means.place(&url) else {
            return Ok(Some(self.0.outside.now().plus_ms(ASIDE_MS)));
        };
        let now = self.0.outside.now();
        let request = request((id, told), url, &means.key, now);
        let result = means.caller.call(request, TIMEOUT).await;
        let result = result.map_err(|error| error.to_string());
        let metrics = self.0.outside.metrics();
        if result.as_ref().is_ok_and(|status| (200..300).contains(status)) {
            metrics.called_at_end(EndCallOutcome::Made);
            let draft = Draft::nothing().without_end_call(run);
            return Ok(self.write_end_call(draft.only_if_ended_at(run, ended_at), None).await);
        }
        let call = after(&owed, &result, self.0.outside.now());
        match call.due {
            Some(_) => metrics.called_at_end(EndCallOutcome::Failed),
            None => {
                metrics.called_at_end(EndCallOutcome::GivenUp);
                tracing::warn!(%run, "the call at the end of a run is given up");
            }
        }
        let draft = Draft::nothing().with_end_call(run, &call);
        Ok(self.write_end_call(draft.only_if_ended_at(run, ended_at), call.due).await)
    }

    /// The call that is owed; nothing where none is, or the run goes on again. From the disk: of a run that has ended
    /// no shard knows more.
    fn owed(&self, run: RunId) -> Result<Option<Owed>, EngineError> {
        let owed = self.0.store.end_call(run)?.filter(|owed| owed.due.is_some());
        let Some((record, owed)) = self.0.store.run(run)?.zip(owed) else { return Ok(None) };
        let Some(url) = record.on_end.as_deref().map(str::to_owned) else { return Ok(None) };
        let Some(ended_at) = record.standing.ended_at() else { return Ok(None) };
        // Each end of a run that is tried again is one of its own.
        let id = match self.0.store.set_aside_before(run)? {
            0 => run.to_string(),
            retries => format!("{run}.{retries}"),
        };
        // Where its journal is damaged, that it has ended is all that can be told.
        let ended = self.end_of(run).unwrap_or_default();
        Ok(Some(Owed { url, id, told: told(run, &record, &ended), call: owed, ended_at }))
    }

    /// Writes what became of a call, and says when the next one is due. Where the run was tried again meanwhile, what
    /// is owed is looked at once more.
    async fn write_end_call(&self, draft: Draft<()>, next: Option<Timestamp>) -> Option<Timestamp> {
        match self.commit(draft).await {
            Err(StoreError::Unmet(_)) => Some(self.0.outside.now()),
            // Where the store is in trouble, the next host makes the call again.
            Ok(()) | Err(_) => next,
        }
    }
}

/// A call that is owed for the end of a run.
struct Owed {
    url: String,
    /// By which a call that comes again is known.
    id: String,
    told: String,
    /// How often it was made in vain.
    call: EndCall,
    ended_at: Timestamp,
}

/// The call, as it is signed at this moment.
fn request((id, body): (String, String), url: String, key: &SigningKey, now: Timestamp) -> Request {
    let signature = key.sign(&id, now, &body);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id),
        ("webhook-timestamp", seconds(now)),
        ("webhook-signature", signature),
    ];
    Request {
        method: "POST".to_owned(),
        url,
        headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        body: Some(body.into()),
        timeout_ms: None,
        follow_redirects: false,
        idempotency_header: false,
    }
}

/// What is told of the end of a run.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(rename = "type")]
    how: &'static str,
    timestamp: Option<Moment>,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    run_id: String,
    workflow: &'a str,
    status: RunStatus,
    started_at: Moment,
    ended_at: Option<Moment>,
    /// As it was recorded: a number keeps its digits.
    output: Option<&'a RawValue>,
    error: Option<&'a str>,
    error_type: Option<&'a str>,
}

fn told(run: RunId, record: &RunRecord, ended: &Ended) -> String {
    let status = status_of(&record.standing);
    let how = match status {
        RunStatus::Completed => "run.completed",
        RunStatus::Failed => "run.failed",
        RunStatus::Cancelled => "run.cancelled",
        RunStatus::Running | RunStatus::Blocked | RunStatus::Pending | RunStatus::Paused => "run",
    };
    let ended_at = record.standing.ended_at().map(when);
    let failure = ended.failure.as_ref();
    let data = Data {
        run_id: run.to_string(),
        workflow: &record.workflow,
        status,
        started_at: when(record.started_at),
        ended_at,
        output: ended.output.as_deref(),
        error: failure.map(|Failure { message, .. }| &**message),
        error_type: failure.and_then(|failure| failure.kind.as_deref()),
    };
    let told = Told { how, timestamp: ended_at, data };
    serde_json::to_string(&told).expect("it is made of text, numbers and JSON")
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
    fn a_call_is_in_the_line_once() {
        let [run, other] = [1, 2].map(|number| RunId::from_parts(Timestamp(1), number));
        let mut line = Line::default();
        line.add(run, Timestamp(5));
        line.add(other, Timestamp(3));
        line.add(run, Timestamp(1));
        assert_eq!(
            (line.next(), line.take(), line.take()),
            (Some(Timestamp(3)), Some(other), Some(run))
        );
        line.add(run, Timestamp(1));
        assert_eq!(line.next(), None, "it is under way");
        line.done(run, Some(Timestamp(9)));
        assert_eq!(line.next(), Some(Timestamp(9)));
    }

    #[test]
    fn who_says_that_it_is_gone_is_not_called_again() {
        let call = after(&EndCall::default(), &Ok(GONE), Timestamp(0));
        assert_eq!((call.failed, call.due), (1, None));
        assert!(after(&EndCall::default(), &Ok(500), Timestamp(0)).due.is_some());
    }
}

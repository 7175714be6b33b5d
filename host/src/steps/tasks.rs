//! Running attempts: each in a task of its own, bounded in number and in time, told to stop when
//! its run is over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use segno::native::{CancellationToken, Responder, Step, StepContext, StepInfo};
use segno::{StepError, StreamError};
use segno_journal::retry::Mishap;
use segno_journal::{MAX_NESTING, Op, RunId, Timestamp, is_too_nested};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinError, JoinHandle};

use crate::steps::beats::Beats;
use crate::steps::places::{Claim, Place, Places};
use crate::steps::streams::{AttemptStreams, Sink};
use crate::steps::{Go, Hearers, Outcome, Running, StepAttempt, mishap, ms};

/// How long an attempt that is told to stop may go on before it is cut off, where it must not be left
/// behind.
const HEED: Duration = Duration::from_secs(10);

/// How long the host must live with a suspect until that counts as none: long enough for a step that
/// takes the host with it to have done so, mostly.
const PROBATION: Duration = Duration::from_secs(60);

/// What the steps of a host may take.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// How many run at once.
    pub max_running: usize,
    /// How large an output may be, in bytes.
    pub payload: usize,
    /// How long one attempt may take, whatever its step or its workflow says.
    pub max_timeout: Duration,
    /// How many times a failed attempt is tried again, whatever its step or its workflow says.
    pub max_retries: u32,
    /// Where the management API of the host is, which bodies are told.
    pub api_url: String,
}

/// Runs the steps of a host. Cheap to clone.
#[derive(Clone)]
pub struct Tasks {
    shared: Arc<Shared>,
}

struct Shared {
    steps: segno::Steps,
    runtime: Handle,
    places: Places,
    bounds: Bounds,
    /// The attempts that run or wait for a permit, with what tells them to stop.
    in_flight: Mutex<BTreeMap<(RunId, Op), Flight>>,
    /// An attempt is over.
    landed: Notify,
    /// Attempts are not waited for any more.
    cut: CancellationToken,
}

/// An attempt that runs or waits for a permit.
struct Flight {
    number: u32,
    token: CancellationToken,
}

impl Tasks {
    /// Tasks for these steps, within these bounds, on this runtime.
    #[must_use]
    pub fn new(steps: segno::Steps, bounds: Bounds, runtime: Handle) -> Self {
        let shared = Shared {
            steps,
            runtime,
            places: Places::new(bounds.max_running),
            bounds,
            in_flight: Mutex::default(),
            landed: Notify::new(),
            cut: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(super) fn running(&self) -> usize {
        self.shared.places.taken()
    }

    pub(super) fn places(&self) -> &Places {
        &self.shared.places
    }

    /// How many attempts wait for a place.
    pub(super) fn waiting(&self) -> usize {
        self.shared.in_flight.lock().len().saturating_sub(self.running())
    }

    pub(super) fn max_retries(&self) -> u32 {
        self.shared.bounds.max_retries
    }

    pub(super) fn steps(&self) -> &segno::Steps {
        &self.shared.steps
    }

    /// Makes an attempt. Who hears of it does so on the runtime.
    pub(super) fn start(
        &self,
        attempt: StepAttempt,
        now: Timestamp,
        responder: Responder,
        hearers: Hearers,
    ) {
        let Hearers { begins, heartbeat, writes, ended } = hearers;
        let token = CancellationToken::new();
        let key = (attempt.run, attempt.op);
        let number = attempt.number;
        self.shared.in_flight.lock().insert(key, Flight { number, token: token.clone() });
        let shared = Arc::clone(&self.shared);
        self.shared.runtime.spawn(async move {
            let asked = Instant::now();
            let (outcome, running) = match shared.place(&attempt, begins, &token).await {
                Some(place) => {
                    // It may have waited for long: what it is told of its time counts from here.
                    let now = now.plus_ms(ms(asked.elapsed()));
                    let beats = Arc::new(Beats::begin(heartbeat));
                    let told =
                        Told { now, responder, beats, streams: AttemptStreams::begin(writes) };
                    shared.attempt(&attempt, told, place, &token).await
                }
                None => (Outcome::NeverBegan, Running::default()),
            };
            // Told to stop, it counts as cut off: its run is over, or the host goes down. But what
            // has succeeded has succeeded, and what never began is not cut off.
            if !token.is_cancelled() || !matches!(outcome, Outcome::Failed(_)) {
                ended(attempt, outcome, running);
            }
            shared.land(key, number);
        });
    }

    /// Tells the steps of a run to stop: the run is over.
    pub(super) fn cancel_run(&self, run: RunId) {
        self.shared.places.forget(run);
        let in_flight = self.shared.in_flight.lock();
        let of_run = in_flight.range((run, Op(0))..=(run, Op(u64::MAX)));
        of_run.for_each(|(_, flight)| flight.token.cancel());
    }

    /// Tells the attempt of a step to stop, if there is one. One that waits for its place does no more.
    pub(super) fn cancel(&self, run: RunId, op: Op) {
        if let Some(flight) = self.shared.in_flight.lock().get(&(run, op)) {
            flight.token.cancel();
        }
    }

    /// Holds back what has not begun, lets what runs come to its end for at most this long, and then
    /// tells the rest to stop.
    pub(super) async fn drain(&self, at_most: Duration) {
        self.shared.places.close();
        if tokio::time::timeout(at_most, self.shared.emptied()).await.is_err() {
            self.shared.in_flight.lock().values().for_each(|flight| flight.token.cancel());
        }
    }

    /// Waits for the attempts that were told to stop. Those that do not heed it for a while are cut
    /// off where they wait for something.
    pub(super) async fn cut_off(&self) {
        if tokio::time::timeout(HEED, self.shared.emptied()).await.is_err() {
            self.shared.cut.cancel();
            self.shared.emptied().await;
        }
    }
}

impl Shared {
    /// No attempt runs or waits for a permit.
    async fn emptied(&self) {
        loop {
            let landed = self.landed.notified();
            if self.in_flight.lock().is_empty() {
                return;
            }
            landed.await;
        }
    }

    /// Takes an attempt out of the list, unless the next one of the same step stands there already.
    fn land(&self, key: (RunId, Op), number: u32) {
        let mut in_flight = self.in_flight.lock();
        if in_flight.get(&key).is_some_and(|flight| flight.number == number) {
            in_flight.remove(&key);
        }
        drop(in_flight);
        self.landed.notify_waiters();
    }

    /// The place of an attempt, once it has one and may begin. None if it never may.
    async fn place(
        &self,
        attempt: &StepAttempt,
        begins: Option<Box<dyn FnOnce(Go) + Send>>,
        token: &CancellationToken,
    ) -> Option<Place> {
        if token.is_cancelled() {
            return None;
        }
        let claim = attempt.claim();
        let place = match self.places.take(&claim) {
            Some(place) => place,
            None => token.run_until_cancelled(self.wait_for_place(claim)).await??,
        };
        if let Some(begins) = begins {
            let (go, gone) = oneshot::channel();
            begins(Go::new(move || {
                let _over = go.send(());
            }));
            token.run_until_cancelled(gone).await?.ok()?;
        }
        Some(place)
    }

    async fn wait_for_place(&self, claim: Claim) -> Option<Place> {
        let (granted, grant) = oneshot::channel();
        self.places.ask(claim, |place| {
            // Whoever has gone in the meantime gives it back by that.
            let _gone = granted.send(place);
        });
        grant.await.ok()?
    }

    /// Makes an attempt that has its place.
    async fn attempt(
        &self,
        attempt: &StepAttempt,
        Told { now, responder, beats, streams }: Told,
        place: Place,
        token: &CancellationToken,
    ) -> (Outcome, Running) {
        let call = &attempt.call;
        let Some(step) = self.steps.get(&call.name) else {
            return (Outcome::NeverBegan, Running::held(Some(place)));
        };
        let timeout = call.options.timeout_ms.map_or(step.policy.timeout, Duration::from_millis);
        let timeout = timeout.min(self.bounds.max_timeout);
        let info = info(attempt, now.plus_ms(ms(timeout)), &self.bounds.api_url);
        // Of the attempt alone: tasks that its body left behind are told when it is over.
        let over = token.child_token().drop_guard();
        let beating = Arc::clone(&beats);
        let heart = Arc::new(move |details| beating.beat(details));
        let context = StepContext::new(info, over.token().clone(), responder).with_heart(heart);
        let context = context.with_streams(Arc::new(Sink(Arc::clone(&streams))));
        // In a task of its own: whatever panics there, even as it is dropped, ends there.
        let body = self.runtime.spawn(context.scope(call_body(step.clone(), call.input.clone())));
        let is_suspect = place.is_suspect();
        let mut running = Running::at(place);
        let heartbeat_timeout = step.policy.heartbeat_timeout;
        let mut end = std::pin::pin!(async {
            let outcome = self.end_of(body, timeout, (&beats, heartbeat_timeout)).await;
            drop(over);
            // An attempt that is cut off waits for nothing.
            let written = self.cut.run_until_cancelled(streams.end()).await;
            match (written.unwrap_or(Err(StreamError::Over)), outcome) {
                (Err(error), Outcome::Returned(_)) => {
                    failed(format!("what the attempt wrote is not on disk: {error}"))
                }
                (_, outcome) => outcome,
            }
        });
        if is_suspect {
            match tokio::time::timeout(PROBATION, &mut end).await {
                Ok(outcome) => return (outcome, running),
                Err(_it_takes_long) => running.clear(),
            }
        }
        (end.await, running)
    }

    /// How a body ends, if it does so in time.
    async fn end_of(
        &self,
        mut body: JoinHandle<Result<String, StepError>>,
        timeout: Duration,
        (beats, heartbeat_timeout): (&Beats, Option<Duration>),
    ) -> Outcome {
        let mut late = format!("the attempt took longer than its time-out of {timeout:?}");
        let timed = async {
            tokio::select! {
                ended = tokio::time::timeout(timeout, &mut body) => ended.ok(),
                silence = silence(beats, heartbeat_timeout) => {
                    late = format!("the attempt sent no heartbeat for {silence:?}");
                    None
                }
            }
        };
        let ended = self.cut.run_until_cancelled(timed).await.flatten();
        let outcome = match ended {
            Some(Ok(Ok(output))) => self.checked(output),
            Some(Ok(Err(error))) => Outcome::Failed(mishap(&error)),
            Some(Err(panic)) => failed(format!("the step panicked: {}", panic_message(panic))),
            None => {
                body.abort();
                // Until it has stopped: a body that computes or blocks does not stop at once, and two
                // attempts of one step must not run side by side. What it returns after all counts.
                match body.await {
                    Ok(Ok(output)) => self.checked(output),
                    _ => failed(late),
                }
            }
        };
        beats.end(!matches!(outcome, Outcome::Returned(_)));
        outcome
    }

    fn checked(&self, output: String) -> Outcome {
        let size = output.len();
        let limit = self.bounds.payload;
        let problem = if size > limit {
            format!(
                "the output of the step has {size} bytes, but at most {limit} are allowed; store it and return \
                 where it is"
            )
        } else {
            match serde_json::from_str::<&serde_json::value::RawValue>(&output) {
                Ok(_json) if is_too_nested(&output) => {
                    format!("the output of the step is nested more than {MAX_NESTING} levels deep")
                }
                Ok(_json) => return Outcome::Returned(output),
                Err(error) => format!("the output of the step is not JSON: {error}"),
            }
        };
        Outcome::Failed(Mishap::Fatal { message: problem })
    }
}

/// What an attempt is told, and who hears what it says.
struct Told {
    now: Timestamp,
    responder: Responder,
    beats: Arc<Beats>,
    streams: Arc<AttemptStreams>,
}

/// Returns when an attempt that is to send heartbeats has sent none for too long.
async fn silence(beats: &Beats, timeout: Option<Duration>) -> Duration {
    match timeout {
        Some(timeout) => {
            beats.missed(timeout).await;
            timeout
        }
        None => std::future::pending().await,
    }
}

/// Calls the body within the future, so that a panic before its first await is caught as well.
async fn call_body(step: Step, input: String) -> Result<String, StepError> {
    step.run(input).await
}

fn info(attempt: &StepAttempt, deadline: Timestamp, api_url: &str) -> StepInfo {
    StepInfo {
        run_id: attempt.run.to_string(),
        workflow: attempt.workflow.to_string(),
        run_started_at: instant(attempt.run_started_at),
        api_url: api_url.to_owned(),
        operation: attempt.op.0,
        step_name: attempt.call.name.clone(),
        attempt: attempt.number,
        started_at: instant(attempt.call.asked_at),
        deadline: instant(deadline),
        last_heartbeat: attempt.heartbeat.as_deref().map(str::to_owned),
    }
}

/// The moment as the SDK shows it; the last one that it knows where it lies beyond.
fn instant(timestamp: Timestamp) -> segno::Timestamp {
    i64::try_from(timestamp.0)
        .ok()
        .and_then(|ms| segno::Timestamp::from_millisecond(ms).ok())
        .unwrap_or(segno::Timestamp::MAX)
}

fn failed(message: String) -> Outcome {
    Outcome::Failed(Mishap::Failed { message, retry_after_ms: None })
}

fn panic_message(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "it was aborted".to_owned() };
    match panic.downcast_ref::<&str>() {
        Some(text) => (*text).to_owned(),
        None => {
            panic.downcast_ref::<String>().map_or("it did not say why", String::as_str).to_owned()
        }
    }
}

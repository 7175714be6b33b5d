//! A workflow that plays a little program, which it is given as its input. It returns what it saw,
//! and when: so whoever reads its journal knows what it has to return.

use std::pin::Pin;
use std::time::Duration;

use futures::future::{Either, join, join_all, select};
use segno::{
    ChildError, Error, Hook, HookError, Response, StepFailure, Webhook, send_signal, signals,
    sleep, spawn, spawn_detached, workflow,
};
use serde::{Deserialize, Serialize};

use crate::family::{Childhood, childhood, lingers};
use crate::steps;
use crate::work::Work;

/// A little program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The webhooks that it opens first, in this order: true for one whose callers are answered by
    /// the program.
    pub webhooks: Vec<bool>,
    /// What it does.
    pub act: Act,
    /// Whether it returns an error if one of its steps failed.
    pub strict: bool,
}

/// One thing that a program does. No two steps of a program are the same, and no two sleeps are of
/// one length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Calls the step `work`.
    Step(Work),
    /// Sleeps for so many milliseconds.
    Sleep(u64),
    /// Takes so many requests of a webhook, which is nobody else's.
    Take(usize, usize),
    /// Opens a hook of this token, takes so many payloads, and closes it.
    Hook(String, usize),
    /// Takes so many signals of this name, which is nobody else's, and answers them.
    Signals(String, usize),
    /// Starts a child, which may go on after it, and waits for its end.
    Child(Childhood, bool),
    /// Starts a child that lingers as long as it does, and does not wait for it; or one that may go on after
    /// it, and is cancelled at once.
    Linger(bool),
    /// Writes a chunk to this stream.
    Write(String, u64),
    /// Closes this stream.
    Close(String),
    /// Gives the run an attribute, or takes it.
    Mark(String, Option<u64>),
    /// Registers that a step undoes something, and perhaps keeps what it would undo.
    Undo(Work, bool),
    /// This, and a cancel waits for it.
    Shield(Box<Act>),
    /// One after the other.
    Each(Vec<Act>),
    /// All at once.
    All(Vec<Act>),
    /// Whichever is over first; the other one is dropped.
    First(Box<Act>, Box<Act>),
    /// The same, and the steps of what is dropped are given up.
    Only(Box<Act>, Box<Act>),
}

/// What a program saw. Moments are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// How a step ended, and when.
    Step(u64, Result<u64, StepFailure>),
    /// When a sleep was over.
    Slept(u64),
    /// The requests of a webhook, and when each was taken.
    Took(Vec<(u64, String)>),
    /// What was sent to a hook or as signals, and when each was taken.
    Got(Vec<(u64, u64)>),
    /// When a hook heard that its token is in use.
    Taken(u64),
    /// When a child ended, and with what; nothing where it was cancelled.
    Child(u64, Option<Result<u64, String>>),
    /// That it goes on without waiting for what it began.
    Lingers,
    /// That it has written, closed a stream, changed an attribute, or registered something.
    Wrote,
    /// What each saw, in the order of the program.
    Each(Vec<Seen>),
    /// What all saw, in the order of the program.
    All(Vec<Seen>),
    /// What the first one saw, and whether it stands first in the program.
    First(bool, Box<Seen>),
}

impl Seen {
    /// Whether a step failed.
    #[must_use]
    pub fn has_failure(&self) -> bool {
        match self {
            Self::Step(_, outcome) => outcome.is_err(),
            Self::Slept(_)
            | Self::Took(_)
            | Self::Got(_)
            | Self::Taken(_)
            | Self::Child(..)
            | Self::Lingers
            | Self::Wrote => false,
            Self::Each(seen) | Self::All(seen) => seen.iter().any(Self::has_failure),
            Self::First(_, seen) => seen.has_failure(),
        }
    }
}

/// What a strict program says when a step of it failed.
pub const STRICT: &str = "a step failed";

/// Plays a program; returns what it saw.
#[workflow]
pub async fn program(program: Program) -> Result<Seen, Error> {
    let open = |manual: &bool| {
        if *manual { Webhook::builder().manual().create() } else { Webhook::new() }
    };
    let webhooks: Vec<_> = program.webhooks.iter().map(open).collect();
    let seen = play(&program.act, &webhooks).await?;
    if program.strict && seen.has_failure() { Err(Error::new(STRICT)) } else { Ok(seen) }
}

type Playing<'a> = Pin<Box<dyn Future<Output = Result<Seen, Error>> + Send + 'a>>;

fn play<'a>(act: &'a Act, webhooks: &'a [Webhook]) -> Playing<'a> {
    Box::pin(async move {
        Ok(match act {
            Act::Step(work) => {
                let outcome = steps::work(work.clone(), segno::random()).await;
                Seen::Step(now(), outcome)
            }
            Act::Sleep(ms) => {
                sleep(Duration::from_millis(*ms)).await;
                Seen::Slept(now())
            }
            Act::Take(webhook, requests) => take(&webhooks[*webhook], *requests).await?,
            Act::Hook(token, payloads) => hook(token, *payloads).await?,
            Act::Signals(name, count) => named(name, *count).await,
            Act::Child(childhood, is_left) => child(childhood, *is_left).await?,
            Act::Linger(false) => {
                drop(spawn::<lingers>(&()));
                Seen::Lingers
            }
            Act::Linger(true) => {
                spawn_detached::<lingers>(&()).cancel();
                Seen::Lingers
            }
            Act::Write(name, id) => write(name, Some(*id)),
            Act::Close(name) => write(name, None),
            Act::Mark(name, number) => mark(name, *number)?,
            Act::Undo(work, is_kept) => undo(work.clone(), *is_kept),
            Act::Shield(act) => segno::shield(play(act, webhooks)).await?,
            Act::Each(acts) => {
                let mut seen = Vec::new();
                for act in acts {
                    seen.push(play(act, webhooks).await?);
                }
                Seen::Each(seen)
            }
            Act::All(acts) => {
                let seen = join_all(acts.iter().map(|act| play(act, webhooks))).await;
                Seen::All(seen.into_iter().collect::<Result<_, _>>()?)
            }
            Act::Only(one, other) => {
                let [one, other] =
                    [one, other].map(|act| segno::abort_on_drop(play(act, webhooks)));
                match select(one, other).await {
                    Either::Left((seen, _)) => Seen::First(true, Box::new(seen?)),
                    Either::Right((seen, _)) => Seen::First(false, Box::new(seen?)),
                }
            }
            Act::First(one, other) => {
                match select(play(one, webhooks), play(other, webhooks)).await {
                    Either::Left((seen, _)) => Seen::First(true, Box::new(seen?)),
                    Either::Right((seen, _)) => Seen::First(false, Box::new(seen?)),
                }
            }
        })
    })
}

/// Takes requests, answers those who wait for an answer, and closes the webhook.
async fn take(webhook: &Webhook, requests: usize) -> Result<Seen, Error> {
    let mut taken = Vec::new();
    while taken.len() < requests {
        let Some(request) = webhook.next().await else { break };
        let text = request.text()?.to_owned();
        request.respond(Response::text(format!("heard {text}")));
        taken.push((now(), text));
    }
    webhook.dispose();
    Ok(Seen::Took(taken))
}

/// Takes signals of a name, and answers them.
async fn named(name: &str, count: usize) -> Seen {
    let named = signals::<u64>(name);
    let mut got = Vec::new();
    while got.len() < count {
        let signal = named.next().await;
        signal.respond(signal.value);
        got.push((now(), signal.value));
    }
    Seen::Got(got)
}

/// Registers that a step undoes something, and perhaps keeps what it would undo.
fn undo(work: Work, is_kept: bool) -> Seen {
    let undo = async { steps::work(work, segno::random()).await };
    let compensation = segno::compensate("undo", undo);
    if is_kept {
        compensation.keep();
    }
    Seen::Wrote
}

/// Gives the run an attribute, or takes it.
fn mark(name: &str, number: Option<u64>) -> Result<Seen, Error> {
    match number {
        Some(number) if number % 2 == 0 => segno::attributes::set(name, number.to_string())?,
        Some(number) => segno::attributes::set(name, number)?,
        None => segno::attributes::remove(name)?,
    }
    Ok(Seen::Wrote)
}

/// Writes a chunk to a stream, or closes it.
fn write(name: &str, id: Option<u64>) -> Seen {
    match id {
        Some(id) => segno::stream(name).write(format!("{id} by the workflow")),
        None => segno::stream(name).close(),
    }
    Seen::Wrote
}

/// Takes payloads of a hook, if it has its token.
async fn hook(token: &str, payloads: usize) -> Result<Seen, Error> {
    let hook = match Hook::<u64>::open(token).await {
        Ok(hook) => hook.scoped(),
        Err(HookError::TokenInUse { .. }) => return Ok(Seen::Taken(now())),
        Err(error) => return Err(error.into()),
    };
    let mut got = Vec::new();
    while got.len() < payloads {
        let Some(value) = hook.next().await else { break };
        got.push((now(), value));
    }
    Ok(Seen::Got(got))
}

/// Waits for the end of a child.
async fn child(of: &Childhood, is_left: bool) -> Result<Seen, Error> {
    let end = if is_left {
        let child = spawn_detached::<childhood>(of);
        // Whether it is taken is looked at elsewhere. It comes before the child has begun, or after.
        let run = child.run_id().to_owned();
        let said = segno::random() | 1 << 63;
        let (told, end) = join(send_signal(&run, "hello", &said), child).await;
        if let Err(error) = told {
            segno::log::info!("{error}");
        }
        end
    } else {
        spawn::<childhood>(of).await
    };
    let end = match end {
        Ok(id) => Some(Ok(id)),
        Err(ChildError::Failed { message, .. }) => Some(Err(message)),
        Err(ChildError::Cancelled { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Seen::Child(now(), end))
}

/// The time, in milliseconds since 1970.
fn now() -> u64 {
    u64::try_from(segno::now().as_millisecond()).unwrap_or_default()
}

//! A workflow that does a bit of everything, in an order that chance and the world decide; and one
//! whose code can be told from that of another edition.

use std::time::Duration;

use futures::future::{Either, join, join_all, select};
use segno::{
    Error, Hook, HookError, Response, Webhook, compensate, random_range, shield, signals, sleep,
    workflow,
};

use crate::steps;
use crate::work::{Mishap, Work};

/// Plays so many rounds, each of them a race, a crowd of steps, a nap or a request; returns what
/// happened in each.
#[workflow]
pub async fn medley(rounds: u64) -> Result<Vec<String>, Error> {
    play(rounds, 8).await
}

/// Plays the same, and rounds that leave something behind which is of no use any more; only the last
/// turns are kept.
#[workflow(history = "keep 8")]
pub async fn medley_kept(rounds: u64) -> Result<Vec<String>, Error> {
    play(rounds, 11).await
}

/// Plays so many rounds, of so many kinds.
async fn play(rounds: u64, kinds: u64) -> Result<Vec<String>, Error> {
    let webhook = Webhook::builder().manual().create();
    let mut played = Vec::new();
    for round in 0..rounds {
        let what = match random_range(0..kinds) {
            0 => race(&webhook).await?,
            1 => crowd(random_range(1..6)).await,
            2 => {
                sleep(Duration::from_millis(random_range(0..100))).await;
                "nap".to_owned()
            }
            3 => lost_step(round).await,
            4 => both(&webhook, round).await?,
            5 => asked().await?,
            6 => told().await,
            7 => sure(round).await?,
            8 => mishap(round).await,
            9 => passing().await,
            _ => letter(round).await?,
        };
        segno::publish("round", round);
        segno::log::debug!("round {round}: {what}");
        played.push(what);
    }
    webhook.dispose();
    Ok(played)
}

/// A request against time. What loses is dropped; no request is lost with it.
async fn race(webhook: &Webhook) -> Result<String, Error> {
    let pause = sleep(Duration::from_millis(50));
    Ok(match select(webhook.next(), pause).await {
        Either::Left((Some(request), _)) => {
            request.respond(Response::text(format!("{} heard", request.number)));
            format!("request {}", request.text()?)
        }
        Either::Left((None, _)) => "closed".to_owned(),
        Either::Right(((), _)) => "tick".to_owned(),
    })
}

/// Some steps at once, of which some may fail.
async fn crowd(n: u64) -> String {
    let sums = join_all((0..n).map(|i| steps::add(i, i))).await;
    let failed = sums.iter().filter(|sum| sum.is_err()).count();
    format!("crowd of {n}, {failed} failed")
}

/// A step against time: the workflow does not care which comes first, and goes on.
async fn lost_step(round: u64) -> String {
    let step = Box::pin(steps::note(format!("round {round}")));
    match select(step, sleep(Duration::from_millis(5))).await {
        Either::Left((Ok(text), _)) => text,
        Either::Left((Err(failure), _)) => failure.to_string(),
        Either::Right(((), _)) => "too late".to_owned(),
    }
}

/// A request and a step, both awaited.
async fn both(webhook: &Webhook, round: u64) -> Result<String, Error> {
    let (request, noted) = join(webhook.next(), steps::note(format!("both {round}"))).await;
    let text = request.map(|request| request.text().map(str::to_owned)).transpose()?;
    Ok(format!("{text:?} and {:?}", noted.is_ok()))
}

/// A step that is not stopped amid, and what undoes it; now and then that is kept.
async fn sure(round: u64) -> Result<String, Error> {
    let undo = compensate("the note", steps::note(format!("never mind {round}")));
    let noted = shield(steps::note(format!("sure {round}"))).await?;
    if random_range(0..2) == 0 {
        undo.keep();
    }
    Ok(format!("sure of {noted}"))
}

/// A step that fails once.
async fn mishap(round: u64) -> String {
    let work = Work { id: round, fails: 1, how: Mishap::Error };
    format!("mishap {:?}", steps::work(work, segno::random()).await.is_ok())
}

/// A webhook that is there for a moment.
async fn passing() -> String {
    let webhook = Webhook::new();
    let request = select(webhook.next(), sleep(Duration::from_millis(20))).await;
    let has_come = matches!(request, Either::Left((Some(_), _)));
    webhook.dispose();
    format!("passing, {has_come}")
}

/// A hook against time, with a token that others want too.
async fn asked() -> Result<String, Error> {
    let token = format!("token {}", random_range(0..3));
    let hook = match Hook::<u64>::open(token).await {
        Ok(hook) => hook.scoped(),
        Err(HookError::TokenInUse { owner, .. }) => return Ok(format!("{owner} has it")),
        Err(error) => return Err(error.into()),
    };
    Ok(match select(hook.next(), sleep(Duration::from_millis(30))).await {
        Either::Left((value, _)) => format!("asked: {value:?}"),
        Either::Right(((), _)) => "asked: nothing".to_owned(),
    })
}

/// A signal against time; it is answered.
async fn told() -> String {
    let told = signals::<u64>("told");
    match select(told.next(), sleep(Duration::from_millis(30))).await {
        Either::Left((signal, _)) => {
            signal.respond(signal.value);
            format!("told: {}", signal.value)
        }
        Either::Right(((), _)) => "told: nothing".to_owned(),
    }
}

/// A step with much to say, of which some is said again and again.
async fn letter(round: u64) -> Result<String, Error> {
    let text = format!("{} ", round % 3).repeat(5_000);
    Ok(format!("letter of {}", steps::note(text).await?.len()))
}

/// Notes which edition of the code this is, waits for a request, and returns the edition; panics if
/// the request says so. Another edition is this component with another digit in the text.
#[workflow]
pub async fn edition() -> Result<String, Error> {
    let text = std::hint::black_box("this is edition 1").to_owned();
    let webhook = Webhook::new();
    steps::note(text.clone()).await?;
    let request = webhook.next().await;
    assert!(request.is_none_or(|request| request.bytes() != b"panic"), "told to panic");
    Ok(text)
}

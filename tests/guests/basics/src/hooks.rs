//! Webhooks of every kind. Each tells its URL through the step `note` and ends after a number of
//! requests.

use std::time::Duration;

use futures::future::{Either, select};
use segno::{Error, Response, Webhook, sleep, workflow};
use serde::Deserialize;

use crate::steps;

/// How long to race, and how often to look up.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Race {
    /// After how many requests the race is over.
    pub requests: usize,
    /// How long to wait for each, in milliseconds, before a tick is noted.
    pub ms: u64,
}

/// Waits for requests and for time, whichever is first; returns what came, in order: the bodies of
/// the requests, and `tick` for each sleep.
#[workflow]
pub async fn race(race: Race) -> Result<Vec<String>, Error> {
    let webhook = Webhook::new();
    steps::note(webhook.url().to_owned()).await?;
    let mut came = Vec::new();
    let mut requests = 0;
    while requests < race.requests {
        let pause = sleep(Duration::from_millis(race.ms));
        match select(webhook.next(), pause).await {
            Either::Left((Some(request), _)) => {
                requests += 1;
                came.push(request.text()?.to_owned());
            }
            Either::Left((None, _)) => break,
            Either::Right(((), _)) => came.push("tick".to_owned()),
        }
    }
    Ok(came)
}

/// Callers get 202; returns the bodies of `n` requests.
#[workflow]
pub async fn hook(n: usize) -> Result<Vec<String>, Error> {
    bodies(&Webhook::new(), n).await
}

/// Callers get `{"received":true}`; returns the bodies of `n` requests.
#[workflow]
pub async fn hook_static(n: usize) -> Result<Vec<String>, Error> {
    let answer = Response::json(&serde_json::json!({ "received": true }))?;
    let webhook = Webhook::builder().respond_with(answer).create();
    bodies(&webhook, n).await
}

/// Callers get their body back, reversed, from the workflow.
#[workflow]
pub async fn hook_manual(n: usize) -> Result<(), Error> {
    let webhook = Webhook::builder().manual().create();
    steps::note(webhook.url().to_owned()).await?;
    for _ in 0..n {
        let Some(request) = webhook.next().await else {
            break;
        };
        let mut body = request.bytes().to_vec();
        body.reverse();
        request.respond(Response::new(200).body(body));
    }
    webhook.dispose();
    Ok(())
}

/// Callers get their body back, reversed, from a step.
#[workflow]
pub async fn hook_manual_in_step(n: usize) -> Result<(), Error> {
    let webhook = Webhook::builder().manual().create();
    steps::note(webhook.url().to_owned()).await?;
    for _ in 0..n {
        let Some(request) = webhook.next().await else {
            break;
        };
        steps::respond(request).await?;
    }
    Ok(())
}

/// Tells the URL, and takes `n` requests.
async fn bodies(webhook: &Webhook, n: usize) -> Result<Vec<String>, Error> {
    steps::note(webhook.url().to_owned()).await?;
    let mut bodies = Vec::new();
    while bodies.len() < n {
        let Some(request) = webhook.next().await else {
            break;
        };
        bodies.push(request.text()?.to_owned());
    }
    Ok(bodies)
}

/// Tells the URL through a step, and then waits for an hour while requests come.
#[workflow]
pub async fn hook_busy() -> Result<(), Error> {
    let webhook = Webhook::new();
    sleep("1 hour").await;
    webhook.dispose();
    Ok(())
}

/// Computes for some millions of instructions at its second request; returns the bodies of `n`.
#[workflow]
pub async fn hook_heavy(n: usize) -> Result<Vec<String>, Error> {
    let webhook = Webhook::new();
    let mut bodies = Vec::new();
    while bodies.len() < n {
        let Some(request) = webhook.next().await else {
            break;
        };
        bodies.push(request.text()?.to_owned());
        if bodies.len() == 2 {
            let sum = (0..20_000_000_u64).fold(0, |sum, i| std::hint::black_box(sum ^ i));
            segno::log::debug!("computed {sum}");
        }
    }
    Ok(bodies)
}

//! Those who come: each asks again as soon as it has its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, Response};
use segno_journal::RunId;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::load::ledger::{Fate, Ledger};
use crate::load::options::Options;
use crate::load::process::Urls;

/// How long one waits that was refused or cut off: far shorter than it was told, since this is a
/// crowd, but not so short that the machine does nothing but refuse.
const PAUSE: Duration = Duration::from_millis(50);

/// Which of the calls at webhooks that keep nothing has a large body, and how large it is.
const LARGE_EVERY: u64 = 50;
const LARGE: usize = 256 << 10;

/// What a run returns that was started here: the sum of 1 to 3.
pub(super) const STEPS: u64 = 3;

/// A webhook, and the run that it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Hook {
    pub(super) run: RunId,
    pub(super) url: String,
    /// The workflow answers, with the body reversed.
    pub(super) is_manual: bool,
}

/// What those who come have in common. Cheap to clone.
#[derive(Clone)]
pub(super) struct Crowd {
    pub(super) client: Client,
    pub(super) host: Urls,
    pub(super) hooks: Vec<Hook>,
    pub(super) ledger: Arc<Ledger>,
}

impl Crowd {
    /// Lets all come, until they are told to stop.
    pub(super) fn come(self, options: &Options, stop: &CancellationToken) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for number in 0..options.callers {
            let crowd = self.clone();
            let stop = stop.clone();
            tasks.spawn(async move {
                let hook =
                    crowd.hooks[usize::try_from(number).unwrap_or(0) % crowd.hooks.len()].clone();
                while !stop.is_cancelled() {
                    crowd.call(&hook).await;
                }
            });
        }
        for _ in 0..options.starters {
            let crowd = self.clone();
            let stop = stop.clone();
            tasks.spawn(async move {
                while !stop.is_cancelled() {
                    crowd.start().await;
                }
            });
        }
        tasks
    }

    async fn call(&self, hook: &Hook) {
        let number = self.ledger.number();
        let body = body(number, hook.is_manual && number.is_multiple_of(LARGE_EVERY));
        let begun = Instant::now();
        let answer = self.ask(self.client.post(&hook.url).body(body.clone())).await;
        let fate = fate(&answer);
        if let Ok(response) = answer {
            let status = response.status().as_u16();
            let text = response.text().await;
            if status == 200 && text.as_ref().is_ok_and(|text| !text.bytes().rev().eq(body.bytes()))
            {
                self.ledger.wonder(format!("the answer to call {number} is that to another one"));
            }
        }
        self.ledger.called(number, fate, begun.elapsed());
        pause_after(fate).await;
    }

    async fn start(&self) {
        let number = self.ledger.number();
        let url = format!("{}/v1/workflows/fan_out/runs", self.host.management);
        let request = self
            .client
            .post(url)
            .bearer_auth(&self.host.token)
            .header("idempotency-key", format!("load-{number}"));
        let begun = Instant::now();
        let answer = self.ask(request.json(&json!({ "input": STEPS }))).await;
        let mut fate = fate(&answer);
        let mut run = None;
        if let Ok(response) = answer
            && fate == Fate::Acknowledged
        {
            // An answer that breaks off says nothing.
            let started = response.json::<Value>().await.ok();
            run = started.and_then(|started| started["run_id"].as_str()?.parse().ok());
            fate = if run.is_some() { fate } else { Fate::Unknown };
        }
        self.ledger.started(number, run, fate, begun.elapsed());
        pause_after(fate).await;
    }

    /// Asks, and wonders at answers that more work than a host can do does not explain.
    async fn ask(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        let answer = request.send().await.inspect_err(|error| self.ledger.broke(error))?;
        let status = answer.status().as_u16();
        match status {
            200..=202 => {}
            429 | 503 if answer.headers().contains_key(RETRY_AFTER) => {}
            429 | 503 => self.ledger.wonder(format!("status {status} without Retry-After")),
            _ => self.ledger.wonder(format!("status {status} at {}", answer.url().path())),
        }
        Ok(answer)
    }
}

/// The body of a call: its number, and perhaps much after it.
fn body(number: u64, is_large: bool) -> String {
    let padding = if is_large { LARGE } else { 0 };
    format!("{number} {}", "x".repeat(padding))
}

/// The number of a call, from its body.
pub(super) fn number_of(body: &[u8]) -> Option<u64> {
    let digits = body.split(|byte| *byte == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn fate(answer: &reqwest::Result<Response>) -> Fate {
    match answer {
        Ok(response) if response.status().is_success() => Fate::Acknowledged,
        Ok(response) if matches!(response.status().as_u16(), 429 | 503) => Fate::Refused,
        // What else it says, the ledger wonders at.
        Ok(_) | Err(_) => Fate::Unknown,
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing tells when the host has room again")]
async fn pause_after(fate: Fate) {
    if fate != Fate::Acknowledged {
        tokio::time::sleep(PAUSE).await;
    }
}

//! The workflows that `segno bench` measures. Their component is committed as
//! `host/bench/bench.wasm`, so that every host carries it; the README beside it says how it is made.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use segno::{Error, Webhook, now, query, signals, sleep, sleep_until, spawn, workflow};
use serde::Deserialize;

/// How many steps without a meaning run at once where a history is made.
const AT_ONCE: u64 = 1_000;

/// Calls `note` so many times, one after another.
#[workflow]
pub async fn sequential(steps: u64) -> Result<(), Error> {
    for number in 0..steps {
        steps::note(number).await?;
    }
    Ok(())
}

/// Calls `blank` so many times at once.
#[workflow]
pub async fn parallel(steps: u64) -> Result<(), Error> {
    try_join_all((0..steps).map(|_| steps::blank())).await?;
    Ok(())
}

/// Sleeps for an hour.
#[workflow]
pub async fn sleeper() -> Result<(), Error> {
    sleep("1 hour").await;
    Ok(())
}

/// Takes calls of a webhook for ever: the body of each is a number, which is noted. Before that so
/// many turns are had that mean nothing, and a 0 is noted when they are over.
#[workflow]
pub async fn hook(turns: u64) -> Result<(), Error> {
    let webhook = Webhook::new();
    let mut left = turns;
    while left > 0 {
        let batch = left.min(AT_ONCE);
        join_all((0..batch).map(|_| steps::blank())).await;
        left -= batch;
    }
    steps::note(0).await?;
    while let Some(request) = webhook.next().await {
        steps::note(request.text()?.parse()?).await?;
    }
    Ok(())
}

/// How often a ticker is woken, and how often before it counts.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Ticks {
    /// How often it is woken in all, once a second.
    pub ticks: u64,
    /// How many of the first do not count.
    pub uncounted: u64,
}

/// Is woken once a second, and at the end notes by how many milliseconds the latest turn was late.
#[workflow]
pub async fn ticker(ticks: Ticks) -> Result<(), Error> {
    let mut due = now();
    let mut latest = 0;
    for tick in 0..ticks.ticks {
        due += Duration::from_secs(1);
        sleep_until(due).await;
        if tick >= ticks.uncounted {
            let late = now().as_millisecond().saturating_sub(due.as_millisecond());
            latest = latest.max(u64::try_from(late).unwrap_or(0));
        }
    }
    steps::note(latest).await?;
    Ok(())
}

/// Takes signals for ever: each is a number, which is noted. Before the first a 0 is noted.
#[workflow]
pub async fn listener() -> Result<(), Error> {
    let numbers = signals::<u64>("number");
    steps::note(0).await?;
    loop {
        steps::note(numbers.next().await.value).await?;
    }
}

/// Calls `note` so many times, one after another, and tells those who ask how many it has done.
#[workflow]
pub async fn asked(steps: u64) -> Result<(), Error> {
    let done = Rc::new(Cell::new(0));
    let told = Rc::clone(&done);
    let _answers = query("done", move |()| told.get());
    for number in 0..steps {
        steps::note(number).await?;
        done.set(number + 1);
    }
    Ok(())
}

/// Starts so many children at once, and waits for all of them.
#[workflow]
pub async fn parent(children: u64) -> Result<(), Error> {
    try_join_all((0..children).map(|_| spawn::<one_step>(&()))).await?;
    Ok(())
}

/// Does one step.
#[workflow]
pub async fn one_step() -> Result<(), Error> {
    Ok(steps::blank().await?)
}

/// Has a step write so many chunks to the stream `words`.
#[workflow]
pub async fn streamer(chunks: u64) -> Result<(), Error> {
    Ok(steps::chunks(chunks).await?)
}

segno::export!(
    sequential, parallel, sleeper, hook, ticker, listener, asked, parent, one_step, streamer
);

segno::register!(steps::note, steps::blank, steps::chunks);

/// Steps that do nothing. The host that is measured has others of the same names, of which `note`
/// writes down when it began.
#[segno::steps]
pub mod steps {
    use segno::{StepError, step};

    /// Takes a number, and does nothing with it.
    #[step]
    pub async fn note(number: u64) -> Result<(), StepError> {
        let _nobody_reads_it = number;
        Ok(())
    }

    /// Writes nothing.
    #[step]
    pub async fn chunks(count: u64) -> Result<(), StepError> {
        let _nobody_reads_it = count;
        Ok(())
    }

    /// Does nothing.
    #[step]
    pub async fn blank() -> Result<(), StepError> {
        Ok(())
    }
}

//! Input, output, steps, sleeps and errors.

use std::time::Duration;

use futures::future::{select, try_join_all};
use segno::{Error, StepFailure, sleep, workflow};
use serde_json::Value;

use crate::{arrays, steps};

/// Returns its input.
#[workflow]
pub async fn echo(input: Value) -> Result<Value, Error> {
    Ok(input)
}

/// Calls a step `n` times, one after the other; returns `n`.
#[workflow]
pub async fn add_steps(n: u64) -> Result<u64, Error> {
    let mut sum = 0;
    for _ in 0..n {
        sum = steps::add(sum, 1).await?;
    }
    Ok(sum)
}

/// Calls a step `n` times at once; returns the sum of the numbers from 1 to `n`.
#[workflow]
pub async fn fan_out(n: u64) -> Result<u64, Error> {
    let sums = try_join_all((0..n).map(|i| steps::add(i, 1))).await?;
    Ok(sums.into_iter().sum())
}

/// Sleeps as many milliseconds as it is told.
#[workflow]
pub async fn nap(ms: u64) -> Result<(), Error> {
    sleep(Duration::from_millis(ms)).await;
    Ok(())
}

/// Fails, with the message that it is given.
#[workflow]
pub async fn fails(message: Option<String>) -> Result<(), Error> {
    Err(Error::new(message.as_deref().unwrap_or("no luck today")))
}

/// Calls a step that needs a file between two others; says what each gave.
#[workflow]
pub async fn needs_file(path: String) -> Result<Vec<String>, Error> {
    let before = steps::note("before".to_owned()).await?;
    let needed = steps::needs_file(path).await?;
    let after = steps::note("after".to_owned()).await?;
    Ok(vec![before, needed, after])
}

/// Which step to call, and with what.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// `flaky`, which fails so many times.
    Flaky(u32),
    /// `fatal`, with this message.
    Fatal(String),
    /// `panics`, with this message.
    Panics(String),
    /// `slow`, for so many milliseconds.
    Slow(u64),
    /// `stubborn`.
    Stubborn(()),
    /// `kills`, which no host survives.
    Kills(()),
}

/// Calls a step that may fail; returns its output, or its failure as a value.
#[workflow]
pub async fn step_fails(call: Call) -> Result<Result<Value, StepFailure>, Error> {
    Ok(match call {
        Call::Flaky(fail_times) => steps::flaky(fail_times).await.map(Value::from),
        Call::Fatal(message) => steps::fatal(message).await.map(Value::from),
        Call::Panics(message) => steps::panics(message).await.map(Value::from),
        Call::Slow(ms) => steps::slow(ms).await.map(Value::from),
        Call::Stubborn(()) => steps::stubborn().await.map(Value::from),
        Call::Kills(()) => steps::kills().await.map(Value::from),
    })
}

/// Passes a text of so many bytes to a step; returns how many came back, or the failure as a value.
#[workflow]
pub async fn long_note(bytes: usize) -> Result<Result<usize, StepFailure>, Error> {
    Ok(steps::note("x".repeat(bytes)).await.map(|text| text.len()))
}

/// Ends while a step runs.
#[workflow]
pub async fn abandons() -> Result<(), Error> {
    let slow = Box::pin(steps::slow(600_000));
    select(slow, sleep(Duration::ZERO)).await;
    Ok(())
}

/// How deep something is to be.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nest {
    /// The output of the workflow.
    Output(usize),
    /// The output of a step.
    Step(usize),
}

/// Returns arrays in arrays, or lets a step return them.
#[workflow]
pub async fn nests(nest: Nest) -> Result<Value, Error> {
    Ok(match nest {
        Nest::Output(levels) => arrays::nested(levels),
        Nest::Step(levels) => steps::nested(levels).await?,
    })
}

//! Steps that touch nothing outside, so that their outcome is known beforehand. What only their
//! bodies need is left out of the component.

#[cfg(not(target_family = "wasm"))]
use std::time::Duration;

use segno::{Request, step};
#[cfg(not(target_family = "wasm"))]
use segno::{Response, StepContext, StepError};
#[cfg(not(target_family = "wasm"))]
use tokio::time::sleep;

#[cfg(not(target_family = "wasm"))]
use crate::work::Mishap;
use crate::work::Work;

/// The sum of two numbers.
#[step]
pub async fn add(a: u64, b: u64) -> Result<u64, StepError> {
    Ok(a + b)
}

/// Gives back what it was told; a test reads it in the journal.
#[step]
pub async fn note(text: String) -> Result<String, StepError> {
    Ok(text)
}

/// Fails a number of times, then says which attempt succeeded.
#[step(max_retries = 3, backoff(initial = "1ms", factor = 1, max = "1ms", jitter = 0))]
pub async fn flaky(fail_times: u32) -> Result<u32, StepError> {
    let attempt = StepContext::current().attempt();
    if attempt <= fail_times {
        return Err(format!("attempt {attempt} of {fail_times} bad ones").into());
    }
    Ok(attempt)
}

/// Fails for good as long as there is no such file; then it gives its own ID.
#[step]
pub async fn needs_file(path: String) -> Result<String, StepError> {
    match std::fs::exists(&path) {
        Ok(true) => Ok(StepContext::current().step_id().to_owned()),
        _ => Err(StepError::fatal(format!("there is no file {path}"))),
    }
}

/// Says that no further attempt can help.
#[step]
pub async fn fatal(message: String) -> Result<(), StepError> {
    Err(StepError::fatal(message))
}

/// Waits as long as it is told, or until it is cancelled; says whether it was.
#[step]
#[expect(clippy::disallowed_methods, reason = "it is a step that takes its time")]
pub async fn slow(ms: u64) -> Result<bool, StepError> {
    let step = StepContext::current();
    tokio::select! {
        () = step.cancelled() => Ok(true),
        () = sleep(Duration::from_millis(ms)) => Ok(false),
    }
}

/// Never returns when this process tries it first; then says which attempt it is.
#[step]
pub async fn stubborn() -> Result<u32, StepError> {
    let step = StepContext::current();
    if crate::tried::is_first(step.step_id()) {
        std::future::pending::<()>().await;
    }
    Ok(step.attempt())
}

/// Panics in each attempt.
#[step(max_retries = 1, backoff(initial = "1ms", factor = 1, max = "1ms", jitter = 0))]
pub async fn panics(message: String) -> Result<(), StepError> {
    panic!("{message}")
}

/// Ends the process of its host, as a defect in native code would.
#[step]
pub async fn kills() -> Result<(), StepError> {
    std::process::abort()
}

/// Does what it is told: fails some times, and then returns its name in its program.
#[step(
    max_retries = 2,
    timeout = "1s",
    backoff(initial = "100ms", factor = 2, max = "1s", jitter = 0.2)
)]
pub async fn work(work: Work, salt: u64) -> Result<u64, StepError> {
    let attempt = StepContext::current().attempt();
    if attempt > work.fails {
        return Ok(work.id);
    }
    let message = format!("attempt {attempt} of {} bad ones, salted with {salt}", work.fails);
    match work.how {
        Mishap::Error => Err(message.into()),
        Mishap::Fatal => Err(StepError::fatal(message)),
        Mishap::Later(ms) => Err(StepError::retry_after(Duration::from_millis(ms), message)),
        Mishap::Hangs => std::future::pending().await,
    }
}

/// Returns arrays in arrays, so many levels deep.
#[step]
pub async fn nested(levels: usize) -> Result<serde_json::Value, StepError> {
    Ok(crate::arrays::nested(levels))
}

/// Answers a request with its own body, reversed.
#[step]
pub async fn respond(request: Request) -> Result<(), StepError> {
    let mut body = request.bytes().to_vec();
    body.reverse();
    request.respond(Response::new(200).body(body));
    Ok(())
}

/// Goes on until it is told to stop, and lets it be known that it was.
#[step]
pub async fn heeds() -> Result<(), StepError> {
    let step = StepContext::current();
    crate::tried::is_first(step.step_id());
    step.cancelled().await;
    crate::tried::is_first(&format!("{} was told to stop", step.step_id()));
    Ok(())
}

/// What it knows of its run and its host.
#[step]
pub async fn whereabouts() -> Result<serde_json::Value, StepError> {
    let step = StepContext::current();
    let started = step.run_started_at().as_millisecond();
    Ok(serde_json::json!({ "api": step.api_url(), "run_started_at": started }))
}

/// Counts to ten in three attempts, and goes on where the one before was; says what each found. The second
/// one falls silent.
#[step(heartbeat_timeout = "300ms", backoff(initial = "1ms", factor = 1, max = "1ms", jitter = 0))]
pub async fn counts() -> Result<Vec<u32>, StepError> {
    let step = StepContext::current();
    let found: Vec<u32> = step.last_heartbeat().unwrap_or_default();
    let mut counted = found;
    counted.push(step.attempt());
    step.heartbeat(&counted)?;
    match step.attempt() {
        1 => Err("one is not enough".into()),
        2 => std::future::pending().await,
        _ => Ok(counted),
    }
}

/// Says how far it is and then does not end, when this process tries it first; then says what it found.
#[step]
pub async fn remembers() -> Result<Option<u32>, StepError> {
    let step = StepContext::current();
    if crate::tried::is_first(step.step_id()) {
        step.heartbeat(7)?;
        std::future::pending::<()>().await;
    }
    Ok(step.last_heartbeat())
}

/// Writes so many chunks to the stream `words`, and then fails in the first attempts.
#[step(max_retries = 3, backoff(initial = "1ms", factor = 1, max = "1ms", jitter = 0))]
pub async fn writes(chunks: u32, fails: u32) -> Result<(), StepError> {
    let step = StepContext::current();
    let words = step.stream("words");
    for chunk in 0..chunks {
        words.write(format!("{}.{chunk}", step.attempt())).await?;
    }
    if step.attempt() <= fails {
        return Err("it is not said yet".into());
    }
    Ok(())
}

/// Writes and then does not end, when this process tries it first; then writes again.
#[step]
pub async fn writes_and_hangs() -> Result<(), StepError> {
    let step = StepContext::current();
    let words = step.stream("words");
    words.write("a word").await?;
    words.flush().await?;
    if crate::tried::is_first(step.step_id()) {
        std::future::pending::<()>().await;
    }
    Ok(())
}

/// Closes the stream `words` and goes on writing; gives what it is told of that.
#[step]
pub async fn writes_behind_the_end() -> Result<String, StepError> {
    let words = StepContext::current().stream("words");
    words.write("last").await?;
    words.close().await?;
    let late = match words.write("late").await {
        Ok(()) => words.flush().await,
        refused => refused,
    };
    Ok(late.map_or_else(|error| error.to_string(), |()| "nothing".to_owned()))
}

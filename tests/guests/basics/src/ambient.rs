//! What a workflow sees of the world around it, and what it tells.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use segno::{Error, RunInfo, Timestamp, log, sleep, spawn, workflow};
use serde::Serialize;

use crate::family::adds;
use crate::steps;

/// Prints, and writes to the log of its run, before a sleep and after it.
#[workflow]
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what becomes of it is what is tested"
)]
pub async fn prints() -> Result<(), Error> {
    println!("printed before the sleep");
    eprintln!("complained before the sleep");
    log::debug!("logged {} at debug", 1);
    log::info!("logged {} at info", 2);
    log::warn!("logged {} at warn", 3);
    log::error!("logged {} at error", 4);
    sleep(Duration::from_millis(1)).await;
    println!("printed after the sleep");
    log::info!("logged after the sleep");
    Ok(())
}

/// Everything that could differ between a run and its replay.
#[derive(Clone, Debug, Serialize)]
pub struct Ambience {
    /// Which run it is.
    pub run: RunInfo,
    /// The time of the workflow.
    pub now: Timestamp,
    /// The time of the standard library, in milliseconds since 1970.
    pub system_ms: u128,
    /// Two numbers of the run's own stream.
    pub random: [u64; 2],
    /// The order in which a hash map with random keys gives its members.
    pub order: Vec<u32>,
}

/// Returns what it sees, before a sleep and after it.
#[workflow]
pub async fn times() -> Result<[Ambience; 2], Error> {
    let before = ambience()?;
    sleep(Duration::from_millis(5)).await;
    Ok([before, ambience()?])
}

/// What there was on both sides of a step.
#[derive(Clone, Debug, Serialize)]
pub struct Around {
    /// What it saw before it.
    pub before: Ambience,
    /// What the step gave.
    pub needed: String,
    /// What it saw after it.
    pub after: Ambience,
    /// A child that it had after it.
    pub child: String,
}

/// Says what it sees before a step that needs a file and after it, and whom it starts then.
#[workflow]
pub async fn around(path: String) -> Result<Around, Error> {
    let before = ambience()?;
    segno::publish("state", "before");
    segno::attributes::set("state", "before")?;
    let needed = steps::needs_file(path).await?;
    let after = ambience()?;
    segno::publish("state", "after");
    segno::attributes::set("state", "after")?;
    let child = spawn::<adds>(&1);
    let id = child.run_id().to_string();
    child.await?;
    Ok(Around { before, needed, after, child: id })
}

#[expect(clippy::disallowed_methods, reason = "whether they differ on replay is what is tested")]
fn ambience() -> Result<Ambience, Error> {
    let members: HashMap<u32, ()> = (0..20).map(|number| (number, ())).collect();
    Ok(Ambience {
        run: segno::run(),
        now: segno::now(),
        system_ms: SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
        random: [segno::random(), segno::random()],
        order: members.into_keys().collect(),
    })
}

/// Says when clocks in a zone show a time next, and what they show then.
#[workflow]
pub async fn clocks(asked: (String, String)) -> Result<(Timestamp, String), Error> {
    let (time, zone) = asked;
    let next = segno::local::next_time(&time, &zone).await?;
    let shown = segno::local::time_in(&zone, next).await?;
    Ok((next, shown.to_string()))
}

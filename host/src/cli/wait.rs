//! Waiting for the end of a run.

use segno_api::{RunStatus, RunView};
use std::time::Duration;

use anyhow::Context;
use tokio::time::Instant;

use crate::cli::client::{Answer, Client};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::text;

/// How long one request waits: short enough that a proxy does not cut it off.
pub(super) const ROUND: Duration = Duration::from_secs(25);

/// How a run stood when it was no longer waited for.
pub(super) struct Waited {
    pub(super) answer: Answer,
    pub(super) view: RunView,
}

impl Waited {
    /// What a script is told.
    pub(super) const fn exit(&self) -> Exit {
        match self.view.status {
            RunStatus::Completed => Exit::Done,
            RunStatus::Failed | RunStatus::Cancelled | RunStatus::Blocked => Exit::Unsuccessful,
            RunStatus::Running | RunStatus::Pending | RunStatus::Paused => Exit::TimedOut,
        }
    }
}

/// Waits until a run has ended or is blocked, or the time is up.
pub(super) async fn wait(client: &Client, run: &str, at_most: Duration) -> anyhow::Result<Waited> {
    let progress = Progress::start(&format!("waiting for {run}"));
    let begun = Instant::now();
    loop {
        let left = at_most.saturating_sub(begun.elapsed());
        let round = left.min(ROUND);
        let wait = format!("{}ms", round.as_millis());
        let answer = client
            .get_waiting(&["v1", "runs", run], &[("wait", &wait)], round)
            .await
            .with_context(|| format!("cannot tell how run {run} ends"))?;
        let view: RunView = answer.read()?;
        if view.status.has_ended() || view.status == RunStatus::Blocked || left == round {
            return Ok(Waited { answer, view });
        }
        progress.say(&format!("waiting for {run}: {} turns", view.turns));
    }
}

/// How a run ended, for people: a word, and what it returned or why it did not.
pub(super) fn outcome(view: &RunView) -> String {
    let status = view.status.word();
    let blocked =
        view.blocked.as_ref().map(|blocked| format!("{}: {}", blocked.kind, blocked.message));
    // A run that returned nothing returned null; in JSON that looks like no output.
    let returned = (view.status == RunStatus::Completed)
        .then(|| view.output.as_ref().map_or("null", |output| output.get()).to_owned());
    let cleanup = view.cleanup.as_ref();
    let cancel_waits = cleanup.is_some_and(|cleanup| cleanup.cancel_waits);
    let cancel_waits = cancel_waits.then_some("a cancel waits until it goes on");
    let blocked = match (blocked, cancel_waits) {
        (Some(blocked), Some(waits)) => Some(format!("{waits}; {blocked}")),
        (blocked, waits) => blocked.or(waits.map(str::to_owned)),
    };
    let cleanup = cleanup.filter(|cleanup| cleanup.told_at.is_some());
    let cleaning_up = cleanup.map(|cleanup| match cleanup.compensations.len() {
        0 => "it was told to end, and comes to the end of what is shielded".to_owned(),
        left => format!("it was told to end, and cleans up; {left} to undo"),
    });
    match returned.or_else(|| view.error.clone()).or(blocked).or(cleaning_up) {
        Some(detail) => format!("{status}: {}", text::printable(&detail, usize::MAX)),
        None => status.to_owned(),
    }
}

//! What the runs do, as it happens: lines that move on a terminal, plain lines now and then elsewhere.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use segno_host::engine::{RunStatus, RunView, Wait};

/// How often plain lines are written.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// How much of an error is shown, in characters.
const SHOWN: usize = 70;

/// The view. It writes to standard error; the table goes to standard output.
#[derive(Debug)]
pub struct Live {
    /// The lines, one a run and one for the other side; none where nobody watches.
    bars: Vec<ProgressBar>,
    all: MultiProgress,
    watched: bool,
    written: Option<Instant>,
}

impl Live {
    /// Begins with a line that stays.
    #[must_use]
    pub fn new(headline: &str) -> Self {
        let watched = io::stderr().is_terminal();
        let live = Self { bars: Vec::new(), all: MultiProgress::new(), watched, written: None };
        live.note(headline);
        live
    }

    /// Says something once.
    pub fn note(&self, text: &str) {
        // That nobody reads it is no reason to stop.
        let _ = self.all.suspend(|| writeln!(io::stderr(), "{text}"));
    }

    /// Shows how everything stands: what moves, line by line, and what went wrong on purpose.
    pub fn show(&mut self, lines: Vec<String>, faults: &[(&'static str, u64)]) {
        let faults: Vec<_> =
            faults.iter().map(|(name, count)| format!("{name} × {count}")).collect();
        let other = line("the other side", &faults.join(", "));
        let lines: Vec<_> = lines.into_iter().chain([other]).collect();
        if self.watched {
            while self.bars.len() < lines.len() {
                self.bars.push(self.all.add(bar()));
            }
            for (bar, line) in self.bars.iter().zip(lines) {
                bar.set_message(line);
                bar.tick();
            }
        } else if self.written.is_none_or(|time| time.elapsed() >= PLAIN_EVERY) {
            self.written = Some(Instant::now());
            self.note(&format!("{}\n", lines.join("\n")));
        }
    }

    /// Leaves the last state on the screen, and the cursor below it.
    pub fn finish(&mut self) {
        if self.bars.is_empty() {
            return;
        }
        self.bars.drain(..).for_each(|bar| bar.abandon());
        let _ = writeln!(io::stderr());
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner:.cyan} {wide_msg}")
        .expect("the template names only known keys");
    ProgressBar::new_spinner().with_style(style)
}

/// A line of the view: what it is about, and how that stands.
#[must_use]
pub fn line(what: &str, how: &str) -> String {
    format!("{what:<17}{how}")
}

/// The line of a run: its workflow, and what it does in a few words.
#[must_use]
pub fn run(run: &RunView) -> String {
    line(&run.workflow, &doing(run))
}

/// What a run does, in a few words.
fn doing(run: &RunView) -> String {
    match run.status {
        RunStatus::Running => waiting(&run.waits_for),
        RunStatus::Completed => "done".to_owned(),
        RunStatus::Cancelled => "cancelled".to_owned(),
        RunStatus::Pending => "begins later".to_owned(),
        RunStatus::Paused => "paused".to_owned(),
        RunStatus::Failed => {
            format!("failed: {}", shorten(run.error.as_deref().unwrap_or_default()))
        }
        RunStatus::Blocked => {
            let reason = run.blocked.as_ref().map(|blocked| blocked.message.as_str());
            format!("blocked: {}", shorten(reason.unwrap_or_default()))
        }
    }
}

fn waiting(waits: &[Wait]) -> String {
    let steps: Vec<_> = waits.iter().filter(|wait| matches!(wait, Wait::Step { .. })).collect();
    match (steps.as_slice(), waits) {
        ([Wait::Step { name, attempt, last_error, .. }], _) => {
            let error = last_error.as_deref().map(|error| format!(" ({})", shorten(error)));
            let attempt = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            format!("{name}{attempt}{}", error.unwrap_or_default())
        }
        ([_, _, ..], _) => format!("{} steps at once", steps.len()),
        (_, [Wait::Sleep { until, .. }, ..]) => format!("sleeping until {until:.0}"),
        (_, [Wait::Webhook { untaken, .. }, ..]) => {
            format!("waiting for notifications ({untaken} not yet taken)")
        }
        _ => "running".to_owned(),
    }
}

/// The first line of an error, cut at its beginning: what has caused it comes last.
fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.chars().count().checked_sub(SHOWN) {
        None | Some(0) => line.to_owned(),
        Some(beyond) => ['…'].into_iter().chain(line.chars().skip(beyond)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use segno::Timestamp;

    use super::*;

    fn step(name: &str, attempt: u32, last_error: Option<&str>) -> Wait {
        Wait::Step {
            op: 0,
            step_id: "run:0".to_owned(),
            name: name.to_owned(),
            missing: false,
            since: Timestamp::UNIX_EPOCH,
            attempt,
            last_error: last_error.map(str::to_owned),
            retry_at: None,
            losses: 0,
            heartbeat: None,
        }
    }

    #[test]
    fn a_step_is_named_with_its_attempt_and_its_last_error() {
        assert_eq!(waiting(&[step("fetch", 1, None)]), "fetch");
        assert_eq!(waiting(&[step("fetch", 3, Some("429\nmore"))]), "fetch, attempt 3 (429)");
    }

    #[test]
    fn many_steps_are_counted() {
        assert_eq!(waiting(&[step("sync", 1, None), step("sync", 2, None)]), "2 steps at once");
    }

    #[test]
    fn a_sleep_and_a_webhook_say_what_they_wait_for() {
        let since = Timestamp::UNIX_EPOCH;
        let sleep = Wait::Sleep { op: 0, since, until: since };
        assert_eq!(waiting(&[sleep]), "sleeping until 1970-01-01T00:00:00Z");
        let webhook = Wait::Webhook { op: 0, url: String::new(), since, untaken: 2 };
        assert_eq!(
            waiting(std::slice::from_ref(&webhook)),
            "waiting for notifications (2 not yet taken)"
        );
        assert_eq!(waiting(&[webhook, step("process", 1, None)]), "process");
    }

    #[test]
    fn of_a_long_error_the_cause_is_shown() {
        let shown = shorten(&format!("{}: connection refused\nmore", "x".repeat(100)));
        assert_eq!(shown.chars().count(), SHOWN + 1);
        assert!(shown.starts_with('…') && shown.ends_with(": connection refused"), "{shown}");
    }
}

//! What is wrong with the host and its runs, in sentences for whoever is woken by it.

use segno_api::{
    HealthProblem, HealthReport, ProblemKind, RunFilter, RunPage, RunSummary, Trouble, Wait,
    printable,
};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::error::EngineError;
use crate::engine::handle::Engine;
use crate::name::name;
use crate::store::HostPause;

/// How late a timer may be before it is worth a word: it fires within milliseconds, and a host that was
/// down has many to fire at once.
const LATE: Duration = Duration::from_secs(10);

/// How many runs in trouble are looked at: what they suffer from is told together, and the list has
/// the rest.
const LOOKED_AT: usize = 1_000;

/// How many steps are named, those of most runs: a sentence for each of a thousand helps nobody.
const NAMED: usize = 20;

/// How much of a name is shown, in characters.
const NAME: usize = 128;

impl Engine {
    /// What is wrong with the host and its runs. The shards are asked, and none is waited for that does
    /// not answer.
    ///
    /// # Errors
    ///
    /// The store cannot be read, which the reason says, or too many read it.
    pub async fn health(&self) -> Result<HealthReport, EngineError> {
        self.health_and_trouble().await.map(|(report, _runs)| report)
    }

    /// The same, and the runs that somebody should look at, newest first: the first ones, where they are many.
    ///
    /// # Errors
    ///
    /// As [`Engine::health`].
    pub async fn health_and_trouble(&self) -> Result<(HealthReport, RunPage), EngineError> {
        let mut problems = Vec::new();
        if let Some(reason) = self.trouble() {
            let message = format!("the host takes no work: {reason}");
            problems.push(problem(ProblemKind::NotReady, 1, message));
            return Ok((HealthReport { problems }, RunPage::default()));
        }
        self.tell_paused(&mut problems).await?;
        let filter = RunFilter { trouble: true, limit: LOOKED_AT, ..RunFilter::default() };
        let page = self.runs(filter).await?;
        let more = if page.next.is_some() { "at least " } else { "" };
        self.tell_blocked(&mut problems);
        tell_unanswered(&page.runs, more, &mut problems);
        self.tell_missing(&mut problems);
        tell_failing(&page.runs, more, &mut problems);
        self.tell_late(&mut problems);
        Ok((HealthReport { problems }, page))
    }

    async fn tell_paused(&self, problems: &mut Vec<HealthProblem>) -> Result<(), EngineError> {
        let engine = self.clone();
        let pause = self.blocking(move || Ok(engine.0.store.host_pause()?)).await?;
        if let Some(HostPause { at, by }) = pause {
            let by = by.map_or_else(String::new, |by| format!(" by {}", printable(&by, NAME)));
            let message = format!(
                "the host was paused{by} at {at}, so no run goes on; `{} resume-host` lets them",
                name()
            );
            problems.push(problem(ProblemKind::Paused, 1, message));
        }
        Ok(())
    }

    fn tell_blocked(&self, problems: &mut Vec<HealthProblem>) {
        for (kind, runs) in self.0.outside.metrics().blocked_runs() {
            let count = u64::try_from(runs).unwrap_or_default();
            if count > 0 {
                let me = name();
                let message = format!(
                    "{}: {kind}; `{me} runs --trouble` lists them, `{me} run RUN` says why, and `{me} resume RUN` lets \
                     one go on when that is mended",
                    counted(count, "run is blocked", "runs are blocked"),
                );
                problems.push(problem(ProblemKind::Blocked, count, message));
            }
        }
    }

    /// Tells the steps that this host lacks, those that most is waiting for first.
    fn tell_missing(&self, problems: &mut Vec<HealthProblem>) {
        let mut missing = self.missing_steps();
        missing.sort_by_key(|(_, waiting)| Reverse(*waiting));
        for (step, waiting) in missing.into_iter().take(NAMED) {
            let count = waiting as u64;
            let message = format!(
                "{} for step {}, which this host lacks; start a host that has it",
                counted(count, "operation waits", "operations wait"),
                printable(&step, NAME),
            );
            problems.push(problem(ProblemKind::MissingStep, count, message));
        }
    }

    fn tell_late(&self, problems: &mut Vec<HealthProblem>) {
        let late = self.overdue();
        if late >= LATE {
            let seconds = late.as_secs();
            let message = format!(
                "the earliest timer is {seconds} s late: the host has more to do than it can"
            );
            problems.push(problem(ProblemKind::Late, seconds, message));
        }
    }
}

fn tell_unanswered(runs: &[RunSummary], more: &str, problems: &mut Vec<HealthProblem>) {
    let count = with(runs, Trouble::Unanswered).count() as u64;
    if count > 0 {
        let runs = counted(count, "run", "runs");
        let message = format!(
            "a part of the host does not answer for {more}{runs}: a workflow computes without end, or its disk is slow"
        );
        problems.push(problem(ProblemKind::Unanswered, count, message));
    }
}

/// Tells the steps that fail again and again, those of most runs first.
fn tell_failing(runs: &[RunSummary], more: &str, problems: &mut Vec<HealthProblem>) {
    let mut steps = BTreeMap::<(&str, &str), (u64, u32)>::new();
    for run in with(runs, Trouble::Failing) {
        if let Some(Wait::Step { name, attempt, .. }) =
            run.why.as_ref().and_then(|why| why.wait.as_ref())
        {
            let (count, highest) = steps.entry((&run.workflow, name)).or_default();
            (*count, *highest) = (*count + 1, (*highest).max(*attempt));
        }
    }
    let mut steps: Vec<_> = steps.into_iter().collect();
    steps.sort_by_key(|(_, (count, _))| Reverse(*count));
    for ((workflow, step), (count, attempt)) in steps.into_iter().take(NAMED) {
        let me = name();
        let message = format!(
            "step {} of workflow {} fails again and again in {more}{}, up to attempt {attempt}; `{me} runs --trouble` \
             shows the errors",
            printable(step, NAME),
            printable(workflow, NAME),
            counted(count, "run", "runs"),
        );
        problems.push(problem(ProblemKind::Failing, count, message));
    }
}

fn with(runs: &[RunSummary], trouble: Trouble) -> impl Iterator<Item = &RunSummary> {
    runs.iter().filter(move |run| run.why.as_ref().and_then(|why| why.trouble) == Some(trouble))
}

fn problem(kind: ProblemKind, count: u64, message: String) -> HealthProblem {
    HealthProblem { kind, count, message }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

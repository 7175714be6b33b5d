//! `jobs`, `job` and `stop-job`: what is done to many runs, and how far it is.

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use segno_api::{JobMade, JobPage, JobProgress, JobRefusals, JobStatus, JobView};
use segno_journal::{JobId, RunId};
use serde_json::Value;

use crate::cli::args::{HostArgs, JobArgs, JobsArgs, ManyArgs, StopJobArgs};
use crate::cli::client::{Answer, Client};
use crate::cli::exit::{Exit, UsageError};
use crate::cli::output::{self, Output};
use crate::cli::{filter, follow, runs, text};
use crate::name::name;

/// Has a job made that does this to all runs that the filter means.
pub(super) async fn make(
    host: HostArgs,
    many: &ManyArgs,
    (action, mut request): (&str, Value),
    output: Output,
) -> anyhow::Result<Exit> {
    let parameters = meant(many)?;
    request["action"] = action.into();
    request["all"] = many.all.into();
    request["dry_run"] = many.dry_run.into();
    let client = Client::new(host)?;
    let query = filter::borrowed(&parameters);
    let answer = client.post_about(&["v1", "jobs"], &query, request.to_string()).await?;
    let made: JobMade = answer.read()?;
    match made.job {
        None => output.show(&answer.json, || runs::counted(&made.runs))?,
        Some(job) if many.wait => return wait(&client, job.job_id, output).await,
        Some(job) => {
            output.show(&answer.json, || job.job_id.to_string())?;
            tell_made(&job, output);
        }
    }
    Ok(Exit::Done)
}

/// Which runs are meant, if that is said.
fn meant(many: &ManyArgs) -> Result<Vec<(String, String)>, UsageError> {
    let parameters = filter::parameters(&many.filter)?;
    if !parameters.is_empty() || many.all {
        return Ok(parameters);
    }
    let message = "name runs, or say with --workflow, --status, --attr, --started-after, --started-before or --all \
                   which are meant; nothing was done";
    Err(UsageError(message.to_owned()))
}

fn tell_made(job: &JobView, output: Output) {
    if !output.is_json() {
        output::note(&format!(
            "{} of {}: the host goes on with it by itself; `{} job {}` says how far it is",
            job.action,
            about(job.runs),
            name(),
            job.job_id,
        ));
    }
}

pub(super) async fn list(args: JobsArgs, output: Output) -> anyhow::Result<Exit> {
    let JobsArgs { limit, cursor, host } = args;
    let mut query = vec![("limit".to_owned(), limit.to_string())];
    query.extend(cursor.map(|cursor| ("cursor".to_owned(), cursor.to_string())));
    let answer = Client::new(host)?.get(&["v1", "jobs"], &filter::borrowed(&query)).await?;
    let page: JobPage = answer.read()?;
    output.show(&answer.json, || table(&page.jobs, Timestamp::now()))?;
    tell_next(page.next.as_deref(), output);
    Ok(Exit::Done)
}

pub(super) async fn show(args: JobArgs, output: Output) -> anyhow::Result<Exit> {
    let JobArgs { id, wait: waits, refused, cursor, host } = args;
    let client = Client::new(host)?;
    if refused {
        return show_refusals(&client, id, cursor, output).await;
    }
    if waits {
        return wait(&client, id, output).await;
    }
    let (answer, view) = look(&client, id).await?;
    output.show(&answer.json, || whole(&view, Timestamp::now()))?;
    Ok(Exit::Done)
}

async fn show_refusals(
    client: &Client,
    id: JobId,
    cursor: Option<RunId>,
    output: Output,
) -> anyhow::Result<Exit> {
    let cursor = cursor.map(|cursor| ("cursor".to_owned(), cursor.to_string()));
    let query: Vec<_> = cursor.into_iter().collect();
    let path = ["v1", "jobs", &id.to_string(), "refusals"];
    let answer = client.get(&path, &filter::borrowed(&query)).await?;
    let page: JobRefusals = answer.read()?;
    output.show(&answer.json, || refusals(&page))?;
    tell_next(page.next.as_deref(), output);
    Ok(Exit::Done)
}

/// Says where the next page begins.
fn tell_next(next: Option<&str>, output: Output) {
    if let (Some(next), false) = (next, output.is_json()) {
        output::note(&format!("there are more: --cursor {next}"));
    }
}

pub(super) async fn stop(args: StopJobArgs, output: Output) -> anyhow::Result<Exit> {
    let path = ["v1", "jobs", &args.id.to_string(), "stop"];
    let answer = Client::new(args.host)?.post(&path, "{}".to_owned(), HeaderMap::new()).await?;
    let view: JobView = answer.read()?;
    output.show(&answer.json, || whole(&view, Timestamp::now()))?;
    Ok(Exit::Done)
}

/// Waits until a job has ended. One that was stopped, or that some runs did not take, has not done all.
async fn wait(client: &Client, id: JobId, output: Output) -> anyhow::Result<Exit> {
    let mut looks = follow::looks();
    loop {
        looks.tick().await;
        let (answer, view) = look(client, id).await?;
        if view.status == JobStatus::Running {
            continue;
        }
        output.show(&answer.json, || whole(&view, Timestamp::now()))?;
        let is_whole = view.status == JobStatus::Completed && view.runs.refused == 0;
        return Ok(if is_whole { Exit::Done } else { Exit::Unsuccessful });
    }
}

async fn look(client: &Client, id: JobId) -> anyhow::Result<(Answer, JobView)> {
    let answer = client.get(&["v1", "jobs", &id.to_string()], &[]).await?;
    let view = answer.read()?;
    Ok((answer, view))
}

fn status(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Running => "running",
        JobStatus::Completed => "completed",
        JobStatus::Stopped => "stopped",
    }
}

/// How many runs a job is about.
fn about(runs: JobProgress) -> String {
    let more = if runs.more { " or more" } else { "" };
    format!("{}{more} runs", runs.matched)
}

fn whole(view: &JobView, now: Timestamp) -> String {
    let JobProgress { done, unchanged, refused, .. } = view.runs;
    let by = by(view.by.as_deref());
    let ended = how_it_stands(view, now);
    let refusals = match refused {
        0 => String::new(),
        _ => format!("; `{} job {} --refused` says why", name(), view.job_id),
    };
    format!(
        "{} {} of {}\nfilter     {}\nmade       {}{by}\nstatus     {ended}\ndone       {done}\nunchanged  {unchanged}\n\
         refused    {refused}{refusals}",
        view.job_id,
        view.action,
        about(view.runs),
        filter_of(view),
        text::moment(view.made_at, now),
    )
}

/// Whether a job goes on, and how far it is; or how it ended, and when.
fn how_it_stands(view: &JobView, now: Timestamp) -> String {
    match view.ended_at {
        Some(at) => {
            let by = by(view.stopped_by.as_deref());
            format!("{}{by} {}", status(view.status), text::moment(at, now))
        }
        None => format!("running, at the runs before {}", view.at),
    }
}

/// By whom something was done, where that is known.
fn by(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(" by {}", printed(name)))
}

fn filter_of(view: &JobView) -> String {
    printed(&view.filter.join(" "))
}

fn printed(text: &str) -> String {
    text::printable(text, usize::MAX)
}

fn table(jobs: &[JobView], now: Timestamp) -> String {
    if jobs.is_empty() {
        return "no jobs".to_owned();
    }
    let rows = jobs.iter().map(|view| {
        let JobProgress { done, unchanged, refused, .. } = view.runs;
        [
            view.job_id.to_string(),
            view.action.to_string(),
            status(view.status).to_owned(),
            text::moment(view.made_at, now),
            about(view.runs),
            format!("{done} done, {unchanged} unchanged, {refused} refused"),
            filter_of(view),
        ]
    });
    text::columns(["JOB", "ACTION", "STATUS", "MADE", "ABOUT", "SO FAR", "FILTER"], rows)
}

fn refusals(page: &JobRefusals) -> String {
    if page.refusals.is_empty() {
        return "no run refused it".to_owned();
    }
    let rows = page.refusals.iter();
    let rows = rows.map(|refusal| [refusal.run_id.to_string(), printed(&refusal.reason)]);
    text::columns(["RUN", "WHY"], rows)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use segno_api::JobKind;

    use super::*;

    fn view() -> JobView {
        JobView {
            job_id: JobId::from_parts(segno_journal::Timestamp(0), 1),
            action: JobKind::Cancel,
            kill: Some(false),
            within_ms: Some(3_600_000),
            module: None,
            filter: vec!["workflow=order".to_owned(), "attr.note=\u{202e}x".to_owned()],
            status: JobStatus::Running,
            by: Some("ann".to_owned()),
            stopped_by: None,
            made_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            ended_at: None,
            runs: JobProgress { matched: 10_000, more: true, done: 5, unchanged: 2, refused: 1 },
            at: RunId::from_parts(segno_journal::Timestamp(0), 7),
        }
    }

    #[test]
    fn a_job_says_how_far_it_is_and_does_nothing_to_a_terminal() {
        let now = "2026-01-01T00:01:00Z".parse().unwrap();
        expect![[r#"
            job_00000000000000000000000001 cancel of 10000 or more runs
            filter     workflow=order attr.note=\u{202e}x
            made       2026-01-01T00:00:00Z (1m 0s ago) by ann
            status     running, at the runs before run_00000000000000000000000007
            done       5
            unchanged  2
            refused    1; `segno job job_00000000000000000000000001 --refused` says why"#]]
        .assert_eq(&whole(&view(), now));
        let stopped = JobView {
            status: JobStatus::Stopped,
            stopped_by: Some("ben".to_owned()),
            ended_at: Some(now),
            ..view()
        };
        assert!(
            whole(&stopped, now)
                .contains("status     stopped by ben 2026-01-01T00:01:00Z (0ms ago)")
        );
        expect![[r#"
            JOB                             ACTION  STATUS   MADE                              ABOUT               SO FAR                          FILTER
            job_00000000000000000000000001  cancel  running  2026-01-01T00:00:00Z (1m 0s ago)  10000 or more runs  5 done, 2 unchanged, 1 refused  workflow=order attr.note=\u{202e}x"#]]
        .assert_eq(&table(&[view()], now));
    }
}

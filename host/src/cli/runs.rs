//! `runs`: which runs there are.

use jiff::Timestamp;
use segno_api::{RunCounts, RunPage, RunStatus};

use crate::cli::args::RunsArgs;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::{filter, text};

pub(super) async fn run(args: RunsArgs, output: Output) -> anyhow::Result<Exit> {
    let RunsArgs { trouble, limit, cursor, count, .. } = args;
    let mut parameters = filter::parameters(&args.filter)?;
    let client = Client::new(args.host)?;
    if count {
        let answer = client.get(&["v1", "runs", "counts"], &filter::borrowed(&parameters)).await?;
        let counts: RunCounts = answer.read()?;
        output.show(&answer.json, || counted(&counts))?;
        return Ok(Exit::Done);
    }
    parameters.extend(trouble.then(|| ("trouble".to_owned(), "true".to_owned())));
    parameters.push(("limit".to_owned(), limit.to_string()));
    parameters.extend(cursor.map(|cursor| ("cursor".to_owned(), cursor.to_string())));
    let answer = client.get(&["v1", "runs"], &filter::borrowed(&parameters)).await?;
    let page: RunPage = answer.read()?;
    output.show(&answer.json, || table(&page, Timestamp::now()))?;
    if let (Some(next), false) = (&page.next, output.is_json()) {
        output::note(&format!("there are more: --cursor {next}"));
    }
    Ok(Exit::Done)
}

/// How many runs there are.
pub(super) fn counted(counts: &RunCounts) -> String {
    let more = if counts.more { " or more: not all runs were looked at" } else { "" };
    let rows = RunStatus::ALL.map(|status| (status.word(), counts.by_status.of(status)));
    let rows = rows.into_iter().filter(|(_, count)| *count > 0);
    let rows: String = rows.map(|(status, count)| format!("\n  {status:<10}{count}")).collect();
    format!("{} runs{more}{rows}", counts.total)
}

fn table(page: &RunPage, now: Timestamp) -> String {
    if page.runs.is_empty() {
        return "no runs".to_owned();
    }
    let rows = page.runs.iter().map(|run| {
        let took = text::duration(text::between(run.started_at, run.ended_at.unwrap_or(now)));
        [
            run.run_id.to_string(),
            run.workflow.clone(),
            run.status.word().to_owned(),
            text::moment(run.started_at, now),
            if run.ended_at.is_some() { took } else { format!("{took} so far") },
            run.why.as_ref().map_or_else(String::new, |why| text::why(why, now)),
        ]
    });
    text::columns(["RUN", "WORKFLOW", "STATUS", "STARTED", "TOOK", "WAITS FOR"], rows)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use segno_journal::RunId;

    use super::*;
    use crate::engine::{RunSummary, Wait};
    use segno_api::Why;

    #[test]
    fn a_page_of_runs_is_a_table() {
        let started_at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let run = |n, status, ended_at: Option<&str>| RunSummary {
            run_id: RunId::from_parts(segno_journal::Timestamp(0), n),
            workflow: "crm_poll".into(),
            status,
            module: "sha256:0".into(),
            started_at,
            ended_at: ended_at.map(|moment| moment.parse().unwrap()),
            why: None,
        };
        let wait = Wait::Webhook { op: 0, url: "http://h/t".into(), since: started_at, untaken: 0 };
        let why =
            Some(Why { wait: Some(wait), waits: 1, since: Some(started_at), ..Why::default() });
        let page = RunPage {
            runs: vec![
                RunSummary { why, ..run(2, RunStatus::Running, None) },
                run(1, RunStatus::Completed, Some("2026-01-01T00:00:01.5Z")),
            ],
            next: None,
        };
        expect![[r#"
            RUN                             WORKFLOW  STATUS     STARTED                           TOOK          WAITS FOR
            run_00000000000000000000000002  crm_poll  running    2026-01-01T00:00:00Z (1m 0s ago)  1m 0s so far  webhook since 1m 0s
            run_00000000000000000000000001  crm_poll  completed  2026-01-01T00:00:00Z (1m 0s ago)  1.5s"#]]
        .assert_eq(&table(&page, "2026-01-01T00:01:00Z".parse().unwrap()));
    }
}

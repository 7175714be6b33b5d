//! `health`: what is wrong with a host and its runs.

use crate::cli::args::HealthArgs;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::text;
use segno_api::HealthReport;

pub(super) async fn run(args: HealthArgs, output: Output) -> anyhow::Result<Exit> {
    let client = Client::new(args.host)?;
    if args.live {
        let answer = client.get(&["healthz"], &[]).await?;
        output.show(&answer.json, || "the host takes work".to_owned())?;
        return Ok(Exit::Done);
    }
    let answer = client.get(&["v1", "health"], &[]).await?;
    let report: HealthReport = answer.read()?;
    output.show(&answer.json, || sentences(&report))?;
    Ok(if report.problems.is_empty() { Exit::Done } else { Exit::Failed })
}

fn sentences(report: &HealthReport) -> String {
    if report.problems.is_empty() {
        return "all is well".to_owned();
    }
    let lines = report.problems.iter().map(|problem| text::printable(&problem.message, usize::MAX));
    lines.collect::<Vec<_>>().join("\n")
}

//! W6: from the call of a webhook to the beginning of the step that it leads to.

use anyhow::Context;
use segno_api::Wait;

use crate::cli::bench::calls::{self, Calls};
use crate::cli::bench::child::Host;
use crate::cli::bench::crowd::CLIENTS;
use crate::cli::bench::figures::Row;
use crate::cli::bench::rounds::Bench;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let directory = bench.directory()?;
    let mut host = Host::start(directory.path()).await?;
    let calls = Calls {
        workload: "W6",
        names: ["a webhook call", "webhook calls"],
        caller: "caller",
        target: host.webhooks.clone(),
        paths: open(&mut host, CLIENTS, 0).await?,
    };
    calls::measure(bench, &mut host, &calls).await
}

/// Starts so many runs that have this many turns and then wait for calls; the paths to call.
pub(super) async fn open(
    host: &mut Host,
    runs: usize,
    turns: usize,
) -> anyhow::Result<Vec<String>> {
    let mut client = host.connect().await?;
    let mut paths = Vec::new();
    for _ in 0..runs {
        let run = client.start("hook", &turns.to_string()).await?;
        host.notes(1).await?;
        let view = client.run(&run).await?;
        let webhook = view.waits_for.into_iter().find_map(|wait| match wait {
            Wait::Webhook { url, .. } => Some(url),
            _ => None,
        });
        // A host that was started again listens elsewhere: of the URL, only the path stays.
        let uri: http::Uri = webhook.context("the run has no webhook")?.parse()?;
        paths.push(uri.path().to_owned());
    }
    Ok(paths)
}

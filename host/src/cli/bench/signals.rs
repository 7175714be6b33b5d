//! W8: from a signal to the beginning of the step that it leads to.

use crate::cli::bench::calls::{self, Calls};
use crate::cli::bench::child::Host;
use crate::cli::bench::crowd::CLIENTS;
use crate::cli::bench::figures::Row;
use crate::cli::bench::rounds::Bench;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let directory = bench.directory()?;
    let mut host = Host::start(directory.path()).await?;
    let calls = Calls {
        workload: "W8",
        names: ["a signal", "signals"],
        caller: "sender",
        target: host.management.clone(),
        paths: listen(&mut host).await?,
    };
    calls::measure(bench, &mut host, &calls).await
}

/// Starts runs that wait for signals; where those are sent to.
async fn listen(host: &mut Host) -> anyhow::Result<Vec<String>> {
    let mut client = host.connect().await?;
    let mut paths = Vec::new();
    for _ in 0..CLIENTS {
        let run = client.start("listener", "null").await?;
        host.notes(1).await?;
        paths.push(format!("/v1/runs/{run}/signals/number"));
    }
    Ok(paths)
}

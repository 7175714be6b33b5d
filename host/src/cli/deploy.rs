//! `deploy`: components go to a running host.

use anyhow::Context;
use segno_api::Deployed;

use crate::cli::args::DeployArgs;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::progress::Progress;
use crate::cli::text;

pub(super) async fn run(args: DeployArgs, output: Output) -> anyhow::Result<Exit> {
    let client = Client::new(args.host)?;
    for path in &args.files {
        let file = path.display();
        let wasm = tokio::fs::read(path).await.with_context(|| format!("cannot read {file}"))?;
        let progress = Progress::start(&format!("deploying {file}"));
        let answer = client
            .deploy(wasm, args.allow_missing_steps)
            .await
            .with_context(|| format!("{file} is not deployed"))?;
        drop(progress);
        let deployed: Deployed = answer.read()?;
        output.show(&answer.json, || sentence(&deployed))?;
        warn(&deployed);
    }
    Ok(Exit::Done)
}

/// What a deploy did, as a sentence.
pub(super) fn sentence(deployed: &Deployed) -> String {
    let Deployed { digest, workflows, unchanged, .. } = deployed;
    let workflows = workflows.join(", ");
    let digest = text::digest(digest);
    if *unchanged {
        format!("unchanged: {workflows} ({digest})")
    } else {
        format!("deployed: {workflows} ({digest})")
    }
}

/// Says what the deployer should know.
pub(super) fn warn(deployed: &Deployed) {
    for warning in &deployed.warnings {
        output::note(&format!("warning: {}", text::printable_lines(warning)));
    }
}

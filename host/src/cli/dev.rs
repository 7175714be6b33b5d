//! `dev`: a host that builds and deploys the workflows of a workspace whenever they change.

use std::sync::Arc;

use anyhow::Context;
use segno::Steps;

use crate::cli::args::DevArgs;
use crate::cli::build::build_workspace;
use crate::cli::cargo::Workspace;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::progress::Progress;
use crate::cli::serve::{announce, register, shutdown_signal, start, stop};
use crate::cli::watch::Changes;
use crate::cli::{deploy, logging};
use crate::engine::{Egress, Engine};

pub(super) async fn run(args: DevArgs, steps: Steps, output: Output) -> anyhow::Result<Exit> {
    logging::init(args.listen.log_format)?;
    let mut signal = std::pin::pin!(shutdown_signal());
    let crates = args.crates;
    let workspace = Workspace::find(crates.manifest_path.as_deref(), &crates.packages)?;
    let data = args.data.unwrap_or_else(|| workspace.target_directory().join("segno-dev"));
    let shown = data.display().to_string();
    let mut options = args.listen.into_options(data);
    // What is developed talks to what else runs on the developer's machine.
    options.http = options.http.map(Egress::with_loopback);
    let Some(server) = start(options, steps, signal.as_mut()).await? else {
        return Ok(Exit::Done);
    };
    let _registered = register(&server);
    announce(&server, &shown, output);
    let mut changes = Changes::of(&workspace.source_directories())?;
    output::note(
        "watching the sources; workflows are redeployed when they change, steps are native code of this process and \
         change when it is started again",
    );
    let workspace = Arc::new(workspace);
    let work = async {
        loop {
            // A mistake in a source is no reason to stop: the next save may mend it.
            if let Err(error) = build_and_deploy(&workspace, &server.engine(), output).await {
                output::note(&format!(
                    "{error:#}\nwhat was deployed before stays; waiting for a change"
                ));
            }
            changes.next().await;
        }
    };
    tokio::select! {
        () = work => {}
        () = &mut signal => {}
    }
    stop(server).await
}

async fn build_and_deploy(
    workspace: &Arc<Workspace>,
    engine: &Engine,
    output: Output,
) -> anyhow::Result<()> {
    let workspace = Arc::clone(workspace);
    let components = tokio::task::spawn_blocking(move || {
        let progress = Progress::start("building the workflows");
        build_workspace(&workspace, &|line| progress.say(line))
    })
    .await??;
    for path in components {
        let wasm = tokio::fs::read(&path)
            .await
            .with_context(|| format!("cannot read {}", path.display()))?;
        let deployed = engine
            .deploy(wasm.into())
            .await
            .with_context(|| format!("{} was built, but is not deployed", path.display()))?;
        let json = serde_json::to_string(&deployed)?;
        // That nobody reads it does not stop the host.
        let _ = output.show(&json, || deploy::sentence(&deployed));
        deploy::warn(&deployed);
        if deployed.unchanged {
            output::note(
                "if you changed the body of a step, start this process again: it is native code",
            );
        }
    }
    Ok(())
}

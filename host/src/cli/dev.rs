//! `dev`: a host that builds and deploys the workflows of a workspace whenever they change, and itself.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use segno::Steps;

use crate::cli::args::DevArgs;
use crate::cli::build::build_workspace;
use crate::cli::cargo::Workspace;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::program::Program;
use crate::cli::progress::Progress;
use crate::cli::serve::{announce, register, shutdown_signal, start, stop};
use crate::cli::watch::Changes;
use crate::cli::{LogFormat, Server, deploy, logging};
use crate::engine::{Egress, Engine};

pub(super) async fn run(args: DevArgs, steps: Steps, output: Output) -> anyhow::Result<Exit> {
    logging::init(args.listen.log_format)?;
    let output = output.or_json(args.listen.log_format == LogFormat::Json);
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
    let registered = register(&server);
    announce(&server, &shown, output);
    let program = Program::of(&workspace).map(Arc::new);
    let directories = workspace.source_directories(program.as_deref().map(Program::name));
    let mut changes = Changes::of(&directories)?;
    output::note(match &program {
        Some(_) => "watching the sources; what changes is built, deployed and started again",
        None => {
            "watching the sources; workflows are redeployed when they change; this host was built elsewhere, so its \
             steps change when it is started again"
        }
    });
    let developed = Developed { workspace: Arc::new(workspace), program, output };
    let is_new = tokio::select! {
        () = developed.follow(&server, &mut changes) => true,
        () = &mut signal => false,
    };
    let stopped = stop(server).await?;
    drop(registered);
    match developed.program.filter(|_| is_new) {
        Some(program) => Err(program.take_over()),
        None => Ok(stopped),
    }
}

/// What is developed.
struct Developed {
    workspace: Arc<Workspace>,
    /// The program of this host, where it is developed as well.
    program: Option<Arc<Program>>,
    output: Output,
}

impl Developed {
    /// Builds and deploys whenever something changes, until there is a new program to go on with.
    async fn follow(&self, server: &Server, changes: &mut Changes) {
        // A mistake in a source is no reason to stop: the next save may mend it.
        if let Err(error) = self.build_and_deploy(&server.engine()).await {
            self.stays(&error);
        }
        loop {
            changes.next().await;
            let components = match self.build().await {
                Ok(components) => components,
                Err(error) => {
                    self.stays(&error);
                    continue;
                }
            };
            let deployed = self.deploy(&components, &server.engine()).await;
            // A component that was refused may want a step that only the new program has.
            match (self.build_program().await, deployed) {
                (Ok(true), _) => return,
                (Err(error), _) | (Ok(false), Err(error)) => self.stays(&error),
                (Ok(false), Ok(())) => {}
            }
        }
    }

    fn stays(&self, error: &anyhow::Error) {
        output::note(&format!("{error:#}\nwhat was deployed before stays; waiting for a change"));
    }

    async fn build_and_deploy(&self, engine: &Engine) -> anyhow::Result<()> {
        self.deploy(&self.build().await?, engine).await
    }

    async fn build(&self) -> anyhow::Result<Vec<PathBuf>> {
        let workspace = Arc::clone(&self.workspace);
        let build = tokio::task::spawn_blocking(move || {
            let progress = Progress::start("building the workflows");
            build_workspace(&workspace, &|line| progress.say(line))
        });
        build.await?
    }

    /// Builds the program of this host, and says whether there is a new one.
    async fn build_program(&self) -> anyhow::Result<bool> {
        let Some(program) = self.program.clone() else { return Ok(false) };
        let workspace = Arc::clone(&self.workspace);
        let build = tokio::task::spawn_blocking(move || {
            let _progress = Progress::start("building the host");
            program.build(&workspace)
        });
        build.await?
    }

    async fn deploy(&self, components: &[PathBuf], engine: &Engine) -> anyhow::Result<()> {
        for path in components {
            let wasm = tokio::fs::read(path)
                .await
                .with_context(|| format!("cannot read {}", path.display()))?;
            let deployed = engine
                .deploy(wasm.into())
                .await
                .with_context(|| format!("{} was built, but is not deployed", path.display()))?;
            let json = serde_json::to_string(&deployed)?;
            // That nobody reads it does not stop the host.
            let _ = self.output.show(&json, || deploy::sentence(&deployed));
            deploy::warn(&deployed);
        }
        Ok(())
    }
}

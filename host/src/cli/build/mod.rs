//! `build`, and what `dev` and other hosts share with it: workflow crates become components.

mod compile;
mod schemas;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::args::BuildArgs;
use crate::cli::cargo::{self, Workspace};
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::progress::Progress;

/// Builds workflow crates as components, and says where they are, in the order of the packages.
///
/// `manifest_path` is the Cargo.toml of the workspace, or of a package in it; that of the working
/// directory if there is none. `packages` are the crates to build; all that depend on `segno` and
/// build a cdylib if it is empty. The Rust target is added if it is missing. A crate that depends on
/// `schemars` itself is built a second time, to be asked for the JSON Schemas of its workflows, which
/// are put into its component. `progress` is told line by line what cargo does. This blocks until the
/// build is over.
///
/// # Errors
///
/// The workspace cannot be read, a package is no workflow crate, the target cannot be added, or the
/// build fails; then the error has what the compiler said.
pub fn build_components(
    manifest_path: Option<&Path>,
    packages: &[String],
    progress: &dyn Fn(&str),
) -> anyhow::Result<Vec<PathBuf>> {
    build_workspace(&Workspace::find(manifest_path, packages)?, progress)
}

/// Builds the chosen packages of a workspace.
pub(super) fn build_workspace(
    workspace: &Workspace,
    progress: &dyn Fn(&str),
) -> anyhow::Result<Vec<PathBuf>> {
    cargo::ensure_target(workspace.root(), progress)?;
    let build = |package| {
        let described = schemas::describe(workspace, package, progress)?;
        let component = compile::component(workspace, package, &compile::PROFILE, progress)?;
        match described {
            Some(described) => schemas::put(workspace, package, &component, &described),
            None => Ok(component),
        }
    };
    workspace.packages().map(build).collect()
}

/// What is printed when all is built.
#[derive(Serialize)]
struct Built {
    components: Vec<PathBuf>,
}

pub(super) async fn run(args: BuildArgs, output: Output) -> anyhow::Result<Exit> {
    let crates = args.crates;
    let components = tokio::task::spawn_blocking(move || {
        let progress = Progress::start("building");
        build_components(crates.manifest_path.as_deref(), &crates.packages, &|line| {
            progress.say(line)
        })
    })
    .await??;
    let json = serde_json::to_string(&Built { components: components.clone() })?;
    output.show(&json, || {
        let paths: Vec<_> = components.iter().map(|path| path.display().to_string()).collect();
        paths.join("\n")
    })?;
    Ok(Exit::Done)
}

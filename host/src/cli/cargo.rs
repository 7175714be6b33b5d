//! Asking cargo, rustc and rustup: which crates hold workflows, and whether they can be built.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use cargo_metadata::{Metadata, MetadataCommand, Package, TargetKind};

/// What workflows are built for.
pub(super) const TARGET: &str = "wasm32-wasip2";

/// The crate that a workflow crate depends on.
const SDK: &str = "segno";

/// What a cargo that runs this process says to it, or to its own compiler, and what would disturb
/// the build of a component: flags for another processor or for coverage, wrappers of clippy, the
/// identity of the outer package.
const DISTURBING: [&str; 10] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_MAKEFLAGS",
    "MAKEFLAGS",
    "LLVM_PROFILE_FILE",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
];

/// The workflow crates of a workspace.
pub(super) struct Workspace {
    metadata: Metadata,
    /// The IDs of the chosen packages, by their position in the metadata.
    chosen: Vec<usize>,
}

impl Workspace {
    /// Looks up the workspace of a manifest, or of the working directory, and chooses these packages
    /// of it, or all that hold workflows.
    pub(super) fn find(manifest_path: Option<&Path>, packages: &[String]) -> anyhow::Result<Self> {
        let mut command = MetadataCommand::new();
        command.no_deps();
        if let Some(path) = manifest_path {
            command.manifest_path(path);
        }
        for name in DISTURBING {
            command.env_remove(name);
        }
        let metadata = command.exec().map_err(|error| match error {
            // What cargo says begins with `error: ` itself and ends with an empty line.
            cargo_metadata::Error::CargoMetadata { stderr } => {
                let said = stderr.trim();
                anyhow::anyhow!(
                    "cannot read the workspace: {}",
                    said.strip_prefix("error: ").unwrap_or(said)
                )
            }
            error => anyhow::Error::from(error).context("cannot read the workspace"),
        })?;
        let chosen = choose(&metadata, packages)?;
        Ok(Self { metadata, chosen })
    }

    /// The packages that were chosen.
    pub(super) fn packages(&self) -> impl Iterator<Item = &Package> {
        self.chosen.iter().map(|index| &self.metadata.packages[*index])
    }

    /// The package that has this program.
    pub(super) fn program(&self, name: &str) -> Option<&Package> {
        let has_it = |package: &&Package| {
            package
                .targets
                .iter()
                .any(|target| target.kind.contains(&TargetKind::Bin) && target.name == name)
        };
        self.metadata.packages.iter().find(has_it)
    }

    /// The root directory.
    pub(super) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// Where cargo builds.
    pub(super) fn target_directory(&self) -> &Path {
        self.metadata.target_directory.as_std_path()
    }

    /// The directories of the chosen packages, of that of a program, and of all packages of the workspace
    /// that they depend on.
    pub(super) fn source_directories(&self, program: Option<&str>) -> Vec<PathBuf> {
        let program = program.and_then(|name| self.program(name));
        let mut pending: Vec<&Package> = self.packages().chain(program).collect();
        let mut found = Vec::new();
        while let Some(package) = pending.pop() {
            let Some(directory) = package.manifest_path.parent() else { continue };
            if found.iter().any(|known| known == directory.as_std_path()) {
                continue;
            }
            found.push(directory.as_std_path().to_owned());
            let paths =
                package.dependencies.iter().filter_map(|dependency| dependency.path.as_ref());
            pending.extend(paths.filter_map(|path| {
                self.metadata
                    .packages
                    .iter()
                    .find(|package| package.manifest_path.parent() == Some(path))
            }));
        }
        found
    }
}

fn choose(metadata: &Metadata, names: &[String]) -> anyhow::Result<Vec<usize>> {
    let packages = metadata.packages.iter().enumerate();
    if names.is_empty() {
        let found: Vec<_> =
            packages.filter(|(_, package)| holds_workflows(package)).map(|(at, _)| at).collect();
        ensure!(
            !found.is_empty(),
            "no package of {} depends on `{SDK}` and builds a cdylib; a workflow crate has both, with \
             crate-type = [\"cdylib\", \"rlib\"]",
            metadata.workspace_root
        );
        return Ok(found);
    }
    names
        .iter()
        .map(|name| {
            let (index, package) = packages
                .clone()
                .find(|(_, package)| package.name.as_str() == name)
                .with_context(|| format!("{} has no package `{name}`", metadata.workspace_root))?;
            ensure!(
                holds_workflows(package),
                "package `{name}` is no workflow crate: it must depend on `{SDK}` and have crate-type = [\"cdylib\", \
                 \"rlib\"]"
            );
            Ok(index)
        })
        .collect()
}

fn holds_workflows(package: &Package) -> bool {
    let depends = package.dependencies.iter().any(|dependency| dependency.name == SDK);
    let cdylib = package.targets.iter().any(|target| target.kind.contains(&TargetKind::CDyLib));
    depends && cdylib
}

/// Adds the target if it is missing.
pub(super) fn ensure_target(directory: &Path, progress: &dyn Fn(&str)) -> anyhow::Result<()> {
    let asked = tool("rustc", directory)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|error| missing(&error, "rustc"))?;
    let libdir = String::from_utf8_lossy(&asked.stdout);
    if asked.status.success() && Path::new(libdir.trim()).is_dir() {
        return Ok(());
    }
    progress(&format!("adding the target {TARGET}"));
    let added = tool("rustup", directory).args(["target", "add", TARGET]).output().with_context(|| {
        format!(
            "the Rust target {TARGET} is missing, and rustup is not there to add it; install the target by the means \
             of your Rust distribution"
        )
    })?;
    if !added.status.success() {
        bail!(
            "`rustup target add {TARGET}` failed:\n{}",
            String::from_utf8_lossy(&added.stderr).trim_end()
        );
    }
    Ok(())
}

/// The cargo that runs this process, or the first on the path.
#[expect(clippy::disallowed_methods, reason = "cargo says so to whom it runs, and to nobody else")]
fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// Cargo, for a component.
pub(super) fn cargo(directory: &Path) -> Command {
    let mut command = Command::new(program());
    prepare(&mut command, directory);
    command
}

/// Cargo, for what is built for this machine, as the person would who runs this process with cargo: what
/// cargo says to this process alone would have it compile again what looks at that.
pub(super) fn native(directory: &Path) -> Command {
    let mut command = Command::new(program());
    command.current_dir(directory).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let said = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|of| said.starts_with(of)) {
            command.env_remove(&name);
        }
    }
    command
}

/// Why a tool could not be run.
pub(super) fn missing(error: &io::Error, tool: &str) -> anyhow::Error {
    anyhow::anyhow!("cannot run {tool}: {error}; install Rust from https://rustup.rs")
}

fn tool(program: &str, directory: &Path) -> Command {
    let mut command = Command::new(program);
    prepare(&mut command, directory);
    command
}

/// The directory decides which toolchain is used, as for a person who builds there.
fn prepare(command: &mut Command, directory: &Path) {
    command.current_dir(directory).stdin(Stdio::null());
    for name in DISTURBING {
        command.env_remove(name);
    }
}

//! The component that a demo deploys.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::ProgressBar;
use segno_host::cli::build_components;

/// How often the view of a build moves.
const TICK: Duration = Duration::from_millis(100);

/// The crate of an example: where it stands, and how it is called.
#[derive(Debug, Clone, Copy)]
pub struct Crate {
    /// Where its `Cargo.toml` is.
    pub directory: &'static str,
    /// Its name, as cargo has it.
    pub package: &'static str,
}

/// Reads the component from a file, or builds it and reads it then.
///
/// # Errors
/// If it cannot be built or read.
pub async fn get(of: Crate, file: Option<PathBuf>) -> anyhow::Result<Vec<u8>> {
    let file = match file {
        Some(file) => file,
        None => tokio::task::spawn_blocking(move || watched(of)).await??,
    };
    std::fs::read(&file).with_context(|| format!("cannot read the component {}", file.display()))
}

/// Builds it, and shows that it does.
fn watched(of: Crate) -> anyhow::Result<PathBuf> {
    // Draws nothing where no terminal is.
    let progress =
        ProgressBar::new_spinner().with_message("building the workflows for wasm32-wasip2");
    progress.enable_steady_tick(TICK);
    let built = build(of, &|line| progress.set_message(line.to_owned()));
    progress.finish_and_clear();
    built.context("cannot build the workflows; --module FILE takes a component that is built")
}

/// The same component as another module: with a section of its own at the end, which says nothing to anybody.
#[must_use]
pub fn edition(component: &[u8]) -> Vec<u8> {
    const SECTION: &[u8] = b"\x00\x09\x07edition\x02";
    [component, SECTION].concat()
}

/// Builds the component of a crate, and says where it is.
///
/// # Errors
/// If the build fails.
pub fn build(of: Crate, say: &dyn Fn(&str)) -> anyhow::Result<PathBuf> {
    let manifest = Path::new(of.directory).join("Cargo.toml");
    let built = build_components(Some(&manifest), &[of.package.to_owned()], say)?;
    built.into_iter().next().context("the build made no component")
}

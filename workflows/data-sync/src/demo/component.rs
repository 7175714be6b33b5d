//! The component that the demo deploys.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::ProgressBar;
use segno_host::cli::build_components;

/// Where the sources are from which this program was built.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");

/// Reads the component from a file, or builds it and reads it then.
pub(super) async fn get(file: Option<PathBuf>) -> anyhow::Result<Vec<u8>> {
    let file = match file {
        Some(file) => file,
        None => tokio::task::spawn_blocking(build).await??,
    };
    std::fs::read(&file).with_context(|| format!("cannot read the component {}", file.display()))
}

fn build() -> anyhow::Result<PathBuf> {
    // Draws nothing where no terminal is.
    let progress =
        ProgressBar::new_spinner().with_message("building the workflows for wasm32-wasip2");
    progress.enable_steady_tick(std::time::Duration::from_millis(100));
    let packages = [env!("CARGO_PKG_NAME").to_owned()];
    let say = |line: &str| progress.set_message(line.to_owned());
    let built = build_components(Some(Path::new(MANIFEST)), &packages, &say);
    progress.finish_and_clear();
    let built = built
        .context("cannot build the workflows; --module FILE takes a component that is built")?;
    built.into_iter().next().context("the build made no component")
}

//! The JSON Schemas of a crate that has them. What derives and writes schemas would be near half of a
//! component; so the crate is built twice: once to be asked, and once to be deployed.

use std::fs;
use std::path::Path;

use anyhow::Context;
use cargo_metadata::Package;

use crate::cli::build::compile::{self, Profile};
use crate::cli::cargo::Workspace;
use crate::engine::with_schemas;

/// What a crate depends on whose types have schemas.
const SCHEMARS: &str = "schemars";

/// How the component is built that is asked and thrown away.
const PROFILE: Profile = Profile {
    name: "segno-schema",
    settings: &[
        "profile.segno-schema.inherits=\"dev\"",
        "profile.segno-schema.opt-level=1",
        "profile.segno-schema.debug=false",
        "profile.segno-schema.panic=\"abort\"",
        "profile.segno-schema.strip=\"debuginfo\"",
    ],
    features: &["segno/schema"],
};

/// Builds what can be asked for the schemas of a crate, if it has any.
///
/// # Errors
///
/// The build fails, or what it made cannot be read.
pub(super) fn describe(
    workspace: &Workspace,
    package: &Package,
    progress: &dyn Fn(&str),
) -> anyhow::Result<Option<Vec<u8>>> {
    if !package.dependencies.iter().any(|dependency| dependency.name == SCHEMARS) {
        return Ok(None);
    }
    let described = compile::component(workspace, package, &PROFILE, progress)?;
    fs::read(&described).map(Some).with_context(|| format!("cannot read {}", described.display()))
}

/// Puts into a component the schemas that the other build of its crate says.
///
/// # Errors
///
/// It does not say them, they are too large, or the component cannot be written.
pub(super) fn put(component: &Path, described: &[u8]) -> anyhow::Result<()> {
    let lean = fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    let whole = with_schemas(lean, described)?;
    // Under another name first: cargo has the file by a second name, and shall find there what it wrote.
    let beside = component.with_extension("wasm.new");
    fs::write(&beside, whole)
        .and_then(|()| fs::rename(&beside, component))
        .with_context(|| format!("cannot write {}", component.display()))
}

//! The JSON Schemas of a crate that has them. What derives and writes schemas made a component 43 %
//! larger; so the crate is built twice: once to be asked, and once to be deployed.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use cargo_metadata::{Dependency, DependencyKind, Package};

use crate::cli::build::compile::{self, Profile};
use crate::cli::cargo::Workspace;
use crate::engine::with_schemas;

/// What a crate depends on whose types have schemas.
const SCHEMARS: &str = "schemars";

/// Where components with schemas are, in the target directory.
const PLACE: &str = "segno";

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

/// Builds what can be asked for the schemas of a crate, if it may have any.
///
/// # Errors
///
/// The build fails, or what it made cannot be read.
pub(super) fn describe(
    workspace: &Workspace,
    package: &Package,
    progress: &dyn Fn(&str),
) -> anyhow::Result<Option<Vec<u8>>> {
    let is_schemars = |dependency: &&Dependency| {
        dependency.name == SCHEMARS
            && dependency.kind == DependencyKind::Normal
            && !dependency.optional
    };
    if package.dependencies.iter().find(is_schemars).is_none() {
        return Ok(None);
    }
    let described = compile::component(workspace, package, &PROFILE, progress)?;
    fs::read(&described).map(Some).with_context(|| format!("cannot read {}", described.display()))
}

/// A copy of a component with the schemas that the other build of its crate says. It has a place of its
/// own, because cargo puts the component back where that is as often as it likes.
///
/// # Errors
///
/// The crate does not say its schemas, they cannot be taken, or the copy cannot be written.
pub(super) fn put(
    workspace: &Workspace,
    package: &Package,
    component: &Path,
    described: &[u8],
) -> anyhow::Result<PathBuf> {
    let lean =
        fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    let whole = with_schemas(lean, described)
        .with_context(|| format!("the schemas of {} cannot be had", package.name))?;
    let directory = workspace.target_directory().join(PLACE);
    let copy = directory.join(component.file_name().context("a component has a name")?);
    // Under another name first: whoever reads the copy finds it whole.
    fs::create_dir_all(&directory)
        .and_then(|()| tempfile::NamedTempFile::new_in(&directory))
        .and_then(|mut file| file.write_all(&whole).map(|()| file))
        .and_then(|file| file.persist(&copy).map_err(|error| error.error))
        .with_context(|| format!("cannot write {}", copy.display()))?;
    Ok(copy)
}

//! What cargo is told, and what it says while it builds a component.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc;

use anyhow::{Context, bail};
use cargo_metadata::{Message, Package, TargetKind};

use crate::cli::cargo::{self, TARGET, Workspace};
use crate::cli::output;

/// How a component is built.
pub(super) struct Profile {
    /// The name of cargo's profile, which is that of a directory.
    pub(super) name: &'static str,
    /// What the profile is.
    pub(super) settings: &'static [&'static str],
    /// Features that are turned on.
    pub(super) features: &'static [&'static str],
}

/// How the component is built that is deployed: it is sent, stored and compiled more often than it
/// computes, so it is built small. What it needs to name a panic stays in.
pub(super) const PROFILE: Profile = Profile {
    name: "release",
    settings: &[
        "profile.release.opt-level=\"s\"",
        "profile.release.lto=true",
        "profile.release.codegen-units=1",
        "profile.release.panic=\"abort\"",
        "profile.release.strip=\"debuginfo\"",
    ],
    features: &[],
};

/// Builds a package of a workspace as a component, and says where it is.
///
/// # Errors
///
/// The build fails; the error has what the compiler said.
pub(super) fn component(
    workspace: &Workspace,
    package: &Package,
    profile: &Profile,
    progress: &dyn Fn(&str),
) -> anyhow::Result<PathBuf> {
    let name = package.name.as_str();
    progress(&format!("building {name} for {TARGET}"));
    let mut command = cargo::cargo(workspace.root());
    // `rustc` and not `build`, for its `--crate-type`: where an rlib is made beside it, a cdylib is
    // not optimised at link time.
    command.args(["rustc", "--lib", "--crate-type=cdylib", "--target", TARGET]);
    command.args(["--profile", profile.name]);
    command.args(profile.features.iter().flat_map(|feature| ["--features", feature]));
    command.args(profile.settings.iter().flat_map(|setting| ["--config", setting]));
    command.arg("--manifest-path").arg(&package.manifest_path);
    command.arg("--message-format=json-render-diagnostics");
    command.args(["--color", if output::is_watched() { "always" } else { "never" }]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cargo::missing(&error, "cargo"))?;
    let (stdout, stderr) =
        child.stdout.take().zip(child.stderr.take()).context("cargo has no output")?;
    let (component, said) = listen(stdout, stderr, package, progress);
    if !child.wait()?.success() {
        bail!("the build of {name} failed:\n{}", said.trim_end());
    }
    component.with_context(|| format!("cargo built {name}, but no component of it"))
}

/// Reads both outputs of cargo to their end: the component that it made, and what it said.
fn listen(
    stdout: impl Read + Send,
    stderr: impl Read + Send,
    package: &Package,
    progress: &dyn Fn(&str),
) -> (Option<PathBuf>, String) {
    let (sender, lines) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let lines = BufReader::new(stderr).split(b'\n').map_while(Result::ok);
            lines.for_each(|line| {
                // Who no longer listens does not need the line.
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            });
        });
        let component = scope.spawn(move || {
            let messages = Message::parse_stream(BufReader::new(stdout)).map_while(Result::ok);
            messages.filter_map(|message| component_of(message, package)).last()
        });
        let mut said = String::new();
        for line in lines {
            progress(line.trim());
            if !is_progress(&line) {
                said.push_str(&line);
                said.push('\n');
            }
        }
        (component.join().ok().flatten(), said)
    })
}

/// True for what cargo says of its own doings. It is shown while they last, and would only hide the
/// errors after it.
fn is_progress(line: &str) -> bool {
    const DOINGS: [&str; 7] =
        ["Compiling", "Downloading", "Downloaded", "Updating", "Locking", "Adding", "Blocking"];
    // Before the verb there are spaces and, where a person watches, a colour.
    let said = line.trim_start_matches(|c: char| c.is_ascii_digit() || " \u{1b}[;m".contains(c));
    DOINGS.iter().any(|doing| said.starts_with(doing))
}

fn component_of(message: Message, package: &Package) -> Option<PathBuf> {
    let Message::CompilerArtifact(artifact) = message else { return None };
    let is_it =
        artifact.package_id == package.id && artifact.target.kind.contains(&TargetKind::CDyLib);
    let mut files = artifact.filenames.into_iter().filter(|file| file.extension() == Some("wasm"));
    files.next().filter(|_| is_it).map(cargo_metadata::camino::Utf8PathBuf::into_std_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_not_hidden_below_what_was_compiled_before_it() {
        for line in [
            "   Compiling serde v1.0.229",
            "\u{1b}[1m\u{1b}[92m   Compiling\u{1b}[0m serde v1.0.229",
        ] {
            assert!(is_progress(line), "{line}");
        }
        for line in [
            "error: no Compiling",
            "\u{1b}[1m\u{1b}[91merror\u{1b}[0m: it",
            "11 |     Updating::new()",
            "",
        ] {
            assert!(!is_progress(line), "{line}");
        }
    }
}

//! The program of a host that is developed: built again when its sources have changed, and started
//! again in its own place.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, bail};

use crate::cli::cargo::{self, Workspace};

/// The program of this process, where it was built in the workspace that it watches.
pub(super) struct Program {
    path: PathBuf,
    /// The file that this process was started from.
    running: Option<SystemTime>,
    /// What builds it.
    build: Build,
}

/// What cargo is told to build a program as it was built before.
#[derive(Debug, PartialEq, Eq)]
struct Build {
    bin: String,
    profile: String,
    target: Option<String>,
}

impl Program {
    /// The program of this process. None where it was not built in this workspace, as the stock binary was
    /// not.
    pub(super) fn of(workspace: &Workspace) -> Option<Self> {
        let path = std::env::current_exe().ok()?;
        let build = Build::of(path.strip_prefix(workspace.target_directory()).ok()?)?;
        workspace.program(&build.bin)?;
        Some(Self { running: modified(&path), path, build })
    }

    /// The name of what is built.
    pub(super) fn name(&self) -> &str {
        &self.build.bin
    }

    /// Builds it, and says whether there is another one now than the one that runs. This blocks until the
    /// build is over.
    ///
    /// # Errors
    ///
    /// The build fails; the error has what the compiler said.
    pub(super) fn build(&self, workspace: &Workspace) -> anyhow::Result<bool> {
        let Build { bin, profile, target } = &self.build;
        let mut command = cargo::native(workspace.root());
        command.args(["build", "--quiet", "--bin", bin, "--profile", profile]);
        command.args(target.iter().flat_map(|target| ["--target", target]));
        let package = workspace.program(bin).context("its package is gone")?;
        command.arg("--manifest-path").arg(&package.manifest_path);
        let built = command.output().map_err(|error| cargo::missing(&error, "cargo"))?;
        if !built.status.success() {
            let said = String::from_utf8_lossy(&built.stderr);
            bail!("the build of {bin} failed:\n{}", said.trim_end());
        }
        Ok(modified(&self.path) != self.running)
    }

    /// Starts it in the place of this process, with the same arguments. Comes back only where that is not
    /// possible, and says why.
    #[cfg(unix)]
    pub(super) fn take_over(&self) -> anyhow::Error {
        use std::os::unix::process::CommandExt as _;
        let mut command = std::process::Command::new(&self.path);
        let error = command.args(std::env::args_os().skip(1)).exec();
        anyhow::Error::from(error).context(format!("cannot start {}", self.path.display()))
    }

    /// As above; a process cannot be replaced on this system.
    #[cfg(not(unix))]
    pub(super) fn take_over(&self) -> anyhow::Error {
        anyhow::anyhow!("{} was built again: start it again", self.path.display())
    }
}

impl Build {
    /// How a program was built that lies here in the target directory: in the directory of its profile,
    /// perhaps in that of its target.
    fn of(path: &Path) -> Option<Self> {
        let parts: Vec<_> = path.iter().map(OsStr::to_str).collect::<Option<_>>()?;
        let (target, directory, file) = match parts[..] {
            [profile, file] => (None, profile, file),
            [target, profile, file] => (Some(target.to_owned()), profile, file),
            _ => return None,
        };
        let profile = if directory == "debug" { "dev" } else { directory }.to_owned();
        let bin = file.strip_suffix(std::env::consts::EXE_SUFFIX)?.to_owned();
        Some(Self { bin, profile, target })
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|file| file.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn where_a_program_lies_says_how_it_was_built() {
        let build = |bin: &str, profile: &str, target: Option<&str>| Build {
            bin: bin.into(),
            profile: profile.into(),
            target: target.map(Into::into),
        };
        for (path, expected) in [
            ("debug/hello", Some(build("hello", "dev", None))),
            ("release/hello", Some(build("hello", "release", None))),
            ("quick/hello", Some(build("hello", "quick", None))),
            (
                "aarch64-unknown-linux-gnu/debug/hello",
                Some(build("hello", "dev", Some("aarch64-unknown-linux-gnu"))),
            ),
            ("hello", None),
            ("debug/deps/a/hello", None),
        ] {
            assert_eq!(Build::of(Path::new(path)), expected, "{path}");
        }
    }
}

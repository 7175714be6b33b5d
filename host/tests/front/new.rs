//! What a new crate promises: it is tested, built and run at once, and `dev` follows each change of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Process, end, segno};
use crate::support::manifest;

/// A crate that was just made, outside of any workspace, with the versions that the repository has.
struct Crate {
    root: TempDir,
}

impl Crate {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let clone = repository();
        let mut command = segno();
        command.args(["new", "first-day", "--from-clone"]).arg(&clone).current_dir(root.path());
        let (code, said, error) = end(&mut command);
        assert_eq!(code, Some(0), "{error}");
        assert!(said.contains("cargo run -- dev"), "{said}");
        let made = Self { root };
        std::fs::copy(clone.join("Cargo.lock"), made.path("Cargo.lock")).unwrap();
        made
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root.path().join("first-day").join(file)
    }

    /// Changes a text in the sources.
    fn change(&self, from: &str, to: &str) {
        let source = self.path("src/lib.rs");
        let text = std::fs::read_to_string(&source).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(source, text.replace(from, to)).unwrap();
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path(""));
        // Of its own: what the repository has built is of other features and another profile.
        command.env("CARGO_TARGET_DIR", target());
        for (name, _) in std::env::vars_os() {
            let said = name.to_string_lossy();
            if said.starts_with("CARGO_PKG_") || said.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command.stdin(Stdio::null());
        command
    }

    /// Starts `dev`, as the program that `cargo run` starts.
    fn dev(&self) -> Process {
        let mut command = self.command(target().join("debug/first-day"));
        command.arg("dev").arg("--data").arg(self.path("data"));
        command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
        Process::start(&mut command)
    }

    fn letters(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("outbox")).unwrap();
        let letter = |entry: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(entry.unwrap().path()).unwrap()
        };
        let mut letters: Vec<_> = entries.map(letter).collect();
        letters.sort();
        letters
    }
}

fn repository() -> PathBuf {
    manifest().canonicalize().unwrap().parent().unwrap().to_owned()
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-day")
}

fn welcome(host: &Process, name: &str) -> Value {
    let input = format!("{name:?}");
    let said = host.must(&["start", "welcome", "--input", &input, "--wait=60s", "--json"]);
    serde_json::from_str(&said).unwrap()
}

#[test]
fn a_new_crate_is_tested_built_and_run_and_follows_each_change() {
    let made = Crate::new();
    let tested = made.command(env!("CARGO")).arg("test").output().unwrap();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
    made.change("30 seconds", "1 second");
    let built = made.command(env!("CARGO")).arg("build").output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let mut host = made.dev();
    assert_eq!(host.next()["workflows"][0], "welcome");
    assert_eq!(welcome(&host, "Ada")["output"], "Ada has two letters");
    assert_eq!(made.letters(), ["To Ada: How is it going?\n", "To Ada: Welcome!\n"]);

    // The body of a step is native code: the host is built again and takes its own place.
    made.change("To {to}: {text}", "Dear {to}: {text}");
    host.ready_again();
    while host.next().get("workflows").is_none() {}
    assert_eq!(welcome(&host, "Grace")["output"], "Grace has two letters");
    let letters = made.letters();
    assert!(letters.contains(&"Dear Grace: Welcome!\n".to_owned()), "{letters:?}");

    // A mistake leaves what runs.
    made.change("Ok(())", "Ok(1)");
    host.hear("what was deployed before stays");
    assert_eq!(welcome(&host, "Alan")["output"], "Alan has two letters");
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn a_name_that_cannot_be_is_refused_and_nothing_is_made() {
    let root = TempDir::new().unwrap();
    std::fs::create_dir(root.path().join("taken")).unwrap();
    std::fs::write(root.path().join("taken/file"), "").unwrap();
    for (name, code, said) in [
        ("1st", 2, "cannot be the name of a crate"),
        ("async", 2, "is a word of Rust"),
        ("taken", 1, "is not empty"),
    ] {
        let (ended, _, error) = end(segno().args(["new", name]).current_dir(root.path()));
        assert!(ended == Some(code) && error.contains(said), "{name}: {error}");
    }
    let (ended, _, error) =
        end(segno().args(["new", "a", "--from-clone", "."]).current_dir(root.path()));
    assert!(ended == Some(1) && error.contains("is no clone of Segno"), "{error}");
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
}

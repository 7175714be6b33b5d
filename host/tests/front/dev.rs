//! What `dev` promises: a change is deployed, and a mistake leaves what was deployed before.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Process, segno};
use crate::support::manifest;

/// A crate with one workflow, in a workspace of its own.
fn workspace(root: &Path) {
    let repository = manifest().canonicalize().unwrap().parent().unwrap().to_owned();
    let sdk = repository.join("guest-sdk");
    let toml = format!(
        r#"
[package]
name = "guest-changing"
version = "0.1.0"
edition = "2024"

[lib]
crate-type = ["cdylib", "rlib"]

[dependencies]
segno = {{ path = {sdk:?} }}

[workspace]

# As the repository has it: what is compiled otherwise is compiled again.
[profile.release]
strip = true
"#
    );
    std::fs::write(root.join("Cargo.toml"), toml).unwrap();
    // The versions that the repository has: nothing is looked up, and what is built is built once.
    std::fs::copy(repository.join("Cargo.lock"), root.join("Cargo.lock")).unwrap();
    std::fs::create_dir(root.join("src")).unwrap();
}

fn write(root: &Path, expression: &str) {
    let source = format!(
        "//! Changes.\n\n/// Says which one it is.\n#[segno::workflow]\npub async fn which() -> Result<String, \
         segno::Error> {{\n    Ok({expression})\n}}\n\nsegno::export!(which);\n"
    );
    std::fs::write(root.join("src/lib.rs"), source).unwrap();
}

fn which(host: &Process) -> String {
    let output =
        segno().args(["start", "which", "--wait", "--json", "--url", &host.url]).output().unwrap();
    let view: Value = serde_json::from_slice(&output.stdout).unwrap();
    view["output"].as_str().unwrap().to_owned()
}

#[test]
fn a_change_is_deployed_and_a_mistake_leaves_what_was_there() {
    let root = TempDir::new().unwrap();
    workspace(root.path());
    write(root.path(), "\"first\".to_owned()");
    let target = manifest().canonicalize().unwrap().parent().unwrap().join("target");
    let mut command = segno();
    command.arg("dev").current_dir(root.path()).env("CARGO_TARGET_DIR", target);
    command.arg("--data").arg(root.path().join("data"));
    let mut host = Process::start(&mut command);
    assert_eq!(host.next()["workflows"][0], "which");
    assert_eq!(which(&host), "first");

    write(root.path(), "1");
    host.hear("what was deployed before stays");
    assert_eq!(which(&host), "first");

    write(root.path(), "\"second\".to_owned()");
    assert_eq!(host.next()["unchanged"], false);
    assert_eq!(which(&host), "second");
    assert_eq!(host.terminate(), Some(0));
}

//! The binary as a process: a command that ends, or a host that runs.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::manifest;

/// The stock binary, without what the environment of the test says to it.
pub(crate) fn segno() -> Command {
    by_itself(Command::new(env!("CARGO_BIN_EXE_segno")))
}

/// As [`segno`], with the steps of `guest-basics`: without them, its workflows are not started.
pub(crate) fn with_steps() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    by_itself(Command::new(PROGRAM.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--locked", "--workspace", "--example", "basics", "--manifest-path"]);
        assert!(build.arg(manifest()).status().unwrap().success());
        Path::new(env!("CARGO_BIN_EXE_segno")).with_file_name("examples").join("basics")
    })))
}

fn by_itself(mut command: Command) -> Command {
    for name in [
        "SEGNO_URL",
        "SEGNO_TOKEN",
        "SEGNO_TOKEN_FILE",
        "SEGNO_DATA",
        "SEGNO_PUBLIC_URL",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    // Where hosts say where their tokens are, as in a home that all these tests share.
    command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command.stdin(Stdio::null());
    command
}

/// How a process ended, and what it printed.
pub(crate) fn end(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A host in a process of its own.
pub(crate) struct Process {
    child: Child,
    /// What it prints, line by line.
    lines: Lines<BufReader<ChildStdout>>,
    /// What it says beside that, line by line.
    notes: Lines<BufReader<ChildStderr>>,
    pub(crate) url: String,
    /// Where its tokens are, if they are in a file.
    pub(crate) token_file: Option<PathBuf>,
}

impl Process {
    /// Starts a host that prints JSON, and waits until it is ready.
    pub(crate) fn start(command: &mut Command) -> Self {
        command.args(["--listen", "127.0.0.1:0", "--webhook-listen", "127.0.0.1:0", "--json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut notes = BufReader::new(child.stderr.take().unwrap()).lines();
        let Some(ready) = lines.next() else {
            panic!("the host did not start: {:?}", notes.next());
        };
        let ready: Value = serde_json::from_str(&ready.unwrap()).unwrap();
        let url = ready["management"].as_str().unwrap().to_owned();
        let token_file = ready["token_file"].as_str().map(PathBuf::from);
        Self { child, lines, notes, url, token_file }
    }

    /// The next value that the host prints.
    pub(crate) fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }

    /// Waits until the host has started itself again, and is ready elsewhere.
    pub(crate) fn ready_again(&mut self) {
        let ready =
            std::iter::repeat_with(|| self.next()).find(|said| said["management"].is_string());
        let ready = ready.expect("it goes on until it is found");
        ready["management"].as_str().expect("it is a text").clone_into(&mut self.url);
    }

    /// Reads what the host says until it says this, and gives that line.
    pub(crate) fn hear(&mut self, words: &str) -> String {
        let line = self.notes.by_ref().map(Result::unwrap).find(|line| line.contains(words));
        line.unwrap_or_else(|| panic!("the host never said `{words}`"))
    }

    pub(crate) fn serve(data: &Path) -> Self {
        Self::start(with_steps().arg("serve").arg("--data").arg(data))
    }

    /// Runs a command against the host.
    pub(crate) fn ask(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        end(segno().args(arguments).args(["--url", &self.url]))
    }

    /// As [`ask`](Self::ask), where it has to succeed; what it printed.
    pub(crate) fn must(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = self.ask(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {stdout}{stderr}");
        stdout
    }

    /// Asks the host to stop, and gives its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! Where an incident happens: a directory with a host, and a shell in which `segno` is that host's
//! command line.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program that is both host and command line here.
const SEGNO: &str = env!("CARGO_BIN_EXE_drill");

/// A directory, a host, and the words of the document that stand for something else each time.
pub(crate) struct Stage {
    directory: TempDir,
    host: Option<Child>,
    url: String,
    /// A word, such as `RUN`, and what it stands for.
    words: BTreeMap<&'static str, String>,
}

impl Stage {
    /// A host with the data directory `data`, on which nothing is deployed.
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        fs::create_dir(directory.path().join("bin")).expect("it is empty");
        for name in ["segno", "segno-of-last-week"] {
            std::os::unix::fs::symlink(SEGNO, directory.path().join("bin").join(name))
                .expect("it is empty");
        }
        let mut stage = Self { directory, host: None, url: String::new(), words: BTreeMap::new() };
        stage.serve("segno serve --data data");
        stage
    }

    /// The path of a file in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// From now on a word of the document stands for this.
    pub(crate) fn call(&mut self, word: &'static str, meaning: impl Into<String>) {
        self.words.insert(word, meaning.into());
    }

    /// Runs a command of the document, and gives what it printed as the document would have it.
    pub(crate) fn run(&mut self, command: &str) -> String {
        let command = self.meant(command);
        if command.starts_with("segno serve") {
            let said = self.serve_again(&command);
            return self.shown(&said);
        }
        let output = self.shell(&command).output().expect("there is a shell");
        let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
        printed.push_str(&String::from_utf8_lossy(&output.stderr));
        if let Some(code) = output.status.code().filter(|code| *code != 0) {
            printed.push_str(&format!("exit code {code}\n"));
        }
        self.shown(&printed)
    }

    /// What a command that must succeed prints, as JSON.
    pub(crate) fn json(&self, command: &str) -> Value {
        let output = self.shell(&self.meant(command)).output().expect("there is a shell");
        let printed = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&printed).unwrap_or_else(|_| {
            panic!("{command}: {printed}{}", String::from_utf8_lossy(&output.stderr))
        })
    }

    /// The digest of a component in the directory.
    pub(crate) fn digest(&self, file: &str) -> String {
        let output = self.shell(&format!("sha256sum {file}")).output().expect("there is a shell");
        let printed = String::from_utf8_lossy(&output.stdout);
        format!("sha256:{}", printed.split_whitespace().next().expect("it says the digest"))
    }

    /// Starts a run, which has this word from now on.
    pub(crate) fn start(&mut self, word: &'static str, workflow: &str, input: &str) {
        let started = self.json(&format!("segno start {workflow} --input '{input}' --json"));
        self.call(word, started["run_id"].as_str().expect("a start names its run"));
    }

    /// Looks at a run until it is as it shall be.
    pub(crate) fn until(&self, word: &str, is_so: impl Fn(&Value) -> bool) {
        let begun = std::time::Instant::now();
        loop {
            let run = self.json(&format!("segno run {word} --json"));
            if is_so(&run) {
                return;
            }
            assert!(begun.elapsed().as_secs() < 60, "it does not come to this: {run}");
        }
    }

    /// The number of the process of the host.
    pub(crate) fn host(&self) -> u32 {
        self.host.as_ref().expect("the host runs").id()
    }

    /// Stops the host, as a failure of power would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut host) = self.host.take() {
            // It may be gone already.
            let _gone = host.kill();
            host.wait().expect("it is a child");
        }
    }

    /// Puts a program where the shell finds it.
    pub(crate) fn program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path("bin").join(name);
        fs::write(&path, script).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }

    /// Starts the host in place of the one that runs.
    pub(crate) fn serve(&mut self, command: &str) {
        let said = self.serve_again(command);
        assert!(said.contains("is ready"), "{said}");
    }

    /// Starts the host in place of the one that runs, and gives its first line.
    fn serve_again(&mut self, command: &str) -> String {
        self.kill();
        let command = format!("exec {command} --listen 127.0.0.1:0 --webhook-listen 127.0.0.1:0");
        let log = fs::File::create(self.path("log")).expect("the directory can be written");
        let mut host = self
            .shell(&command)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("there is a shell");
        let output = host.stdout.take().expect("its output is piped");
        let said = BufReader::new(output).lines().next().and_then(Result::ok).unwrap_or_default();
        if let Some((_, rest)) = said.split_once("management API at ") {
            self.url = rest.split(',').next().unwrap_or_default().to_owned();
        }
        self.host = Some(host);
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        if said.is_empty() { log } else { format!("{said}\n") }
    }

    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        // What is asked for by its name is found here first.
        let command = format!("PATH={}:$PATH; {command}", self.path("bin").display());
        shell
            .args(["-c", &command])
            .current_dir(self.directory.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("SEGNO_URL", &self.url)
            .env("SEGNO_TOKEN", "a-token-for-the-drill")
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null());
        shell
    }

    /// A text of the document, with what its words stand for.
    fn meant(&self, text: &str) -> String {
        self.words
            .iter()
            .rev()
            .fold(text.to_owned(), |text, (word, meaning)| text.replace(word, meaning))
    }

    /// What was printed, in the words of the document.
    fn shown(&self, text: &str) -> String {
        let directory = self.directory.path();
        let text = text.replace(&self.url, "http://127.0.0.1:7878");
        let text =
            self.words.iter().fold(text, |text, (word, meaning)| text.replace(meaning, word));
        without(directory, &text)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The text without the way to a directory that nobody else has.
fn without(directory: &Path, text: &str) -> String {
    text.replace(&format!("{}/", directory.display()), "")
        .lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

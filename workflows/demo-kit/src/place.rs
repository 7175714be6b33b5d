//! Where a demo keeps everything: the host's journal, what the other side remembers, and what must stay
//! the same when it is started again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use rand::RngExt as _;
use segno_host::cli::{ServeOptions, Server};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// Ports that the system does not hand out by itself to others.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// How many of them are tried.
const TRIES: usize = 100;

/// What must stay the same when a demo is started again.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Kept {
    seed: u64,
    /// A part of the webhook URL that the other side knows.
    webhook_port: u16,
    /// Where commands find the host.
    management_port: u16,
}

/// The data directory of a demo.
#[derive(Debug)]
pub struct Place {
    package: &'static str,
    directory: PathBuf,
    kept: Kept,
    is_new: bool,
    temporary: Option<TempDir>,
}

impl Place {
    /// Opens the directory, or a new one, and reads what it keeps; a new one keeps the seed, and the usual
    /// ports where they are wanted and free.
    ///
    /// # Errors
    /// If the directory cannot be used, or is something else.
    pub fn open(
        package: &'static str,
        directory: Option<&Path>,
        seed: u64,
        are_usual: bool,
    ) -> anyhow::Result<Self> {
        let (directory, temporary) = match directory {
            Some(directory) => (directory.to_owned(), None),
            None => {
                let temporary = TempDir::with_prefix(format!("{package}-"))
                    .context("cannot make a directory")?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("cannot make the directory {}", directory.display()))?;
        let file = directory.join("demo.json");
        let known = known(&file)?;
        let kept = match known {
            Some(kept) => kept,
            None => keep(&file, Kept::new(seed, are_usual)?)?,
        };
        Ok(Self { package, directory, kept, is_new: known.is_none(), temporary })
    }

    /// The seed of this place.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.kept.seed
    }

    /// Where the host receives webhooks.
    #[must_use]
    pub const fn webhook_port(&self) -> u16 {
        self.kept.webhook_port
    }

    /// Where the host's management API listens.
    #[must_use]
    pub const fn management_port(&self) -> u16 {
        self.kept.management_port
    }

    /// The host's data directory.
    #[must_use]
    pub fn host(&self) -> PathBuf {
        self.join("host")
    }

    /// A file or a directory in it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// True if no demo was here before.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// What a reader should know of a demo that runs.
    #[must_use]
    pub fn describe(&self, server: &Server) -> String {
        let all = self.directory.display();
        let host = self.host();
        let url = match server.management_addr() {
            ServeOptions::DEFAULT_LISTEN => String::new(),
            other => format!("--url http://{other} "),
        };
        let page = server.page_link().map(|link| format!("; the page is at {link}"));
        format!(
            "data in {all}; `cargo run --release -p {} -- runs {url}--data {}` lists the runs{}",
            self.package,
            host.display(),
            page.unwrap_or_default()
        )
    }

    /// Ends the demo. A temporary directory is removed, unless there is something to look into.
    #[must_use]
    pub fn close(self, agrees: bool) -> ExitCode {
        if agrees {
            return ExitCode::SUCCESS;
        }
        // Dropping a path that was taken from its guard removes nothing.
        let _ = self.temporary.map(TempDir::keep);
        ExitCode::FAILURE
    }
}

impl Kept {
    fn new(seed: u64, are_usual: bool) -> anyhow::Result<Self> {
        let usual = |address| Some(address).filter(|_| are_usual);
        let webhook_port = port(usual(ServeOptions::DEFAULT_WEBHOOK_LISTEN))?;
        let management_port = port(usual(ServeOptions::DEFAULT_LISTEN))?;
        Ok(Self { seed, webhook_port, management_port })
    }
}

/// What the file keeps, if it is there.
fn known(file: &Path) -> anyhow::Result<Option<Kept>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(serde_json::from_str(&text).with_context(|| {
            format!("{} is not of a demo; choose another --data directory", file.display())
        })?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// Writes what is kept: whole or not at all, however the process ends.
fn keep(file: &Path, kept: Kept) -> anyhow::Result<Kept> {
    let part = file.with_extension("part");
    std::fs::write(&part, serde_json::to_string(&kept)?)
        .and_then(|()| std::fs::rename(&part, file))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(kept)
}

/// The usual port, which commands need not be told, or another one where it is taken or not wanted.
fn port(usual: Option<SocketAddr>) -> anyhow::Result<u16> {
    let mut random = rand::rng();
    let others = (0..TRIES).map(|_| random.random_range(PORTS));
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    usual
        .map(|usual| usual.port())
        .into_iter()
        .chain(others)
        .find(is_free)
        .context("there is no free port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_keeps_its_seed_and_its_port() {
        let directory = tempfile::tempdir().unwrap();
        let first = Place::open("demo", Some(directory.path()), 5, false).unwrap();
        let again = Place::open("demo", Some(directory.path()), 6, false).unwrap();
        assert_eq!((again.seed(), again.webhook_port()), (5, first.webhook_port()));
        assert_eq!(again.management_port(), first.management_port());
        assert!(first.is_new && !again.is_new);
    }

    #[test]
    fn a_directory_that_is_something_else_is_named() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("demo.json"), "[]").unwrap();
        let message =
            Place::open("demo", Some(directory.path()), 1, false).unwrap_err().to_string();
        assert!(
            message.ends_with("is not of a demo; choose another --data directory"),
            "{message}"
        );
    }
}

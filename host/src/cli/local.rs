//! Where the hosts of this user on this machine say where their tokens are, so that `segno start` in
//! one terminal finds the host that `segno dev` runs in another.
//!
//! For each port of a management API there is a file that names a file of tokens. What it names is
//! sent to whoever listens on that port of a loopback address, so a host takes its file away when it
//! ends.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use reqwest::Url;

use crate::cli::token::private_directory;

/// What a host says of itself while it runs. Taken back when it is dropped.
#[derive(Debug)]
pub(super) struct Registered {
    file: PathBuf,
    named: String,
}

/// Says where the tokens of the host are whose management API is at this port. Nothing depends on it:
/// where it cannot be said, clients are given their token.
pub(super) fn register(port: u16, tokens: &Path) -> Option<Registered> {
    register_in(&directory()?, port, tokens)
        .inspect_err(
            |error| tracing::debug!(%error, "clients on this machine are not told where the token is"),
        )
        .ok()
}

/// Where the tokens of the host are that a URL leads to, if it is one of this user on this machine.
pub(super) fn tokens_of(url: &Url) -> Option<PathBuf> {
    tokens_in(&directory()?, url)
}

/// True if a URL leads to this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    })
}

fn register_in(directory: &Path, port: u16, tokens: &Path) -> std::io::Result<Registered> {
    let tokens = std::path::absolute(tokens)?;
    let named = tokens.to_str().ok_or(std::io::ErrorKind::InvalidFilename)?.to_owned();
    private_directory(directory)?;
    let file = directory.join(port.to_string());
    let mut part = tempfile::NamedTempFile::new_in(directory)?;
    part.write_all(named.as_bytes())?;
    part.persist(&file).map_err(|error| error.error)?;
    Ok(Registered { file, named })
}

fn tokens_in(directory: &Path, url: &Url) -> Option<PathBuf> {
    if !is_loopback(url) {
        return None;
    }
    let file = directory.join(url.port_or_known_default()?.to_string());
    Some(PathBuf::from(fs::read_to_string(file).ok()?))
}

impl Drop for Registered {
    fn drop(&mut self) {
        // Another host may have the port by now.
        if fs::read_to_string(&self.file).is_ok_and(|named| named == self.named) {
            let _ = fs::remove_file(&self.file);
        }
    }
}

/// The directory for what a program keeps of a user between two starts and that no other user sees.
#[expect(clippy::disallowed_methods, reason = "where a user's files are is said nowhere else")]
fn directory() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = set("XDG_STATE_HOME").or_else(|| set("LOCALAPPDATA"));
    let state = state.or_else(|| Some(std::env::home_dir()?.join(".local").join("state")))?;
    Some(state.join("segno").join("hosts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_by_its_port_as_long_as_it_runs() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("hosts");
        let found = |url: &str| tokens_in(&directory, &url.parse().unwrap());
        assert_eq!(found("http://127.0.0.1:7878"), None);
        let first = register_in(&directory, 7878, Path::new("/one/token")).unwrap();
        for url in ["http://127.0.0.1:7878", "http://localhost:7878/x", "http://[::1]:7878"] {
            assert_eq!(found(url), Some("/one/token".into()), "{url}");
        }
        for url in ["http://127.0.0.1:7879", "http://example.org:7878", "http://10.0.0.1:7878"] {
            assert_eq!(found(url), None, "{url}");
        }
        let second = register_in(&directory, 7878, Path::new("/two/token")).unwrap();
        drop(first);
        assert_eq!(found("http://127.0.0.1:7878"), Some("/two/token".into()));
        drop(second);
        assert_eq!(found("http://127.0.0.1:7878"), None);
    }
}

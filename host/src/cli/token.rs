//! The file with the tokens of a host: made at the first start, found by the clients on this machine,
//! and read again when it changes.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use crate::doors::{Keyring, Token, Tokens};
use crate::engine::Random;

/// What the file is called in a data directory.
const NAME: &str = "token";

/// What a file of tokens may have, in bytes: many times what the most tokens take.
const MAX_FILE: u64 = 64 << 10;

/// How often is looked whether the tokens were changed.
const LOOK: Duration = Duration::from_secs(1);

/// Where the tokens of a host on this data directory are, if nothing else was said.
pub(super) fn beside(data: &Path) -> PathBuf {
    data.join(NAME)
}

/// Makes a file with a token that nobody else knows, unless there is one. It is whole when it gets
/// its name, and only its owner can read it, whatever the process lets others do otherwise.
pub(super) fn make(file: &Path) -> anyhow::Result<()> {
    make_with(file, "a token", || Random::System.secret())
}

/// Makes a file with something secret, in the same way.
pub(super) fn make_with(
    file: &Path,
    what: &str,
    secret: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    if file.try_exists().unwrap_or(false) {
        return Ok(());
    }
    let directory = file.parent().unwrap_or_else(|| Path::new("."));
    private_directory(directory)
        .with_context(|| format!("the data directory {} cannot be used", directory.display()))?;
    let written = write(directory, file, &secret());
    written.with_context(|| format!("cannot write {what} into {}", file.display()))
}

fn write(directory: &Path, file: &Path, secret: &str) -> std::io::Result<()> {
    let mut part = tempfile::NamedTempFile::new_in(directory)?;
    writeln!(part, "{secret}")?;
    part.as_file().sync_all()?;
    match part.persist_noclobber(file) {
        // Another process was first.
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.error),
        Ok(_) => Ok(()),
    }
}

/// Makes a directory that nobody else can look into, unless it is there.
pub(super) fn private_directory(directory: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// The tokens in a file.
pub(super) fn read(file: &Path) -> anyhow::Result<Tokens> {
    let context = || format!("the token file {} cannot be used", file.display());
    text(file).with_context(context)?.parse().with_context(context)
}

/// The token that a client uses which is given this file.
pub(super) fn read_first(file: &Path) -> anyhow::Result<Token> {
    Ok(read(file)?.first().clone())
}

fn text(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let size = fs::File::open(file)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    // Cut, it might have half a token at its end.
    if size as u64 > MAX_FILE { Err(ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

/// Looks for ever whether the file was changed, and lets its tokens open the door from then on. A file
/// that cannot be used changes nothing, and is told of once.
pub(super) async fn follow(file: PathBuf, keyring: Keyring) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = text(&file).map_err(|error| error.kind());
    loop {
        look.tick().await;
        let found = text(&file).map_err(|error| error.kind());
        if found == known {
            continue;
        }
        match read(&file) {
            Ok(tokens) => {
                keyring.replace(&tokens);
                info!(file = %file.display(), "the tokens were changed");
            }
            Err(error) => warn!("{error:#}; the tokens stay as they were"),
        }
        known = found;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = beside(&directory.path().join("data"));
        make(&file).unwrap();
        let made = text(&file).unwrap();
        assert_eq!(made.trim().len(), 64, "{made}");
        make(&file).unwrap();
        assert_eq!(text(&file).unwrap(), made);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&file), 0o600);
            assert_eq!(mode(file.parent().unwrap()), 0o700);
        }
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tokens");
        let missing = read_first(&file).unwrap_err();
        let start = format!("the token file {} cannot be used: ", file.display());
        assert!(format!("{missing:#}").starts_with(&start), "{missing:#}");
        fs::write(&file, "a read").unwrap();
        let bad = format!("{:#}", read(&file).unwrap_err());
        assert!(bad.starts_with(&format!("{start}line 1 is not")), "{bad}");
    }
}

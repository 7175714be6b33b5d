//! Making a new store: whole, or not at all.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use crate::store::error::{LogTrouble, StoreError};
use crate::store::keyspace::{Keyspace, log_paths};
use crate::store::place::{At, FILE, unusable};
use crate::store::{format, private};

/// What the name of a store ends with while it is made.
const UNFINISHED: &str = ".new";

/// Makes a store where there is none. It gets its name when it is whole: a file that a crash left half
/// made could not be told from one that was damaged later, and would have to be refused.
pub(super) fn make_if_missing(directory: &Path) -> Result<(), StoreError> {
    let unusable = |error: Error| unusable(directory, &error);
    let path = directory.join(FILE);
    if path.try_exists().map_err(unusable)? {
        return Ok(());
    }
    // It may be all that is left.
    for path in log_paths(directory) {
        if path.metadata().is_ok_and(|log| log.len() > 0) {
            let path = path.display().to_string();
            return Err(StoreError::Log { path, trouble: LogTrouble::WithoutStore });
        }
    }
    let unfinished = directory.join(format!("{FILE}.{}{UNFINISHED}", std::process::id()));
    forget(&unfinished).map_err(unusable)?;
    let file = private::new_file(&unfinished).map_err(unusable)?;
    let at = At { directory, path: &unfinished };
    drop(format::prepare(Keyspace::create(at, file)?)?);
    give_name(&unfinished, &path).map_err(unusable)?;
    forget(&unfinished).map_err(unusable)?;
    sync_directory(directory).map_err(unusable)
}

/// Opens the segments of the log, and makes those that are not there: whether they should be is for the
/// store to say. Gives those that were made as well, for [`forget_empty`].
pub(super) fn open_log(directory: &Path) -> Result<([File; 2], Vec<PathBuf>), StoreError> {
    let unusable = |error: Error| unusable(directory, &error);
    let mut made = Vec::new();
    let [first, second] = log_paths(directory).map(|path| match private::open_file(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let file = private::new_file(&path);
            made.push(path);
            file
        }
        opened => opened,
    });
    let log = [first.map_err(unusable)?, second.map_err(unusable)?];
    // Whoever made them, or put them there, may not have done so.
    sync_directory(directory).map_err(unusable)?;
    Ok((log, made))
}

/// Forgets files that were made in vain: who puts back what is missing finds the place free.
pub(super) fn forget_empty(made: &[PathBuf]) {
    let is_empty = |path: &&PathBuf| path.metadata().is_ok_and(|file| file.len() == 0);
    for path in made.iter().filter(is_empty) {
        if let Err(error) = forget(path) {
            tracing::warn!(path = %path.display(), %error, "an empty file cannot be removed");
        }
    }
}

/// On disk is a file only when its directory says so.
fn sync_directory(directory: &Path) -> Result<(), Error> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Unlike a renamed file, a link never takes the place of a store that another process made in the
/// meantime.
fn give_name(unfinished: &Path, path: &Path) -> Result<(), Error> {
    match std::fs::hard_link(unfinished, path) {
        Err(_) if path.exists() => Ok(()),
        // Some file systems have no links.
        Err(_) => std::fs::rename(unfinished, path),
        linked => linked,
    }
}

/// Forgets the stores that crashes left half made: to be called by who has the lock of the whole one.
pub(super) fn forget_unfinished(directory: &Path) {
    let is_unfinished = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(FILE) && name.ends_with(UNFINISHED)
    };
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(is_unfinished) {
        if let Err(error) = forget(&path) {
            tracing::warn!(path = %path.display(), %error, "a half made store cannot be removed");
        }
    }
}

fn forget(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

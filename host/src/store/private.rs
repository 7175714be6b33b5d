//! Files that are nobody else's: the store holds all inputs and outputs, the headers of webhook calls
//! and the tokens of webhooks in plain text.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Result;
use std::path::Path;

/// Who owns it may read, write and enter; nobody else may do anything.
#[cfg(unix)]
const OWNER_ONLY_DIRECTORY: u32 = 0o700;

/// Who owns it may read and write; nobody else may do anything.
#[cfg(unix)]
const OWNER_ONLY_FILE: u32 = 0o600;

/// What those have who are not the owner.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// A directory such as `/tmp`, which is there for all users. It is not ours to close.
#[cfg(unix)]
const SHARED: u32 = 0o1000;

/// Makes a directory that only its owner may enter, with what leads to it, or closes one that is there
/// to all others. One that cannot be closed is used as it is, with a warning.
///
/// # Errors
///
/// The directory cannot be made.
pub(crate) fn directory(path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, OWNER_ONLY_DIRECTORY);
    match builder.create(path) {
        Err(_) if path.is_dir() => close_to_others(path),
        made => return made,
    }
    Ok(())
}

/// Makes a file that only its owner may read, and that is not there yet.
pub(super) fn new_file(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY_FILE);
    options.open(path)
}

/// Opens a file that is there, and closes it to all others.
pub(super) fn open_file(path: &Path) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    close_to_others(path);
    Ok(file)
}

#[cfg(unix)]
fn close_to_others(path: &Path) {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    let Ok(metadata) = path.metadata() else { return };
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & OTHERS == 0 {
        return;
    }
    let shown = path.display();
    if mode & SHARED != 0 {
        tracing::warn!(path = %shown, mode = %format_args!("{mode:o}"),
            "the directory is shared by all users; use one that is the host's alone");
        return;
    }
    let owner_only = if metadata.is_dir() { OWNER_ONLY_DIRECTORY } else { OWNER_ONLY_FILE };
    match std::fs::set_permissions(path, Permissions::from_mode(owner_only)) {
        Ok(()) => tracing::warn!(path = %shown, was = %format_args!("{mode:o}"),
            "it was open to other users of this machine; now it is not"),
        Err(error) => tracing::warn!(path = %shown, mode = %format_args!("{mode:o}"), %error,
            "it is open to other users of this machine, and cannot be closed to them"),
    }
}

/// Who may read what is decided elsewhere on this system.
#[cfg(not(unix))]
fn close_to_others(_path: &Path) {}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("it is there").permissions().mode() & 0o7777
    }

    #[test]
    fn what_is_made_is_for_its_owner_only() {
        let parent = TempDir::new().expect("a temporary directory");
        let made = parent.path().join("a").join("data");
        directory(&made).expect("it can be made");
        new_file(&made.join("file")).expect("it can be made");
        assert_eq!((mode(&made), mode(&made.join("file"))), (0o700, 0o600));
    }

    #[test]
    fn what_is_there_and_open_to_others_is_closed_to_them() {
        let made = TempDir::new().expect("a temporary directory");
        let file = made.path().join("file");
        std::fs::write(&file, "").expect("it can be written");
        for (path, wide) in [(made.path(), 0o2755), (&file, 0o664)] {
            std::fs::set_permissions(path, Permissions::from_mode(wide)).expect("it is ours");
        }
        directory(made.path()).expect("it is there");
        open_file(&file).expect("it is there");
        assert_eq!((mode(made.path()), mode(&file)), (0o700, 0o600));
    }

    #[test]
    fn a_directory_of_all_users_stays_theirs() {
        let shared = TempDir::new().expect("a temporary directory");
        std::fs::set_permissions(shared.path(), Permissions::from_mode(0o1777))
            .expect("it is ours");
        directory(shared.path()).expect("it is there");
        assert_eq!(mode(shared.path()), 0o1777);
    }

    #[test]
    fn a_file_is_no_directory() {
        let parent = TempDir::new().expect("a temporary directory");
        let file = parent.path().join("file");
        std::fs::write(&file, "").expect("it can be written");
        assert!(directory(&file).is_err());
    }
}

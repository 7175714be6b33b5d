//! Whether a disk takes what is written.

use std::io::{Error, Write};
use std::path::Path;

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::place::unusable;
use crate::store::private;

/// How much is written to find out, in bytes: a store that opens may still not grow. Enough for what a
/// busy host writes in its first moments.
const PROBE: usize = 8 << 20;

/// How much is written at once.
const CHUNK: usize = 256 << 10;

/// The name of the file that is written, and removed.
const FILE: &str = "segno.probe";

impl Store {
    /// Writes some megabytes to the data directory, waits until they are on the disk, and removes them.
    ///
    /// # Errors
    ///
    /// The disk does not take them.
    pub fn probe(directory: &Path) -> Result<(), StoreError> {
        let path = directory.join(FILE);
        // A crash may have left it.
        let _missing = std::fs::remove_file(&path);
        let written = write(&path);
        let removed = std::fs::remove_file(&path);
        written.and(removed).map_err(|error| unusable(directory, &error))
    }
}

/// Writes bytes that no file system leaves out or makes smaller.
fn write(path: &Path) -> Result<(), Error> {
    let mut file = private::new_file(path)?;
    let mut state = 1_u32;
    let mut chunk = vec![0; CHUNK];
    for _ in 0..PROBE / CHUNK {
        for byte in &mut chunk {
            // A linear congruential generator: good enough to be incompressible.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
        file.write_all(&chunk)?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_disk_that_takes_what_is_written_is_left_as_it_was() {
        let directory = TempDir::new().expect("a temporary directory");
        std::fs::write(directory.path().join(FILE), "left by a crash").expect("it can be written");
        Store::probe(directory.path()).expect("there is room");
        assert_eq!(std::fs::read_dir(directory.path()).expect("it is there").count(), 0);
    }

    #[test]
    fn a_directory_that_takes_nothing_is_an_error() {
        let directory = TempDir::new().expect("a temporary directory");
        let missing = directory.path().join("missing");
        let error = Store::probe(&missing).expect_err("there is no such directory");
        assert!(error.to_string().contains("cannot be used"), "{error}");
    }
}

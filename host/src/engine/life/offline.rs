//! What can be done with a store while no host has it: make one of a backup, check it, make its file small, and take a
//! run out of it. Nothing here changes what a store says that is there.

use segno_api::when;
use std::io::Read;
use std::path::Path;

use segno_journal::RunId;
use serde_json::json;

use crate::engine::reads::page;
use crate::engine::reads::summary;
use crate::store::Store;

pub use crate::store::{BackupError, Checked, Compacted, Received, StoreError};

/// How many turns are told at once.
const TURNS_AT_ONCE: usize = 1_000;

/// Makes a store of the stream that [`crate::engine::Engine::backup`] gives. The file is there when it
/// is whole, and only its owner may read it.
///
/// # Errors
///
/// The stream was cut or changed, or the file cannot be made. Nothing is left of it.
pub fn receive(file: &Path, stream: impl Read) -> Result<Received, BackupError> {
    Store::receive(file, stream)
}

/// Reads the store of a data directory from end to end, and says each thing that is wrong, as a
/// sentence.
///
/// # Errors
///
/// A host has the store, or it is damaged so that nothing can be read of it.
pub fn check(data: &Path, say: &mut dyn FnMut(String)) -> Result<Checked, StoreError> {
    Store::open_to_look(data)?.check(say)
}

/// Makes the file of a store as small as it can be. It may be stopped at any time.
///
/// # Errors
///
/// A host has the store, there is none, or it is damaged.
pub fn compact(data: &Path) -> Result<Compacted, StoreError> {
    Store::compact(data)
}

/// How large the file of a store is, in bytes, also of one that is open.
///
/// # Errors
///
/// There is none.
pub fn size(data: &Path) -> Result<u64, StoreError> {
    Store::size(data)
}

/// Takes all that a store has of a run: first how it stands, then each entry of its history, each as
/// a line of JSON.
///
/// # Errors
///
/// A host has the store, or something of the run cannot be read; the lines before that were given.
pub fn export(data: &Path, run: RunId, line: &mut dyn FnMut(String)) -> Result<(), ExportError> {
    let store = Store::open_to_look(data)?;
    let record = store.run(run)?.ok_or(ExportError::UnknownRun(run))?;
    let blocked = record.standing.blocked();
    let blocked =
        blocked.map(|blocked| json!({ "kind": blocked.kind, "message": blocked.message }));
    line(json!({ "run": summary(run, record), "blocked": blocked }).to_string());
    let mut next = Some(0);
    while let Some(from) = next {
        let page = page(&store, run, from, TURNS_AT_ONCE)?;
        page.events.iter().for_each(|entry| line(json!(entry).to_string()));
        next = page.next;
    }
    for (position, held) in store.held(run)? {
        line(json!({ "held": position, "at": when(held.at), "event": held.event }).to_string());
    }
    for posted in store.posted_to(run)? {
        if let Some(held) = store.posted(&posted)? {
            let number = posted.number;
            line(json!({ "posted": number, "at": when(held.at), "event": held.event }).to_string());
        }
    }
    Ok(())
}

/// Why a run could not be taken out of a store.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// No run has this ID.
    #[error("there is no run {0} in this store")]
    UnknownRun(RunId),
    /// The store cannot be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

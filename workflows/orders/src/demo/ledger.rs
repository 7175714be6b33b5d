//! What customers were told of their changes of an address: in a file, so that a demo that was killed
//! still knows it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// A change: the number of its order, and which one of that.
pub(super) type ChangeId = (u64, usize);

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    order: u64,
    change: usize,
    accepted: bool,
}

/// What was heard, by change: whether it was accepted.
#[derive(Debug)]
pub(super) struct Ledger(Mutex<Book>);

#[derive(Debug)]
struct Book {
    file: File,
    heard: BTreeMap<ChangeId, bool>,
}

impl Ledger {
    /// Opens the file, or a new one.
    pub(super) fn open(file: &Path) -> anyhow::Result<Self> {
        let context = || format!("cannot use {}", file.display());
        let mut options = OpenOptions::new();
        let opened = options.append(true).create(true).open(file).with_context(context)?;
        let text = std::fs::read_to_string(file).with_context(context)?;
        // A kill may have left half a line, which nobody was told of.
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
        let heard = entries.map(|entry| ((entry.order, entry.change), entry.accepted)).collect();
        Ok(Self(Mutex::new(Book { file: opened, heard })))
    }

    /// Whether a change was accepted, if its answer was heard.
    pub(super) fn heard(&self, change: ChangeId) -> Option<bool> {
        self.book().heard.get(&change).copied()
    }

    /// All that was heard.
    pub(super) fn all(&self) -> BTreeMap<ChangeId, bool> {
        self.book().heard.clone()
    }

    /// Notes an answer.
    pub(super) fn note(&self, (order, change): ChangeId, accepted: bool) -> anyhow::Result<()> {
        let line = serde_json::to_string(&Entry { order, change, accepted })?;
        let mut book = self.book();
        // What comes before ends the line that a kill may have cut.
        book.file.write_all(format!("\n{line}\n").as_bytes())?;
        book.heard.insert((order, change), accepted);
        Ok(())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_is_known_after_a_kill_that_cut_a_line() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("answers.jsonl");
        Ledger::open(&file).unwrap().note((7, 0), true).unwrap();
        OpenOptions::new().append(true).open(&file).unwrap().write_all(b"{\"order\":8,").unwrap();
        Ledger::open(&file).unwrap().note((7, 1), false).unwrap();
        let ledger = Ledger::open(&file).unwrap();
        let heard = [(7, 0), (7, 1), (8, 0)].map(|change| ledger.heard(change));
        assert_eq!(heard, [Some(true), Some(false), None]);
    }
}

//! What customers were told of their changes of an address, and of what they cancelled: in a file, so that a
//! demo that was killed still knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// A change: the number of its order, and which one of that.
pub(super) type ChangeId = (u64, usize);

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Change { order: u64, change: usize, accepted: bool },
    Cancelled { order: u64 },
}

/// What customers were told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Whether a change was accepted.
    pub(super) changes: BTreeMap<ChangeId, bool>,
    /// The orders of which they heard that they are cancelled.
    pub(super) cancelled: BTreeSet<u64>,
}

/// What was heard, in a file.
#[derive(Debug)]
pub(super) struct Ledger(Mutex<Book>);

#[derive(Debug)]
struct Book {
    file: File,
    heard: Heard,
}

impl Heard {
    fn add(&mut self, entry: &Entry) {
        match *entry {
            Entry::Change { order, change, accepted } => {
                self.changes.insert((order, change), accepted);
            }
            Entry::Cancelled { order } => {
                self.cancelled.insert(order);
            }
        }
    }
}

impl Ledger {
    /// Opens the file, or a new one.
    pub(super) fn open(file: &Path) -> anyhow::Result<Self> {
        let context = || format!("cannot use {}", file.display());
        let mut options = OpenOptions::new();
        let opened = options.append(true).create(true).open(file).with_context(context)?;
        let text = std::fs::read_to_string(file).with_context(context)?;
        let mut heard = Heard::default();
        // A kill may have left half a line, which nobody was told of.
        let entries = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        entries.for_each(|entry| heard.add(&entry));
        Ok(Self(Mutex::new(Book { file: opened, heard })))
    }

    /// Whether a change was accepted, if its answer was heard.
    pub(super) fn heard(&self, change: ChangeId) -> Option<bool> {
        self.book().heard.changes.get(&change).copied()
    }

    /// Whether it was heard that an order is cancelled.
    pub(super) fn is_cancelled(&self, order: u64) -> bool {
        self.book().heard.cancelled.contains(&order)
    }

    /// All that was heard.
    pub(super) fn all(&self) -> Heard {
        self.book().heard.clone()
    }

    /// Notes an answer.
    pub(super) fn note(&self, (order, change): ChangeId, accepted: bool) -> anyhow::Result<()> {
        self.write(&Entry::Change { order, change, accepted })
    }

    /// Notes that an order is cancelled.
    pub(super) fn note_cancelled(&self, order: u64) -> anyhow::Result<()> {
        self.write(&Entry::Cancelled { order })
    }

    fn write(&self, entry: &Entry) -> anyhow::Result<()> {
        let line = serde_json::to_string(entry)?;
        let mut book = self.book();
        // What comes before ends the line that a kill may have cut.
        book.file.write_all(format!("\n{line}\n").as_bytes())?;
        book.heard.add(entry);
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
        Ledger::open(&file).unwrap().note_cancelled(7).unwrap();
        let ledger = Ledger::open(&file).unwrap();
        let heard = [(7, 0), (7, 1), (8, 0)].map(|change| ledger.heard(change));
        assert_eq!(heard, [Some(true), Some(false), None]);
        assert_eq!([7, 8].map(|order| ledger.is_cancelled(order)), [true, false]);
    }
}

//! Batches: each is stored whole or not at all, whatever happens in between, and what it brings comes once.

use std::collections::BTreeMap;

use segno_host::store::Store;
use segno_journal::RunId;

use crate::simulation::talk::{Talk, is_posted, lies};

/// What a batch brings.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// The key of the batch.
    pub(crate) key: String,
    pub(crate) starts: Vec<Begins>,
    /// To whom what is said. Each says something that nothing else does.
    pub(crate) signals: Vec<(RunId, String)>,
    /// Since when the modules that it starts runs on may be current.
    pub(crate) since: usize,
}

/// A start of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Begins {
    /// Its key, within its workflow.
    pub(crate) key: Option<String>,
    /// What is said to the run with its start.
    pub(crate) said: Option<String>,
}

/// The batches that were sent.
#[derive(Clone, Default)]
pub(crate) struct Batches(BTreeMap<String, Known>);

/// What is known of a batch.
#[derive(Clone)]
struct Known {
    sent: Sent,
    was_stored: bool,
    /// What it said, and is not known to have come or to come too late.
    left: Vec<(RunId, String)>,
}

impl Batches {
    /// One was sent.
    pub(crate) fn sent(&mut self, sent: &Sent) {
        let known = Known { sent: sent.clone(), was_stored: false, left: Vec::new() };
        self.0.insert(sent.key.clone(), known);
    }

    /// Each is on disk whole, or nothing of it is.
    pub(crate) fn look(&mut self, store: &Store, talk: &Talk, is_over: impl Fn(RunId) -> bool) {
        for (key, Known { sent, was_stored, left }) in &mut self.0 {
            if *was_stored && left.is_empty() {
                continue;
            }
            let record = store.batch(key).expect("the store can be read");
            let Some(record) = record else {
                assert!(!*was_stored, "batch {key} was stored, and is lost");
                for (run, payload) in &sent.signals {
                    let is_there =
                        talk.has_come_to(*run, payload) || is_posted(store, *run, payload);
                    assert!(!is_there, "batch {key} is not stored, and {payload} is");
                }
                continue;
            };
            if !*was_stored {
                *was_stored = true;
                *left = sent.parts(&record.runs, store);
            }
            left.retain(|(run, payload)| {
                if is_over(*run) || talk.has_come_to(*run, payload) {
                    return false;
                }
                assert!(lies(store, *run, payload), "batch {key} lacks {payload}");
                true
            });
        }
    }

    /// How many were stored.
    pub(crate) fn stored(&self) -> u64 {
        self.0.values().filter(|known| known.was_stored).count() as u64
    }
}

impl Sent {
    /// What it says to whom, when it has started these runs, which are on disk.
    fn parts(&self, runs: &[RunId], store: &Store) -> Vec<(RunId, String)> {
        assert_eq!(runs.len(), self.starts.len(), "batch {}", self.key);
        let mut parts = self.signals.clone();
        for (run, begins) in runs.iter().zip(&self.starts) {
            let is_there = store.run(*run).expect("the store can be read").is_some();
            assert!(is_there, "batch {} is stored, and {run} is not", self.key);
            parts.extend(begins.said.clone().map(|said| (*run, said)));
        }
        parts
    }
}

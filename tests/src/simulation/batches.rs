//! Batches: each is stored whole or not at all, whatever happens in between, and what it brings comes once.

use std::collections::BTreeMap;

use segno_host::store::Store;
use segno_journal::RunId;

use crate::simulation::talk::{Talk, lies};

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
pub(crate) struct Batches(BTreeMap<String, (Sent, bool)>);

impl Batches {
    /// One was sent.
    pub(crate) fn sent(&mut self, sent: &Sent) {
        self.0.insert(sent.key.clone(), (sent.clone(), false));
    }

    /// Each is on disk whole, or nothing of it is.
    pub(crate) fn look(&mut self, store: &Store, talk: &Talk, is_over: impl Fn(RunId) -> bool) {
        for (key, (sent, was_stored)) in &mut self.0 {
            let record = store.batch(key).expect("the store can be read");
            let said = |run, said: &str| talk.has_come(said) || lies(store, run, said);
            let Some(record) = record else {
                assert!(!*was_stored, "batch {key} was stored, and is lost");
                for (run, payload) in &sent.signals {
                    assert!(!said(*run, payload), "batch {key} is not stored, and {payload} is");
                }
                continue;
            };
            *was_stored = true;
            assert_eq!(record.runs.len(), sent.starts.len(), "batch {key}");
            for (run, begins) in record.runs.iter().zip(&sent.starts) {
                let is_there = store.run(*run).expect("the store can be read").is_some();
                assert!(is_there, "batch {key} is stored, and {run} is not");
                if let Some(payload) = &begins.said {
                    assert!(is_over(*run) || said(*run, payload), "batch {key} lacks {payload}");
                }
            }
            for (run, payload) in &sent.signals {
                assert!(is_over(*run) || said(*run, payload), "batch {key} lacks {payload}");
            }
        }
    }

    /// How many were stored.
    pub(crate) fn stored(&self) -> u64 {
        self.0.values().filter(|(_, was_stored)| *was_stored).count() as u64
    }
}

//! Batches: each is stored whole or not at all, whatever happens in between, and what it brings comes once.

use std::collections::BTreeMap;

use rand::RngExt;
use segno_host::engine::{NewBatch, NewRun, NewSignal, StartInBatch};
use segno_host::store::Store;
use segno_journal::RunId;

use crate::raw;
use crate::simulation::asked::Call;
use crate::simulation::life::Life;
use crate::simulation::plans::{self, NAMES};
use crate::simulation::saying::{LINE, SAID};
use crate::simulation::talk::{Talk, lies};
use crate::simulation::world::RUNS;

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

impl Life<'_> {
    /// Somebody sends a batch; and sends it again, if they do not know whether it was heard.
    pub(crate) fn batch(&mut self) -> bool {
        if self.said >= SAID {
            return false;
        }
        let mut batch = NewBatch::default();
        let mut begins = Vec::new();
        for _ in 0..self.draw(0..3).min(RUNS - self.starts) {
            self.starts += 1;
            let (start, begin) = self.start_in_batch();
            batch.starts.push(start);
            begins.push(begin);
        }
        let mut signals = Vec::new();
        for _ in 0..self.draw(0..4) {
            let run = self.any_run();
            if let Some(run) = run.filter(|run| self.witness.length_of_line(*run) <= LINE) {
                let signal = self.new_signal();
                signals.push((run, signal.payload.clone()));
                batch.signals.push((run, signal));
            }
        }
        if batch.starts.is_empty() && batch.signals.is_empty() {
            return false;
        }
        let key = format!("batch {}", self.say());
        batch.key = Some(key.clone());
        let sent = Sent { key, starts: begins, signals, since: self.witness.editions.known() };
        self.witness.batches.sent(&sent);
        self.note(&format!("{batch:?}"));
        for _ in 0..self.draw(1..3) {
            let asked = self.host().engine.batch(batch.clone());
            self.asked.push(Call::Batch(asked, sent.clone()));
        }
        self.look();
        true
    }

    fn start_in_batch(&mut self) -> (StartInBatch, Begins) {
        let (workflow, input) = plans::plan(&mut self.random);
        let key = self.random.random_ratio(1, 3).then(|| format!("key {}", self.draw(0..2)));
        let signal = self.random.random_ratio(1, 3).then(|| self.new_signal());
        let said = signal.as_ref().map(|signal| signal.payload.clone());
        let begins = Begins { key: key.as_ref().map(|key| format!("{workflow}, {key}")), said };
        let new = NewRun { key, signals: signal.into_iter().collect(), on_end: None };
        (StartInBatch { workflow: workflow.to_owned(), input: raw(&input), new }, begins)
    }

    /// A signal that says what nothing else does, perhaps with a key.
    fn new_signal(&mut self) -> NewSignal {
        let payload = self.say();
        let name = NAMES[self.draw(0..NAMES.len())].to_owned();
        let key = self.random.random_ratio(1, 2).then(|| format!("key of {payload}"));
        NewSignal { name, payload, key }
    }
}

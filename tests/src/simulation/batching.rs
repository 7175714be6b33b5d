//! What the world sends in batches.

use rand::RngExt;
use segno_host::engine::{IfRunning, NewBatch, NewRun, NewSignal, StartInBatch};
use segno_journal::RunId;
use serde_json::Value;

use crate::raw;
use crate::simulation::asked::Call;
use crate::simulation::attributes;
use crate::simulation::batches::{Begins, Sent};
use crate::simulation::life::Life;
use crate::simulation::plans::{self, NAMES};
use crate::simulation::saying::{LINE, SAID};
use crate::simulation::world::{ONE_AT_A_TIME, RUNS};

impl Life<'_> {
    /// Somebody sends a batch of some starts and signals; and sends it again, if they do not know whether it was
    /// heard.
    pub(crate) fn batch(&mut self) -> bool {
        if self.said >= SAID {
            return false;
        }
        let mut starts = Vec::new();
        for _ in 0..self.draw(0..3).min(RUNS - self.starts) {
            self.starts += 1;
            starts.push(plans::plan(&mut self.random));
        }
        let signals = (0..self.draw(0..4)).filter_map(|_| self.any_run()).collect();
        let times = self.draw(1..3);
        self.send_batch(starts, signals, times)
    }

    /// Somebody sends a batch so many times: runs of workflows with inputs, and a signal to each of some runs.
    /// False if there is nothing in it.
    pub(crate) fn send_batch(
        &mut self,
        starts: Vec<(&'static str, Value)>,
        signals: Vec<RunId>,
        times: usize,
    ) -> bool {
        let (starts, begins): (Vec<_>, Vec<_>) =
            starts.iter().map(|(workflow, input)| self.start_in_batch(workflow, input)).unzip();
        let signals = signals.into_iter().filter(|run| self.witness.length_of_line(*run) <= LINE);
        let signals: Vec<_> = signals.collect();
        let signals: Vec<_> = signals.into_iter().map(|run| (run, self.new_signal())).collect();
        if starts.is_empty() && signals.is_empty() {
            return false;
        }
        let said = signals.iter().map(|(run, signal)| (*run, signal.payload.clone())).collect();
        let key = format!("batch {}", self.say());
        let since = self.witness.editions.known();
        let sent = Sent { key: key.clone(), starts: begins, signals: said, since };
        self.witness.batches.sent(&sent);
        let batch = NewBatch { key: Some(key), starts, signals };
        self.note(&format!("{batch:?}"));
        for _ in 0..times {
            let asked = self.host().engine.batch(batch.clone());
            self.asked.push(Call::Batch(asked, sent.clone()));
        }
        self.look();
        true
    }

    fn start_in_batch(&mut self, workflow: &str, input: &Value) -> (StartInBatch, Begins) {
        let key = self.key();
        let is_one_at_a_time = key.as_ref().is_some_and(|key| key.starts_with(ONE_AT_A_TIME));
        let if_running =
            is_one_at_a_time.then(|| [IfRunning::Use, IfRunning::Refuse][self.draw(0..2)]);
        let signal = self.random.random_ratio(1, 3).then(|| self.new_signal());
        let said = signal.as_ref().map(|signal| signal.payload.clone());
        let begins = Begins {
            key: key.as_ref().filter(|_| !is_one_at_a_time).map(|key| format!("{workflow}, {key}")),
            said,
        };
        let new = NewRun {
            key,
            if_running,
            signals: signal.into_iter().collect(),
            attributes: attributes::given(workflow),
            ..NewRun::default()
        };
        (StartInBatch { workflow: workflow.to_owned(), input: raw(input), new }, begins)
    }

    /// A signal that says what nothing else does, perhaps with a key.
    fn new_signal(&mut self) -> NewSignal {
        let payload = self.say();
        let name = NAMES[self.draw(0..NAMES.len())].to_owned();
        let key = self.random.random_ratio(1, 2).then(|| format!("key of {payload}"));
        NewSignal { name, payload, key }
    }
}

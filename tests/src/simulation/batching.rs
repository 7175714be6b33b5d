//! What the world sends in batches.

use rand::RngExt;
use segno_host::engine::{NewBatch, NewRun, NewSignal, StartInBatch};

use crate::raw;
use crate::simulation::asked::Call;
use crate::simulation::batches::{Begins, Sent};
use crate::simulation::life::Life;
use crate::simulation::plans::{self, NAMES};
use crate::simulation::saying::{LINE, SAID};
use crate::simulation::world::RUNS;

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

//! What is held of each run, and that the run is told it first, in the order in which it came.

use std::collections::{BTreeMap, VecDeque};

use segno_host::store::Store;
use segno_journal::{Event, RunId, Signal, Turn};

/// What was held on disk, by run, when it was last looked at.
#[derive(Clone, Default)]
pub(crate) struct Lines(BTreeMap<RunId, VecDeque<Event>>);

impl Lines {
    /// Whether nothing of any run is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many events of the run are held.
    pub(crate) fn length(&self, run: RunId) -> usize {
        self.0.get(&run).map_or(0, VecDeque::len)
    }

    /// Looks at the turns that a run has had since the last look: what was held then comes first,
    /// unless nobody could take it any more. Only an end from outside waits for nothing.
    pub(crate) fn look(&mut self, run: RunId, new: &[Turn], store: &Store) {
        let held = store.held(run).expect("the store can be read");
        let held = held.iter().map(|(_, held)| without_number(&held.event));
        // A signal that was sent again with its key comes once, and a sleep ends once.
        let held = held.fold(VecDeque::new(), |mut line, event| {
            let comes_again = is_done_once(&event) && line.contains(&event);
            line.extend((!comes_again).then_some(event));
            line
        });
        let told: Vec<_> = new.iter().map(|turn| without_number(&turn.event)).collect();
        let mut line = self.0.remove(&run).unwrap_or_default();
        for event in told.iter().filter(|event| event.ends().is_none()) {
            while line.front().is_some_and(|first| !held.contains(first) && !told.contains(first)) {
                line.pop_front();
            }
            let Some(first) = line.pop_front() else { break };
            assert_eq!(*event, first, "{run} was told something before what was held");
        }
        if !held.is_empty() {
            self.0.insert(run, held);
        }
    }
}

/// A request is numbered when it has its turn.
fn without_number(event: &Event) -> Event {
    event.clone().numbered(0)
}

fn is_done_once(event: &Event) -> bool {
    matches!(
        event,
        Event::Signalled { signal: Signal { key: Some(_), .. } }
            | Event::Woken { .. }
            | Event::Cancelling { .. }
    )
}

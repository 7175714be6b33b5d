//! What lies parked of each run, and that the run is told it first, in the order in which it came.

use std::collections::{BTreeMap, VecDeque};

use segno_host::store::Store;
use segno_journal::{Event, RunId, Turn};

/// What lay parked on disk, by run, when it was last looked at.
#[derive(Clone, Default)]
pub(crate) struct Lines(BTreeMap<RunId, VecDeque<Event>>);

impl Lines {
    /// Whether nothing of any run lies parked.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many events of the run lie parked.
    pub(crate) fn length(&self, run: RunId) -> usize {
        self.0.get(&run).map_or(0, VecDeque::len)
    }

    /// Looks at the turns that a run has had since the last look: what lay parked then comes first,
    /// unless nobody could take it any more. Only an end from outside waits for nothing.
    pub(crate) fn look(&mut self, run: RunId, new: &[Turn], store: &Store) {
        let parked = store.parked(run).expect("the store can be read");
        let parked: VecDeque<_> =
            parked.iter().map(|(_, parked)| without_number(&parked.event)).collect();
        let told: Vec<_> = new.iter().map(|turn| without_number(&turn.event)).collect();
        let mut line = self.0.remove(&run).unwrap_or_default();
        for event in told.iter().filter(|event| **event != Event::Cancelled) {
            while line.front().is_some_and(|first| !parked.contains(first) && !told.contains(first))
            {
                line.pop_front();
            }
            let Some(first) = line.pop_front() else { break };
            assert_eq!(*event, first, "{run} was told something before what lay parked");
        }
        if !parked.is_empty() {
            self.0.insert(run, parked);
        }
    }
}

/// A request is numbered when it has its turn.
fn without_number(event: &Event) -> Event {
    let mut event = event.clone();
    if let Event::Requested { request, .. } = &mut event {
        request.number = 0;
    }
    event
}

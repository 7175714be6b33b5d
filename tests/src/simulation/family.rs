//! Children: what a parent hears of one is how it ended, and none outlives a parent that it was to end with.

use guest_basics::family::UNEVEN;
use segno_host::store::{RunRecord, Store};
use segno_journal::{ChildEnd, Event, Open, Run, RunId};

use crate::simulation::talk::Talk;

/// A run, as it was, has been given an event.
pub(crate) fn look(id: RunId, run: &Run, event: &Event, (store, talk): (&Store, &mut Talk)) {
    let open = event.op().and_then(|op| run.operation(op));
    match (event, open) {
        (Event::ChildEnded { end, .. }, Some(Open::Child(child))) => {
            let ended = store.child_end(child.run).expect("the store can be read");
            // One that it heard of while it was held up may be deleted since.
            let is_there = store.run(child.run).expect("the store can be read").is_some();
            let is_it = !is_there || ended.as_ref() == Some(end);
            assert!(is_it, "{id} was told of another end of {} than {ended:?}: {end:?}", child.run);
            if let ChildEnd::Failed(error) = end {
                assert_eq!(error, UNEVEN, "{} failed for another reason", child.run);
            }
        }
        // Whoever hears that it was taken can rely on it.
        (Event::Told { .. }, Some(Open::Tell(tell))) => {
            talk.acknowledged(tell.to, None, &tell.payload);
        }
        _ => {}
    }
}

/// All runs have ended: one that lingers was cancelled, by its parent or with it.
pub(crate) fn at_the_end(run: RunId, record: &RunRecord) {
    use segno_host::store::Standing;
    if &*record.workflow == "lingers" && record.parent.is_some() {
        let is_cancelled = matches!(record.standing, Standing::Cancelled(_));
        assert!(is_cancelled, "{run} lingers without its parent: {:?}", record.standing);
    }
}

//! What runs are found by: what is on disk is what came with the start and what the turns say, and the indexes lead to
//! it, whatever happens to the host.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use segno_host::store::{RunRecord, Search, Store};
use segno_journal::{AttributeValue, Attributes, Number, RunId, Turn};

use crate::simulation::plans::MARKS;

/// What comes with each start of a workflow.
pub(crate) fn given(workflow: &str) -> Attributes {
    let number = Number::whole(0).expect("it is small");
    let phase = (MARKS[0].to_owned(), AttributeValue::Number(number));
    let kind = ("kind".to_owned(), AttributeValue::Text(workflow.to_owned()));
    [phase, kind].into()
}

/// Looks at the attributes of a run that has had these turns; of what comes with a start, it was given this.
pub(crate) fn look(
    (run, names): (RunId, &[String]),
    record: &RunRecord,
    turns: &[Turn],
    store: &Store,
) {
    let mut given = if record.parent.is_some() { BTreeMap::new() } else { given(&record.workflow) };
    given.retain(|name, _| names.contains(name));
    let mut expected: BTreeMap<_, _> =
        given.into_iter().map(|(name, value)| (name, (value, true))).collect();
    for command in turns.iter().flat_map(|turn| &turn.commands) {
        match command.attribute() {
            Some((name, Some(value))) => {
                expected.insert(name.to_owned(), (value.clone(), false));
            }
            Some((name, None)) => drop(expected.remove(name)),
            None => {}
        }
    }
    let there = store.attributes(run).expect("the store can be read");
    let there: BTreeMap<_, _> = there
        .into_iter()
        .map(|(name, attribute)| (name, (attribute.value, attribute.given)))
        .collect();
    assert_eq!(there, expected, "{run} has other attributes than its turns say");
    let all = there.into_iter().map(|(name, (value, _))| (name, vec![value])).collect();
    let search = Search {
        workflow: Some(record.workflow.to_string()),
        statuses: [record.standing.status()].into(),
        attributes: all,
        from: Some(run),
        before: run.successor(),
    };
    let mut found = Vec::new();
    let visited = store.search(&search, |run, record| {
        found.extend(record.map(|_| run));
        ControlFlow::Continue(())
    });
    visited.expect("the store can be read");
    assert_eq!(found, [run], "the indexes do not lead to it");
}

/// The indexes have nothing that no run has, and all runs are counted.
pub(crate) fn at_the_end(store: &Store) {
    let mut wrong = Vec::new();
    let mut say = |what: String| {
        if ["index", "counted", "count of runs"].iter().any(|of| what.contains(of)) {
            wrong.push(what);
        }
    };
    store.check(&mut say).expect("the store can be read");
    assert_eq!(wrong, [""; 0]);
    let count: u64 = store.count_runs(None).expect("the store can be read").values().sum();
    let runs = store.raw_rows("runs").expect("the store can be read").len();
    assert_eq!(count, runs as u64, "not all runs are counted");
}

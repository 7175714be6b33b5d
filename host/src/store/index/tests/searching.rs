//! Finding runs by all that they can be found by.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use segno_journal::{AttributeValue, Timestamp};

use crate::store::draft::Rows;
use crate::store::index::tests::{commit, number_of, record, run, stands, wrong};
use crate::store::tables::Table;
use crate::store::{Draft, Search, Standing, Status, Store};

fn text(text: &str) -> AttributeValue {
    AttributeValue::Text(text.to_owned())
}

/// A run that has attributes.
fn has(number: u64, workflow: &str, attributes: &[(&str, &str)]) -> Rows {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), text(value)));
    let draft = Draft::nothing().with_run(run(number), &record(workflow, Standing::Running));
    draft.with_attributes(run(number), &attributes.collect()).rows
}

fn searched(store: &Store, search: &Search) -> Vec<u64> {
    let mut found = Vec::new();
    let visited = store.search(search, |run, record| {
        found.extend(record.map(|_| number_of(run)));
        ControlFlow::Continue(())
    });
    visited.expect("it can be read");
    found
}

#[test]
fn runs_are_found_by_all_that_is_asked_for_whichever_list_is_the_shortest() {
    let store = Store::in_memory().expect("the store opens");
    for number in 0..120 {
        let workflow = if number % 5 == 0 { "a" } else { "b" };
        let kind = if number % 40 == 0 { "rare" } else { "common" };
        let even = if number % 2 == 0 { "yes" } else { "no" };
        commit(&store, &[has(number, workflow, &[("kind", kind), ("even", even)])]);
        if number % 3 == 0 {
            commit(&store, &[stands(number, workflow, Standing::Failed(Timestamp(number)))]);
        }
    }
    let is = |name: &str, values: &[&str]| {
        (name.to_owned(), values.iter().map(|value| text(value)).collect::<Vec<_>>())
    };
    let all = |wanted: &dyn Fn(u64) -> bool| -> Vec<u64> {
        (0..120).rev().filter(|number| wanted(*number)).collect()
    };
    let failed = || BTreeSet::from([Status::Failed]);
    let search =
        |attributes: Vec<(String, Vec<AttributeValue>)>| Search { attributes, ..Search::default() };
    assert_eq!(searched(&store, &search(vec![])), all(&|_| true));
    assert_eq!(searched(&store, &search(vec![is("kind", &["rare"])])), [80, 40, 0]);
    let both = search(vec![is("even", &["yes"]), is("kind", &["rare"])]);
    assert_eq!(searched(&store, &both), [80, 40, 0]);
    let either = search(vec![is("kind", &["rare", "common", "other"]), is("even", &["no"])]);
    assert_eq!(searched(&store, &either), all(&|number| number % 2 == 1));
    let none = search(vec![is("kind", &["rare"]), is("even", &["no"])]);
    assert_eq!(searched(&store, &none), [0; 0]);
    let of_a = Search { workflow: Some("a".into()), statuses: failed(), ..either };
    let expected = all(&|number| number % 15 == 0 && number % 2 == 1);
    assert_eq!(searched(&store, &of_a), expected);
    let between = Search { from: Some(run(30)), before: Some(run(90)), ..of_a };
    assert_eq!(searched(&store, &between), [75, 45]);
    let rare = Search { attributes: vec![is("kind", &["rare"])], ..between };
    assert_eq!(searched(&store, &rare), [0; 0], "none of them has failed and is between");
    assert_eq!(wrong(&store), Vec::<String>::new());
}

#[test]
fn an_attribute_is_in_the_index_once_and_gone_with_its_row() {
    let store = Store::in_memory().expect("the store opens");
    let kind = |value: &str| Search {
        attributes: vec![("kind".to_owned(), vec![text(value)])],
        ..Search::default()
    };
    commit(&store, &[has(1, "a", &[("kind", "x")]), has(2, "a", &[("kind", "x"), ("kin", "d")])]);
    commit(&store, &[has(1, "a", &[("kind", "y")]), has(1, "a", &[("kind", "y")])]);
    assert_eq!(searched(&store, &kind("x")), [2]);
    assert_eq!(searched(&store, &kind("y")), [1]);
    let rows = |table| store.raw_rows(table).expect("it can be read").len();
    assert_eq!((rows("attributes"), rows("attribute_index")), (3, 3));
    let mut forgets = Rows::default();
    for name in ["kind", "kin"] {
        forgets.delete(Table::Attributes, crate::store::keys::named(run(2), name));
    }
    commit(&store, &[forgets]);
    assert_eq!((rows("attributes"), rows("attribute_index")), (1, 1));
    assert_eq!(searched(&store, &kind("x")), [0; 0]);
    assert_eq!(wrong(&store), Vec::<String>::new());
    let key = crate::store::keys::named(run(1), "kind");
    let changed = store.change_raw(|raw| raw.remove("attributes", &key));
    changed.expect("it is written");
    assert!(wrong(&store)[0].contains("in the index of attributes that no run has"));
}

//! Random transactions against a keyspace and against a map.

use std::collections::BTreeMap;
use std::ops::Bound;

use proptest::prelude::*;

use crate::store::StoreError;
use crate::store::keyspace::{Fence, Keyspace, Moment, Row, Transaction};
use crate::store::tables::Table;

/// The tables that are written to: two are enough to see that they are apart.
const TABLES: [Table; 2] = [Table::Runs, Table::Turns];

type Pair = (Vec<u8>, Vec<u8>);

pub(super) fn config() -> ProptestConfig {
    ProptestConfig { cases: 64, ..ProptestConfig::default() }
}

/// What is done to a row.
#[derive(Debug, Clone)]
enum Change {
    Put(Vec<u8>),
    Replace(Vec<u8>),
    PutIfAbsent(Vec<u8>),
    Delete,
    Take,
    Get,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Committed,
    GivenUp,
    Fenced,
}

/// A transaction, and what is read after it.
#[derive(Debug, Clone)]
pub(super) struct Act {
    changes: Vec<(Table, Vec<u8>, Change)>,
    end: End,
    /// A moment after it is held until the end.
    is_held: bool,
    range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    // Few, so that they meet; some are the beginning of others, and one is empty.
    prop::collection::vec(prop::sample::select(vec![0_u8, 1, 0xff]), 0..4)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..8),
        // More than lies on a page.
        1 => (any::<u8>(), 4_000_usize..10_000).prop_map(|(byte, size)| vec![byte; size]),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => value().prop_map(Change::Put),
        1 => value().prop_map(Change::Replace),
        1 => value().prop_map(Change::PutIfAbsent),
        1 => Just(Change::Delete),
        1 => Just(Change::Take),
        1 => Just(Change::Get),
    ]
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![
        key().prop_map(Bound::Included),
        key().prop_map(Bound::Excluded),
        Just(Bound::Unbounded)
    ]
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    let changes = prop::collection::vec((prop::sample::select(&TABLES), key(), change()), 0..12);
    let end = prop_oneof![
        4 => Just(End::Committed),
        1 => Just(End::GivenUp),
        1 => Just(End::Fenced)
    ];
    (changes, end, any::<bool>(), (bound(), bound()))
        .prop_map(|(changes, end, is_held, range)| Act { changes, end, is_held, range })
}

type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

pub(super) fn it_does_what_a_map_does(
    keyspace: &Keyspace,
    acts: &[Act],
) -> Result<(), TestCaseError> {
    let mut model = Model::new();
    let mut held = Vec::new();
    for act in acts {
        let mut changed = model.clone();
        let fences = [Fence::new(0, u64::from(act.end == End::Fenced))];
        let written = keyspace.write(&fences, |transaction| {
            for (table, key, change) in &act.changes {
                let found = perform(transaction, *table, key, change)?;
                let expected = perform_on_map(&mut changed, (*table, key.clone()), change);
                assert_eq!(found, expected, "{change:?}");
            }
            if act.end == End::GivenUp { Err(StoreError::Closed) } else { Ok(()) }
        });
        match (act.end, written) {
            (End::Committed, Ok(())) => model = changed,
            (End::GivenUp, Err(StoreError::Closed))
            | (End::Fenced, Err(StoreError::Fenced { .. })) => {}
            (end, written) => panic!("{end:?}, and yet {written:?}"),
        }
        let moment = keyspace.moment().expect("it can be read");
        check(&moment, &model, &act.range)?;
        if act.is_held {
            held.push((moment, model.clone()));
        }
    }
    let everything = (Bound::Unbounded, Bound::Unbounded);
    held.iter().try_for_each(|(moment, model)| check(moment, model, &everything))
}

/// Changes a row; gives what that says of the value that was there.
fn perform(
    transaction: &mut Transaction,
    table: Table,
    key: &[u8],
    change: &Change,
) -> Result<Option<Vec<u8>>, StoreError> {
    let old = match change {
        Change::Put(value) => {
            transaction.put(table, key, value);
            None
        }
        Change::Replace(value) => transaction.replace(table, key, value)?,
        Change::PutIfAbsent(value) => return transaction.put_if_absent(table, key, value),
        Change::Delete => {
            transaction.delete(table, key);
            None
        }
        Change::Take => transaction.take(table, key)?,
        Change::Get => transaction.get(table, key)?,
    };
    Ok(old.map(|value| value.to_vec()))
}

fn perform_on_map(model: &mut Model, key: (Table, Vec<u8>), change: &Change) -> Option<Vec<u8>> {
    match change {
        Change::Put(value) => {
            model.insert(key, value.clone());
            None
        }
        Change::Replace(value) => model.insert(key, value.clone()),
        Change::PutIfAbsent(value) => {
            let there = model.get(&key).cloned();
            model.entry(key).or_insert_with(|| value.clone());
            there
        }
        Change::Delete => {
            model.remove(&key);
            None
        }
        Change::Take => model.remove(&key),
        Change::Get => model.get(&key).cloned(),
    }
}

/// A moment has the rows of the model: by key, in order, in the opposite one, and from both ends at once.
fn check(
    moment: &Moment,
    model: &Model,
    range: &(Bound<Vec<u8>>, Bound<Vec<u8>>),
) -> Result<(), TestCaseError> {
    for table in TABLES {
        let of_table = model.iter().filter(|((of, _), _)| *of == table);
        let rows: Vec<Pair> =
            of_table.map(|((_, key), value)| (key.clone(), value.clone())).collect();
        for (key, value) in &rows {
            let found = moment.get(table, key).expect("it can be read");
            prop_assert_eq!(found.as_deref(), Some(value.as_slice()));
        }
        prop_assert!(!moment.has(table, b"no such key").expect("it can be read"));
        let bounds = (slice(&range.0), slice(&range.1));
        let within = rows
            .into_iter()
            .filter(|(key, _)| std::ops::RangeBounds::<[u8]>::contains(&bounds, key.as_slice()));
        let mut within: Vec<_> = within.collect();
        prop_assert_eq!(&read(moment.range(table, &bounds)), &within);
        let from_both = from_both_ends(moment.range(table, &bounds));
        prop_assert_eq!(&from_both, &from_both_ends(Ok(within.iter().cloned().map(Ok))));
        within.reverse();
        prop_assert_eq!(&read(moment.range(table, &bounds).map(Iterator::rev)), &within);
    }
    Ok(())
}

/// Takes two rows from the front, one from the back, and so on, until there is none at either end.
fn from_both_ends<R: IsRow>(
    rows: Result<impl DoubleEndedIterator<Item = Result<R, StoreError>>, StoreError>,
) -> Vec<Pair> {
    let mut rows = rows.expect("it can be read");
    let mut found = Vec::new();
    while let Some(row) = if found.len() % 3 < 2 { rows.next() } else { rows.next_back() } {
        found.push(row.expect("it can be read").pair());
    }
    assert!(rows.next().is_none() && rows.next_back().is_none(), "the ends have met");
    found
}

trait IsRow {
    fn pair(&self) -> Pair;
}

impl IsRow for Row<'_> {
    fn pair(&self) -> Pair {
        (self.key().to_vec(), self.value().to_vec())
    }
}

impl IsRow for Pair {
    fn pair(&self) -> Pair {
        self.clone()
    }
}

fn slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

fn read<'a>(
    rows: Result<impl Iterator<Item = Result<Row<'a>, StoreError>>, StoreError>,
) -> Vec<Pair> {
    let rows = rows.expect("it can be read").map(|row| row.expect("it can be read"));
    rows.map(|row| (row.key().to_vec(), row.value().to_vec())).collect()
}

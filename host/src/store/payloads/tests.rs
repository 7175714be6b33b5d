//! Promises about large payloads: each is stored once, as long as it is needed, and not longer.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use proptest::prelude::*;
use segno_journal::{
    Answer, Command, Event, Op, Request, Response, RunId, StepOptions, Timestamp, Turn, Verdict,
};
use tempfile::TempDir;

use crate::store::commit::write::write;
use crate::store::draft::{Draft, Rows};
use crate::store::keys;
use crate::store::payloads::{LARGE, Reference};
use crate::store::tables::Table;
use crate::store::{Store, StoreError, codec};

fn run(number: u8) -> RunId {
    RunId::from_bytes([number; 16])
}

/// Bytes that do not compress, the same ones for the same number.
fn noise(mut number: u64, size: usize) -> Vec<u8> {
    let words = std::iter::repeat_with(|| {
        number =
            number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 56) as u8
    });
    words.take(size).collect()
}

/// A turn with a payload in each kind of place.
fn turn(seq: u64, input: String, body: &[u8], verdict: Verdict) -> Turn {
    let response = || Response { status: 200, headers: vec![], body: body.into() };
    let method = "POST".into();
    let url = "/".into();
    let headers = vec![];
    let request = Request { number: seq, method, url, headers, body: body.into() };
    let commands = vec![
        Command::Sleep { until: Timestamp(1) },
        Command::Step { name: "s".into(), input, options: StepOptions::default() },
        Command::Webhook { token: "t".into(), url: "u".into(), answer: Answer::Fixed(response()) },
        Command::Respond { request: seq, response: response() },
    ];
    let event = Event::Requested { op: Op(1), request };
    Turn { seq, first_op: Op(0), at: Timestamp(seq), event, commands, verdict, log: vec![] }
}

fn rows_of(run: RunId, turn: &Turn) -> Rows {
    let draft = Draft::turn(run, turn.clone(), vec![]);
    assert_eq!(draft.thing.turn, *turn, "the world hears of the whole turn");
    draft.rows
}

fn turns(store: &Store, run: RunId) -> Result<Vec<Turn>, StoreError> {
    let mut turns = Vec::new();
    store.visit_turns(run, 0, |turn| {
        turns.push(turn);
        ControlFlow::Continue(())
    })?;
    Ok(turns)
}

fn rows(store: &Store, table: Table) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let moment = store.moment().expect("the store is read");
    let rows = moment.rows(table).expect("the table is read");
    rows.map(|row| row.expect("the row is read"))
        .map(|row| (row.key().to_vec(), row.value().to_vec()))
        .collect()
}

/// The payloads and their counts on disk are exactly what the turns on disk refer to.
fn check_counts(store: &Store) {
    let mut expected = BTreeMap::<Vec<u8>, u64>::new();
    for row in rows(store, Table::Turns).values() {
        let (references, _) =
            codec::decode_first::<Vec<Reference>>("turns", row).expect("the turn is whole");
        for reference in references {
            *expected.entry(reference.digest.to_bytes().to_vec()).or_default() += 1;
        }
    }
    let payloads: Vec<_> = rows(store, Table::Payloads).into_keys().collect();
    assert_eq!(payloads, expected.keys().cloned().collect::<Vec<_>>());
    expected.retain(|_, count| *count > 1);
    let counts = rows(store, Table::PayloadCounts).into_iter();
    let counts: BTreeMap<_, _> = counts
        .map(|(key, count)| {
            (key, u64::from_le_bytes(count.try_into().expect("a count has eight bytes")))
        })
        .collect();
    assert_eq!(counts, expected);
}

/// What is done in one transaction.
#[derive(Debug, Clone)]
enum Act {
    /// A run has another turn, with these of the payloads that there are.
    Turn { run: u8, text: usize, body: usize },
    /// Turns of a run are taken away.
    Cut { run: u8, seqs: Range<u64> },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0u8..3, 0usize..6, 0usize..6).prop_map(|(run, text, body)| Act::Turn { run, text, body }),
        1 => (0u8..3, 0u64..8, 0u64..8).prop_map(|(run, from, many)| Act::Cut { run, seqs: from..from + many }),
    ]
}

/// Some are large and some are not; the texts are equal to bodies.
fn payload(number: usize) -> String {
    format!("{number}").repeat([1, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE, 10 * LARGE][number])
}

type Model = BTreeMap<(u8, u64), Turn>;

fn perform(act: &Act, model: &mut Model) -> Rows {
    match act {
        Act::Turn { run: number, text, body } => {
            let seq = model.keys().rfind(|(run, _)| run == number).map_or(0, |(_, seq)| seq + 1);
            let verdict = Verdict::Failed(payload(*text));
            let turn = turn(seq, payload(*text), payload(*body).as_bytes(), verdict);
            let rows = rows_of(run(*number), &turn);
            model.insert((*number, seq), turn);
            rows
        }
        Act::Cut { run: number, seqs } => {
            model.retain(|(run, seq), _| run != number || !seqs.contains(seq));
            Draft::nothing().without_turns(run(*number), seqs.clone()).rows
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn counts_are_what_the_turns_say_after_each_commit(
        batches in prop::collection::vec(prop::collection::vec(act(), 1..6), 1..12)
    ) {
        let directory = TempDir::new().expect("a temporary directory");
        let mut model = Model::new();
        for batch in batches {
            // Opened again each time: what counts is what is on disk.
            let store = Store::open(directory.path()).expect("the store opens");
            let batch: Vec<_> = batch.iter().map(|act| perform(act, &mut model)).collect();
            write(&store, batch.iter(), &|_drafts, _took| {}).expect("there is room");
            check_counts(&store);
            for number in 0..3 {
                let of_run = model.range((number, 0)..=(number, u64::MAX));
                let expected: Vec<_> = of_run.map(|(_, turn)| turn.clone()).collect();
                prop_assert_eq!(turns(&store, run(number)).expect("the turns are whole"), expected);
            }
        }
        let store = Store::open(directory.path()).expect("the store opens");
        let all = [0, 1, 2].map(|number| Draft::nothing().without_turns(run(number), 0..100).rows);
        write(&store, all.iter(), &|_drafts, _took| {}).expect("there is room");
        for table in [Table::Turns, Table::Payloads, Table::PayloadCounts] {
            prop_assert!(rows(&store, table).is_empty(), "{} is not empty", table.name());
        }
    }
}

/// A store with these turns of run 1.
fn store_with(turns: &[Turn]) -> (TempDir, Store) {
    let directory = TempDir::new().expect("a temporary directory");
    let store = Store::open(directory.path()).expect("the store opens");
    for batch in turns.chunks(100) {
        let batch: Vec<_> = batch.iter().map(|turn| rows_of(run(1), turn)).collect();
        write(&store, batch.iter(), &|_drafts, _took| {}).expect("there is room");
    }
    (directory, store)
}

#[test]
fn a_thousand_turns_with_an_equal_value_take_the_room_of_one() {
    let body = noise(1, 100_000);
    let all: Vec<_> =
        (0..1_000).map(|seq| turn(seq, "1".into(), &body, Verdict::Waiting)).collect();
    let (directory, store) = store_with(&all);
    let stored = [Table::Turns, Table::Payloads, Table::PayloadCounts].map(|table| {
        rows(&store, table).iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
    });
    // Three places of each turn refer to it, with 33 bytes each.
    assert!(stored.iter().sum::<usize>() < 400_000, "{stored:?} bytes");
    let file =
        std::fs::metadata(directory.path().join("segno.redb")).expect("the file is there").len();
    assert!(file < 8 << 20, "the file has {file} bytes");
    assert_eq!(turns(&store, run(1)).expect("the turns are whole"), all);
}

#[test]
fn a_payload_that_is_missing_or_damaged_is_an_error_and_never_a_panic() {
    let whole = turn(0, "1".into(), &noise(1, LARGE), Verdict::Waiting);
    let (_directory, store) = store_with(std::slice::from_ref(&whole));
    let (key, good) = rows(&store, Table::Payloads).pop_first().expect("there is one payload");
    let error_with = |record: Option<&[u8]>| {
        let written = store.write(|transaction| {
            match record {
                Some(record) => transaction.put(Table::Payloads, &key, record),
                None => transaction.delete(Table::Payloads, &key),
            }
            Ok(())
        });
        written.expect("there is room");
        let error = store.turn(run(1), 0).expect_err("the payload is damaged");
        assert!(matches!(error, StoreError::Record { .. }), "{error:?}");
        error.to_string()
    };
    assert!(error_with(None).ends_with("is missing"));
    assert!(error_with(Some(&[])).ends_with("it is empty"));
    // A size that no block of these bytes can have: the memory for it is not asked for.
    let huge = codec::encode(&u64::MAX);
    assert!(error_with(Some(&huge)).ends_with("says that it is larger than it can be"));
    for at in (0..good.len()).step_by(97) {
        let mut record = good.clone();
        record[at] ^= 0x10;
        error_with(Some(&record));
    }
    error_with(Some(&good[..good.len() - 1]));
}

#[test]
fn a_reference_that_has_no_place_in_its_turn_is_an_error() {
    let (_directory, store) =
        store_with(&[turn(0, "1".into(), &noise(1, LARGE), Verdict::Waiting)]);
    let row = rows(&store, Table::Turns).into_values().next().expect("there is one turn");
    let (mut references, turn) =
        codec::decode::<(Vec<Reference>, Turn)>("turns", &row).expect("it is whole");
    let error_with = |references: &[Reference]| {
        let record = codec::encode(&(references, &turn));
        let key = keys::numbered(run(1), 0);
        let written = store.write(|transaction| {
            transaction.put(Table::Turns, &key, &record);
            Ok(())
        });
        written.expect("there is room");
        turns(&store, run(1)).expect_err("the references are damaged").to_string()
    };
    references.reverse();
    assert!(error_with(&references).contains("it has no place for payload"));
    // The second payload is text, and noise is none.
    references.truncate(1);
    references[0].position = 1;
    assert!(error_with(&references).ends_with("is not text"));
    references[0].position = u32::MAX;
    assert!(error_with(&references).ends_with("it has no place for payload 4294967295"));
}

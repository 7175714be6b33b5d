mod searching;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use segno_journal::{BlockKind, Blocked, Digest, RunId, Timestamp};
use tempfile::TempDir;

use crate::store::commit::write::write;
use crate::store::draft::Rows;
use crate::store::tables::Table;
use crate::store::{Draft, RunRecord, Search, Standing, Status, Store};

fn run(number: u64) -> RunId {
    RunId::from_parts(Timestamp(number), number.into())
}

fn record(workflow: &str, standing: Standing) -> RunRecord {
    RunRecord::new(workflow.into(), Digest::from_bytes([0; 32]), Timestamp(1), [0xff; 32], standing)
}

fn blocked() -> Standing {
    Standing::Blocked(Blocked { kind: BlockKind::Trap, message: "on purpose".into() })
}

fn stands(number: u64, workflow: &str, standing: Standing) -> Rows {
    Draft::nothing().with_run(run(number), &record(workflow, standing)).rows
}

fn gone(number: u64) -> Rows {
    let mut rows = Rows::default();
    rows.delete(Table::Runs, run(number).to_bytes());
    rows
}

/// Writes drafts as one batch.
fn commit(store: &Store, drafts: &[Rows]) {
    write(store, drafts.iter(), &|_drafts, _took| {}).expect("the store takes it");
}

/// Runs as a visitor is given them, by their numbers.
fn found(store: &Store, runs: &Search) -> Vec<(u64, Status)> {
    let mut found = Vec::new();
    let visited = store.search(runs, |run, record| {
        found.extend(record.map(|record| (number_of(run), record.standing.status())));
        ControlFlow::Continue(())
    });
    visited.expect("it can be read");
    found
}

fn number_of(run: RunId) -> u64 {
    u64::try_from(u128::from_be_bytes(run.to_bytes()) >> 80).expect("it is small")
}

fn all() -> Search {
    Search { statuses: Status::ALL.into(), ..Search::default() }
}

fn counts(store: &Store, workflow: Option<&str>) -> Vec<(String, Status, u64)> {
    let counts = store.count_runs(workflow).expect("it can be read");
    counts.into_iter().map(|((workflow, status), count)| (workflow, status, count)).collect()
}

fn wrong(store: &Store) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut only_index = |what: String| {
        // The runs of these tests have neither turns nor modules.
        if what.contains("index") || what.contains("counted") || what.contains("a count") {
            wrong.push(what);
        }
    };
    store.check(&mut only_index).expect("it can be read");
    wrong
}

#[test]
fn a_run_is_found_as_it_stands_and_counted_once() {
    let store = Store::in_memory().expect("the store opens");
    commit(&store, &[stands(1, "a", Standing::Pending), stands(2, "a", Standing::Running)]);
    assert_eq!(found(&store, &all()), [(2, Status::Running), (1, Status::Pending)]);
    commit(&store, &[stands(1, "a", Standing::Running), stands(1, "a", blocked())]);
    assert_eq!(found(&store, &all()), [(2, Status::Running), (1, Status::Blocked)]);
    let a = |status, count| ("a".to_owned(), status, count);
    assert_eq!(counts(&store, None), [a(Status::Running, 1), a(Status::Blocked, 1)]);
    commit(&store, &[stands(1, "a", blocked()), stands(2, "a", Standing::Failed(Timestamp(9)))]);
    assert_eq!(counts(&store, Some("a")), [a(Status::Blocked, 1), a(Status::Failed, 1)]);
    commit(&store, &[gone(1), gone(2), gone(3), stands(4, "a", Standing::Running), gone(4)]);
    assert_eq!(found(&store, &all()), []);
    assert_eq!(counts(&store, None), []);
    assert_eq!(wrong(&store), Vec::<String>::new());
    for table in ["standings", "counts"] {
        assert_eq!(store.raw_rows(table).expect("it can be read"), [], "{table}");
    }
}

#[test]
fn runs_are_found_newest_first_by_workflow_status_and_start() {
    let store = Store::in_memory().expect("the store opens");
    for number in 0..60 {
        let workflow = ["a", "ab", "b"][number as usize % 3];
        let standing = match number % 4 {
            0 => Standing::Running,
            1 => Standing::Completed(Timestamp(number + 100)),
            2 => Standing::Failed(Timestamp(number + 100)),
            _ => Standing::Paused(Timestamp(number)),
        };
        commit(&store, &[stands(number, workflow, standing)]);
    }
    let numbers = |runs: &Search| -> Vec<u64> {
        found(&store, runs).into_iter().map(|(number, _)| number).collect()
    };
    let expected =
        |wanted: fn(&u64) -> bool| -> Vec<u64> { (0..60).rev().filter(wanted).collect() };
    assert_eq!(numbers(&all()), expected(|_| true));
    let of_a = Search { workflow: Some("a".into()), ..all() };
    assert_eq!(numbers(&of_a), expected(|number| number % 3 == 0));
    let ends = BTreeSet::from([Status::Completed, Status::Failed]);
    let ended = Search { statuses: ends, ..all() };
    assert_eq!(numbers(&ended), expected(|number| (1..3).contains(&(number % 4))));
    let between = Search { from: Some(run(10)), before: Some(run(20)), ..of_a.clone() };
    assert_eq!(numbers(&between), expected(|number| number % 3 == 0 && (10..20).contains(number)));
    let first = RunId::from_bytes([0; 16]);
    assert_eq!(numbers(&Search { before: Some(first), ..all() }), [0; 0]);
    assert_eq!(numbers(&Search { from: Some(run(9)), before: Some(run(9)), ..all() }), [0; 0]);
    assert_eq!(numbers(&Search { workflow: Some("c".into()), ..all() }), [0; 0]);
    let workflows = store.workflows_with_runs().expect("it can be read");
    assert_eq!(workflows, ["a", "ab", "b"].map(str::to_owned).into());
    assert_eq!(counts(&store, Some("ab")).iter().map(|(_, _, count)| count).sum::<u64>(), 20);
}

#[test]
fn runs_that_ended_before_a_moment_are_found_oldest_first() {
    let store = Store::in_memory().expect("the store opens");
    for (number, ended) in [(1, 50), (2, 10), (3, 30), (4, 20)] {
        commit(&store, &[stands(number, "a", Standing::Completed(Timestamp(ended)))]);
    }
    commit(&store, &[stands(5, "a", Standing::Failed(Timestamp(1)))]);
    commit(&store, &[stands(6, "ab", Standing::Completed(Timestamp(1)))]);
    let ended = |before, after: Option<u64>, max| {
        let mut found = Vec::new();
        let of = ("a", Status::Completed);
        let visited = store.visit_ended(of, Timestamp(before), after.map(run), |run, at| {
            found.push((number_of(run), at.0));
            if found.len() == max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        visited.expect("it can be read");
        found
    };
    assert_eq!(ended(50, None, 9), [(2, 10), (3, 30), (4, 20)]);
    assert_eq!(ended(50, Some(2), 1), [(3, 30)]);
    assert_eq!(ended(51, None, 1), [(1, 50)]);
    assert_eq!(ended(10, None, 9), []);
}

/// Some runs in a store on disk.
fn filled(directory: &TempDir) -> (Store, BTreeMap<(String, Status), u64>) {
    let store = Store::open(directory.path()).expect("the store opens");
    for number in 0..50 {
        let workflow = if number % 2 == 0 { "a" } else { "b" };
        let ended = Standing::Cancelled(Timestamp(number));
        commit(
            &store,
            &[stands(number, workflow, if number % 3 == 0 { ended } else { blocked() })],
        );
    }
    let counts = store.count_runs(None).expect("it can be read");
    (store, counts)
}

#[test]
fn a_store_of_before_gets_the_index_and_so_does_one_that_stopped_while_it_was_made() {
    for left in ["", "standings", "standings, counts"] {
        let directory = TempDir::new().expect("a temporary directory");
        let (store, counts) = filled(&directory);
        let rows =
            ["standings", "counts"].map(|table| (table, store.raw_rows(table).expect("read")));
        let changed = store.change_raw(|raw| {
            for (table, rows) in &rows {
                let kept = if left.contains(table) { rows.len() / 2 } else { 0 };
                rows[kept..].iter().try_for_each(|(key, _)| raw.remove(table, key))?;
            }
            // A run went on under a version that knew no index.
            let record = crate::store::codec::encode(&record("a", Standing::Running));
            raw.put("runs", &run(0).to_bytes(), &record)?;
            raw.remove("meta", b"indexed")
        });
        changed.expect("it is written");
        drop(store);
        let looked = Store::open_to_look(directory.path()).expect("it can be read");
        assert_eq!(wrong(&looked), Vec::<String>::new(), "{left}: it has none yet");
        drop(looked);
        let store = Store::open(directory.path()).expect("the store opens");
        assert_eq!(wrong(&store), Vec::<String>::new(), "{left}");
        assert_eq!(found(&store, &all()).len(), 50, "{left}");
        let mut expected = counts;
        expected.insert(("a".into(), Status::Running), 1);
        *expected.get_mut(&("a".into(), Status::Cancelled)).expect("there are some") -= 1;
        assert_eq!(store.count_runs(None).expect("it can be read"), expected, "{left}");
    }
}

#[test]
fn what_is_received_has_an_index_also_where_what_was_sent_had_none() {
    for had_one in [true, false] {
        let directory = TempDir::new().expect("a temporary directory");
        let (store, counts) = filled(&directory);
        if !had_one {
            let changed = store.change_raw(|raw| {
                for table in ["standings", "counts"] {
                    for (key, _) in store.raw_rows(table)? {
                        raw.remove(table, &key)?;
                    }
                }
                raw.remove("meta", b"indexed")
            });
            changed.expect("it is written");
        }
        let mut stream = Vec::new();
        let dumped = store.dump(|bytes| {
            stream.extend_from_slice(bytes);
            ControlFlow::Continue(())
        });
        dumped.expect("the store can be read");
        let other = TempDir::new().expect("a temporary directory");
        let path = other.path().join("segno.redb");
        Store::receive(&path, stream.as_slice()).expect("it is whole");
        let looked = Store::open_to_look(other.path()).expect("it can be read");
        assert_eq!(wrong(&looked), Vec::<String>::new(), "{had_one}");
        assert_eq!(looked.count_runs(None).expect("it can be read"), counts, "{had_one}");
        assert_eq!(found(&looked, &all()).len(), 50, "{had_one}");
    }
}

#[test]
fn a_check_finds_what_the_index_says_wrongly() {
    let key =
        |status: Status, number| [&b"a\0"[..], &[status as u8], &run(number).to_bytes()].concat();
    let check = |expected: &str, change: &dyn Fn(&mut crate::store::RawRows<'_>)| {
        let store = Store::in_memory().expect("the store opens");
        commit(&store, &[stands(1, "a", Standing::Running)]);
        commit(&store, &[stands(2, "a", Standing::Completed(Timestamp(7)))]);
        let changed = store.change_raw(|raw| {
            change(raw);
            Ok(())
        });
        changed.expect("it is written");
        let wrong = wrong(&store);
        let [wrong] = &*wrong else { panic!("{expected}: {wrong:?}") };
        assert!(wrong.contains(expected), "{expected}: {wrong}");
    };
    check("is not in the index as it stands", &|raw| {
        raw.remove("standings", &key(Status::Running, 1)).expect("it is there");
    });
    check("is not in the index as it stands", &|raw| {
        raw.put("standings", &key(Status::Completed, 2), &[8; 8]).expect("it is there");
    });
    check("is in the index as it does not stand", &|raw| {
        raw.put("standings", &key(Status::Failed, 2), b"").expect("it is there");
    });
    check("is in the index as it does not stand", &|raw| {
        raw.put("standings", &key(Status::Running, 3), b"").expect("it is there");
    });
    check("its key is damaged", &|raw| {
        raw.put("standings", b"a\0\x63", b"").expect("it is there");
    });
    check("1 runs are Running, and 2 are counted", &|raw| {
        raw.put("counts", b"a\0\x01", &2_u64.to_le_bytes()).expect("it is there");
    });
    check("1 runs are Completed, and 0 are counted", &|raw| {
        raw.remove("counts", b"a\0\x03").expect("it is there");
    });
    check("0 runs are Failed, and 1 are counted", &|raw| {
        raw.put("counts", b"a\0\x04", &1_u64.to_le_bytes()).expect("it is there");
    });
    check("2 runs are Running", &|raw| {
        let record = crate::store::codec::encode(&record("a", Standing::Running));
        raw.put("runs", &run(3).to_bytes(), &record).expect("it is there");
        raw.put("standings", &key(Status::Running, 3), b"").expect("it is there");
    });
}

#[test]
fn what_is_damaged_keeps_no_run_from_going_on_and_is_found_by_a_check() {
    let store = Store::in_memory().expect("the store opens");
    commit(&store, &[stands(1, "a", Standing::Running)]);
    commit(&store, &[stands(2, "b", Standing::Running)]);
    let changed = store.change_raw(|raw| {
        raw.put("runs", &run(1).to_bytes(), b"\x01\x00\x09damaged")?;
        raw.put("counts", b"b\0\x01", b"?")
    });
    changed.expect("it is written");
    commit(&store, &[stands(1, "a", blocked()), stands(2, "b", blocked())]);
    let wrong = wrong(&store).join("\n");
    assert!(wrong.contains("is in the index as it does not stand"), "{wrong}");
    assert!(wrong.contains("a count of runs: "), "{wrong}");
    let error = store.count_runs(Some("b")).expect_err("it is damaged");
    assert!(error.to_string().contains("counts"), "{error}");
}

#[test]
fn counts_with_a_suffix_are_added_up() {
    let store = Store::in_memory().expect("the store opens");
    commit(&store, &[stands(1, "a", Standing::Running), stands(2, "a", Standing::Running)]);
    let changed = store.change_raw(|raw| {
        raw.put("counts", b"a\0\x01", &1_u64.to_le_bytes())?;
        raw.put("counts", b"a\0\x01host", &1_u64.to_le_bytes())
    });
    changed.expect("it is written");
    assert_eq!(counts(&store, Some("a")), [("a".to_owned(), Status::Running, 2)]);
    assert_eq!(wrong(&store), Vec::<String>::new());
}

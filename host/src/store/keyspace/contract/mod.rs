//! What every keyspace must hold to, whatever lies below it.

mod model;

use crate::store::StoreError;
use crate::store::keyspace::{Checkpoints, Fence, Keyspace, Moment, Storage, Transaction};
use crate::store::place::At;
use crate::store::tables::Table;

type Pair = (Vec<u8>, Vec<u8>);

/// Runs the suite against a keyspace.
macro_rules! contract {
    ($name:ident, $new:expr) => {
        mod $name {
            use crate::store::keyspace::Keyspace;

            fn keyspace() -> Keyspace {
                $new
            }

            #[test]
            fn a_new_one_is_new_until_it_says_what_it_is() {
                super::a_new_one_is_new_until_it_says_what_it_is(&keyspace());
            }

            #[test]
            fn what_is_written_is_read_by_later_moments_alone() {
                super::what_is_written_is_read_by_later_moments_alone(&keyspace());
            }

            #[test]
            fn a_transaction_that_is_given_up_never_was() {
                super::a_transaction_that_is_given_up_never_was(&keyspace());
            }

            #[test]
            fn what_is_put_if_absent_stays_who_comes_first() {
                super::what_is_put_if_absent_stays_who_comes_first(&keyspace());
            }

            #[test]
            fn whoever_is_behind_a_fence_writes_nothing() {
                super::whoever_is_behind_a_fence_writes_nothing(&keyspace());
            }

            #[test]
            fn two_who_write_at_once_do_so_one_after_the_other() {
                super::two_who_write_at_once_do_so_one_after_the_other(&keyspace());
            }

            #[test]
            fn a_range_is_read_from_both_ends_until_they_meet() {
                super::a_range_is_read_from_both_ends_until_they_meet(&keyspace());
            }

            #[test]
            fn a_moment_that_is_held_outlives_its_keyspace_or_says_so() {
                super::a_moment_that_is_held_outlives_its_keyspace_or_says_so(keyspace());
            }

            proptest::proptest! {
                #![proptest_config(super::model::config())]
                #[test]
                fn it_does_what_a_map_does(
                    acts in proptest::collection::vec(super::model::act(), 1..12)
                ) {
                    super::model::it_does_what_a_map_does(&keyspace(), &acts)?;
                }
            }
        }
    };
}

contract!(log, super::on_disk(u64::MAX, super::Checkpoints::Never));
contract!(pages, super::on_disk(0, super::Checkpoints::InPlace));
contract!(log_and_pages, super::on_disk(2_000, super::Checkpoints::InPlace));
contract!(log_and_pages_in_background, super::on_disk(600, super::Checkpoints::InBackground));
contract!(memory, Keyspace::in_memory());

/// A keyspace on storage in memory, whose checkpoints are made after so many bytes.
fn on_disk(full_at: u64, checkpoints: Checkpoints) -> Keyspace {
    let file = || Box::new(::redb::backends::InMemoryBackend::new());
    let storage = Storage { full_at, checkpoints, ..Storage::new(file(), [file(), file()]) };
    let path = std::path::Path::new("storage");
    Keyspace::open(At { directory: path, path }, storage, 1 << 20).expect("it opens")
}

fn a_new_one_is_new_until_it_says_what_it_is(keyspace: &Keyspace) {
    assert!(keyspace.is_new().expect("it can be read"));
    let given_up = keyspace.write(&[], |transaction| {
        make(transaction);
        Err::<(), _>(StoreError::Closed)
    });
    assert!(given_up.is_err() && keyspace.is_new().expect("it can be read"));
    let written = keyspace.write(&[], |transaction| {
        make(transaction);
        Ok(())
    });
    written.expect("it can be written");
    assert!(!keyspace.is_new().expect("it can be read"));
    let moment = keyspace.moment().expect("it can be read");
    for table in Table::ALL {
        let rows = all(&moment, table);
        assert_eq!(rows.len(), usize::from(table == Table::Meta), "{table:?}");
    }
}

/// Writes a row that says what it is, as a store does.
fn make(transaction: &mut Transaction) {
    transaction.put(Table::Meta, b"format", b"1");
}

fn what_is_written_is_read_by_later_moments_alone(keyspace: &Keyspace) {
    let before = keyspace.moment().expect("it can be read");
    put(keyspace, b"a", b"1");
    let between = keyspace.moment().expect("it can be read");
    let value = between.get(Table::Runs, b"a").expect("it can be read").expect("it is there");
    put(keyspace, b"a", b"2");
    put(keyspace, b"b", b"3");
    assert_eq!(*value, *b"1", "what a moment has lent stays as it was");
    let after = keyspace.moment().expect("it can be read");
    let found = [&before, &between, &after].map(|moment| all(moment, Table::Runs));
    let row = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
    assert_eq!(found, [vec![], vec![row(b"a", b"1")], vec![row(b"a", b"2"), row(b"b", b"3")]]);
}

fn a_transaction_that_is_given_up_never_was(keyspace: &Keyspace) {
    put(keyspace, b"kept", b"1");
    let given_up = keyspace.write(&[], |transaction| {
        transaction.put(Table::Runs, b"new", b"2");
        transaction.delete(Table::Runs, b"kept");
        transaction.put(Table::Turns, b"elsewhere", b"3");
        Err::<(), _>(StoreError::Closed)
    });
    assert!(matches!(given_up, Err(StoreError::Closed)));
    let moment = keyspace.moment().expect("it can be read");
    assert_eq!(all(&moment, Table::Runs), [(b"kept".to_vec(), b"1".to_vec())]);
    assert!(all(&moment, Table::Turns).is_empty());
    let found = keyspace.write(&[], |transaction| {
        let kept = transaction.get(Table::Runs, b"kept")?.is_some();
        Ok((kept, transaction.get(Table::Runs, b"new")?.is_some()))
    });
    assert_eq!(found.expect("it can be written again"), (true, false));
}

fn what_is_put_if_absent_stays_who_comes_first(keyspace: &Keyspace) {
    let put = |value: &[u8]| {
        keyspace
            .write(&[], |transaction| transaction.put_if_absent(Table::Keys, b"key", value))
            .expect("it can be written")
    };
    assert_eq!(put(b"first"), None);
    assert_eq!(put(b"second"), Some(b"first".to_vec()));
    let within = keyspace.write(&[], |transaction| {
        transaction.delete(Table::Keys, b"key");
        Ok([
            transaction.put_if_absent(Table::Keys, b"key", b"third")?,
            transaction.put_if_absent(Table::Keys, b"key", b"fourth")?,
        ])
    });
    assert_eq!(within.expect("it can be written"), [None, Some(b"third".to_vec())]);
}

fn whoever_is_behind_a_fence_writes_nothing(keyspace: &Keyspace) {
    let write = |fences: &[Fence], value: &[u8]| {
        keyspace.write(fences, |transaction| {
            transaction.put(Table::Runs, b"a", value);
            Ok(())
        })
    };
    write(&[Fence::new(1, 0)], b"never taken over").expect("its epoch is 0");
    let raise = |transaction: &mut Transaction| {
        Fence::new(1, 1).raise(transaction);
        Ok(())
    };
    keyspace.write(&[Fence::new(1, 0)], raise).expect("it is free");
    let late = write(&[Fence::new(1, 0)], b"late").expect_err("it was taken over");
    assert!(
        matches!(late, StoreError::Fenced { shard: 1, expected: 0, found: 1 }),
        "{late}: whoever was there before is told"
    );
    let one_of_two = write(&[Fence::new(2, 0), Fence::new(1, 2)], b"late");
    assert!(matches!(one_of_two, Err(StoreError::Fenced { shard: 1, expected: 2, found: 1 })));
    let again = keyspace.write(&[Fence::new(1, 0)], raise);
    assert!(again.is_err(), "who raises a fence must stand before it");
    let value = |keyspace: &Keyspace| {
        let moment = keyspace.moment().expect("it can be read");
        moment.get(Table::Runs, b"a").expect("it can be read").map(|value| value.to_vec())
    };
    assert_eq!(value(keyspace), Some(b"never taken over".to_vec()));
    write(&[Fence::new(2, 0), Fence::new(1, 1)], b"new").expect("both are where they should be");
    write(&[], b"of no shard").expect("nothing is expected");
    assert_eq!(value(keyspace), Some(b"of no shard".to_vec()));
}

fn two_who_write_at_once_do_so_one_after_the_other(keyspace: &Keyspace) {
    const TIMES: u64 = 50;
    let count = |transaction: &mut Transaction| {
        let value = transaction.get(Table::Runs, b"count")?;
        let count = value.map_or(0, |value| {
            u64::from_le_bytes((*value).try_into().expect("it has eight bytes"))
        });
        transaction.put(Table::Runs, b"count", &(count + 1).to_le_bytes());
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                (0..TIMES).try_for_each(|_| keyspace.write(&[], count)).expect("it can be written");
            });
        }
    });
    let moment = keyspace.moment().expect("it can be read");
    let value = moment.get(Table::Runs, b"count").expect("it can be read").expect("it is there");
    assert_eq!(*value, (2 * TIMES).to_le_bytes());
}

fn a_range_is_read_from_both_ends_until_they_meet(keyspace: &Keyspace) {
    let filled = keyspace.write(&[], |transaction| {
        (0..5).for_each(|number| transaction.put(Table::Runs, &[number], &[number]));
        Ok(())
    });
    filled.expect("it can be written");
    let moment = keyspace.moment().expect("it can be read");
    let mut rows = moment.rows(Table::Runs).expect("it can be read");
    let mut found = Vec::new();
    while let Some(row) = if found.len() % 2 == 0 { rows.next() } else { rows.next_back() } {
        found.push(row.expect("it can be read").key()[0]);
    }
    assert_eq!(found, [0, 4, 1, 3, 2]);
    assert!(rows.next().is_none() && rows.next_back().is_none());
}

fn a_moment_that_is_held_outlives_its_keyspace_or_says_so(keyspace: Keyspace) {
    put(&keyspace, b"a", b"1");
    let moment = keyspace.moment().expect("it can be read");
    drop(keyspace);
    match moment.get(Table::Runs, b"a") {
        Ok(value) => assert_eq!(*value.expect("it is there"), *b"1"),
        Err(error) => assert!(matches!(error, StoreError::Io { .. }), "{error}"),
    }
}

fn put(keyspace: &Keyspace, key: &[u8], value: &[u8]) {
    let written = keyspace.write(&[], |transaction| {
        transaction.put(Table::Runs, key, value);
        Ok(())
    });
    written.expect("it can be written");
}

fn all(moment: &Moment, table: Table) -> Vec<Pair> {
    let rows = moment.rows(table).expect("it can be read");
    rows.map(|row| row.expect("it can be read"))
        .map(|row| (row.key().to_vec(), row.value().to_vec()))
        .collect()
}

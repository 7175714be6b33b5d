use std::sync::mpsc::channel;

use segno_journal::{Digest, Event, Op, Verdict};

use super::*;
use crate::store::{Committer, EndCall, Standing, StartKey, Unmet};

fn run(number: u128) -> RunId {
    RunId::from_parts(Timestamp(1), number)
}

fn write(committer: &Committer, draft: Draft<()>) {
    assert_eq!(try_to_write(committer, draft), Ok(()));
}

/// Writes a draft, or gives what of it did not hold.
fn try_to_write(committer: &Committer, draft: Draft<()>) -> Result<(), Unmet> {
    let (done, written) = channel();
    committer.submit(draft, move |written| done.send(written.map(drop)).expect("heard"));
    committer.flush().expect("the store takes it");
    written.recv().expect("it is answered").map_err(|error| match error {
        StoreError::Unmet(unmet) => unmet,
        error => panic!("{error}"),
    })
}

fn record(key: Option<&str>) -> RunRecord {
    let (module, at) = (Digest::from_bytes([0; 32]), Timestamp(1));
    let ended = Standing::Completed(Timestamp(2));
    RunRecord { key: key.map(Into::into), ..RunRecord::new("w".into(), module, at, [0; 32], ended) }
}

/// A run of so many turns, each with the same large payload, a note, and a key.
fn lives(committer: &Committer, of: RunId, turns: u64) {
    let key = Some(StartKey::OneAtATime("k".to_owned()));
    let draft = Draft::nothing().with_run(of, &record(Some("k"))).with_key("w", key, of);
    write(committer, draft);
    for seq in 0..turns {
        let event = Event::Started { input: format!("\"{}\"", "x".repeat(20_000)) };
        let url = "https://segno.test/t".to_owned();
        let answer = segno_journal::Answer::Accepted;
        let webhook = Command::Webhook { token: format!("{of} {seq}"), url, answer };
        let (first_op, at) = (Op(seq), Timestamp(1));
        let (commands, verdict, log) = (vec![webhook], Verdict::Waiting, vec![]);
        let turn = Turn { seq, first_op, at, event, commands, verdict, log };
        write(committer, Draft::turn(of, turn, vec![]).of_nothing());
    }
}

fn rows_of(store: &Store, of: RunId) -> Vec<&'static str> {
    let has = |table: &&str| {
        let rows = store.raw_rows(table).expect("it can be read");
        rows.iter().any(|(key, value)| {
            key.starts_with(&of.to_bytes())
                || value.windows(16).any(|bytes| bytes == of.to_bytes())
                || key.starts_with(of.to_string().as_bytes())
        })
    };
    Store::raw_tables().filter(has).collect()
}

fn begun() -> (Store, Committer) {
    let store = Store::in_memory().expect("the store opens");
    let (committer, _thread) = Committer::start(store.clone()).expect("there is a thread");
    (store, committer)
}

#[test]
fn a_run_that_fits_is_deleted_in_one_draft_and_nothing_is_left_of_it() {
    let (store, committer) = begun();
    lives(&committer, run(1), 3);
    let draft = Draft::nothing();
    let draft = draft.without_run(&store, (run(1), &record(Some("k"))), &mut Room::default());
    write(&committer, draft.expect("it can be read"));
    assert_eq!(rows_of(&store, run(1)), Vec::<&str>::new());
    assert_eq!(store.raw_rows("payloads").expect("it can be read"), []);
    assert_eq!(store.started_by("w", "k").expect("it can be read"), None);
}

#[test]
fn a_run_of_many_turns_is_gone_at_once_and_its_rows_go_in_slices_which_others_may_repeat() {
    let (store, committer) = begun();
    lives(&committer, run(1), 600);
    lives(&committer, run(2), 2);
    let delete = || {
        let draft = Draft::nothing();
        let draft = draft.without_run(&store, (run(1), &record(Some("k"))), &mut Room::default());
        draft.expect("it can be read")
    };
    let (one, other) = (delete(), delete());
    write(&committer, one);
    assert_eq!(store.run(run(1)).expect("it can be read"), None);
    assert_eq!(store.webhook(&format!("{} 500", run(1))).expect("it can be read"), None);
    assert_eq!(store.running_by("w", "k").expect("it can be read"), None);
    assert_eq!(store.started_by("w", "k").expect("it can be read"), Some(run(2)), "it has the key");
    // Who deletes it again finds nothing, and takes nothing from who came in its place.
    assert_eq!(try_to_write(&committer, other), Err(Unmet::Gone(run(1))));
    let mut slices = 0;
    while let [left] = store.deleting(10).expect("it can be read")[..] {
        assert_eq!(left, run(1));
        let rest = || Draft::nothing().without_rest(&store, left, &mut Room::default());
        let (one, other) = (rest().expect("it can be read"), rest().expect("it can be read"));
        let found = store.check(&mut |what| assert!(!what.contains(&left.to_string()), "{what}"));
        found.expect("it can be read");
        write(&committer, one.0);
        write(&committer, other.0);
        slices += 1;
    }
    assert!(slices > 1, "600 turns are many");
    assert_eq!(rows_of(&store, run(1)), Vec::<&str>::new());
    let counts = store.raw_rows("payload_counts").expect("it can be read");
    assert_eq!(counts.len(), 1, "two turns of the other run have the payload");
    assert_eq!(counts[0].1, 2_u64.to_le_bytes());
}

#[test]
fn a_run_of_which_somebody_is_to_hear_is_kept() {
    let (store, committer) = begun();
    let owed = EndCall { due: Some(Timestamp(9)), ..EndCall::default() };
    write(&committer, Draft::nothing().with_end_call(run(1), &owed));
    assert_eq!(store.kept_for(run(1)).expect("it can be read"), Some(KeptFor::Call));
    let given_up = EndCall { due: None, ..owed };
    write(&committer, Draft::nothing().with_end_call(run(1), &given_up));
    assert_eq!(store.kept_for(run(1)).expect("it can be read"), None);
    write(&committer, Draft::nothing().with_told(run(1), Op(1)));
    assert_eq!(store.kept_for(run(1)).expect("it can be read"), None);
    let cancels = codec::encode(&FamilyRow::Cancels(run(2)));
    let mut draft = Draft::nothing();
    draft.rows.put(Table::Family, keys::numbered(run(1), 2), cancels);
    let child = RunRecord { standing: Standing::Running, ..record(None) };
    write(&committer, draft.with_run(run(2), &child));
    assert_eq!(store.kept_for(run(1)).expect("it can be read"), Some(KeptFor::Child(run(2))));
    write(&committer, Draft::nothing().with_run(run(2), &record(None)));
    assert_eq!(store.kept_for(run(1)).expect("it can be read"), None);
}

#[test]
fn what_leads_to_a_run_that_is_no_more_goes_unless_it_leads_elsewhere_by_then() {
    let (store, committer) = begun();
    let leads = |key: &str, to: RunId| {
        let key = Some(StartKey::OneAtATime(key.to_owned()));
        Draft::nothing().with_key("w", key, to)
    };
    (0..30).for_each(|key| write(&committer, leads(&key.to_string(), run(7))));
    let batch = |at| BatchRecord { at: Timestamp(at), fingerprint: 0, runs: vec![run(7)] };
    let draft = Draft::nothing().with_batch("old", &batch(1));
    write(&committer, draft.with_batch("new", &batch(50)));
    let mut from = Some(StraysFrom::default());
    let mut looks = 0;
    while let Some(place) = from {
        let (draft, next) = store.strays(place, (10, Some(Timestamp(10)))).expect("it can be read");
        // Somebody takes the key in between.
        if looks == 0 {
            write(&committer, leads("0", run(8)).with_run(run(8), &record(None)));
        }
        write(&committer, draft);
        (from, looks) = (next, looks + 1);
    }
    let keys = store.raw_rows("keys").expect("it can be read");
    assert_eq!(keys, [(b"w\x000".to_vec(), run(8).to_bytes().to_vec())]);
    assert_eq!(store.batch("old").expect("it can be read"), None);
    assert_eq!(store.batch("new").expect("it can be read"), Some(batch(50)));
}

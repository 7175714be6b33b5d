//! Golden records: what the first release wrote must be read for ever.
//!
//! Each file in `golden/v1` is one record in its envelope, in hexadecimal digits. A change that
//! makes one of these tests fail has changed the disk format. A record gets a field at the end, behind a
//! semicolon ([`segno_journal::grows`]); then the file stays as it is and is still read, and another
//! one beside it has the record as it is written from then on.

mod endings;
mod families;
mod images;
mod jobs;
mod runs;

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use segno_journal::retry::Attempt;
use segno_journal::{
    Answer, AttributeValue, Block, BlockKind, Blocked, ChildEnd, ClosePolicy, Command, Digest,
    Event, Failure, Fork, History, Level, LogLine, Losses, Manifest, NotTold, Number, Op, Parent,
    Request, Response, Retrial, Run, RunId, Signal, StepFailure, StepOptions, Stream, Timestamp,
    Turn, Verdict, Workflow,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::codec;
use crate::store::images::ImageRecord;
use crate::store::lineage::{Ancestor, Lineage};
use crate::store::payloads::{self, Reference};
use crate::store::records::{
    Attribute, BatchRecord, EndCall, FamilyRow, HeldEvent, HookRecord, ModuleRecord, Note, Noted,
    RunRecord, Standing, WebhookRecord,
};

/// The record is written as the golden file has it, and the golden file is read as the record.
fn check<R: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, record: &R) {
    let written = codec::encode(record);
    let golden = golden(name, &written);
    assert_eq!(
        hex::encode(&written),
        hex::encode(&golden),
        "{name} is written in another way than the first release did"
    );
    read(&golden, record);
}

/// The golden file is read as the record: one of which the type has got fields since is not written so any
/// more.
fn read<R: DeserializeOwned + PartialEq + Debug>(golden: &[u8], record: &R) {
    assert_eq!(&codec::decode::<R>("golden", golden).expect("the golden record is read"), record);
}

/// The record in a golden file. `written` is what the file has to be where there is none.
pub(in crate::store) fn golden(name: &str, written: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("golden/v1")
        .join(name)
        .with_extension("hex");
    let Ok(golden) = std::fs::read_to_string(&path) else {
        panic!(
            "{} is missing; if the record is new, the file has to be\n{}",
            path.display(),
            hex::encode(written)
        )
    };
    hex::decode(golden.trim()).expect("digits")
}

fn response() -> Response {
    Response { status: 200, headers: vec![("a".into(), "b".into())], body: vec![1, 2, 255] }
}

fn turn(event: Event, commands: Vec<Command>, verdict: Verdict) -> Turn {
    let log = vec![LogLine { level: Level::Warn, message: "careful".into() }];
    Turn {
        seq: 300,
        first_op: Op(400),
        at: Timestamp(1_700_000_000_123),
        event,
        commands,
        verdict,
        log,
    }
}

/// Commands that change attributes, with a value of each kind.
fn attributes() -> Vec<Command> {
    let number = Number::new(12.5).expect("it is one");
    let values = [
        ("customer", AttributeValue::Text("42".into())),
        ("amount", AttributeValue::Number(number)),
        ("vip", AttributeValue::Boolean(true)),
        ("due", AttributeValue::Time(Timestamp(1_700_000_000_123))),
    ];
    let set = values.map(|(name, value)| Command::SetAttribute { name: name.into(), value });
    let removed = Command::RemoveAttribute { name: "vip".into() };
    set.into_iter().chain([removed]).collect()
}

/// Of a turn without large payloads.
fn no_references() -> Vec<Reference> {
    Vec::new()
}

#[test]
fn turns_with_every_command_are_read_for_ever() {
    let options =
        StepOptions { max_retries: Some(5), retry_for_ms: Some(7_200_000), timeout_ms: None };
    let commands = vec![
        Command::Step { name: "fetch".into(), input: r#"{"since":1}"#.into(), options },
        Command::Sleep { until: Timestamp(1_700_000_300_000) },
        Command::Webhook { token: "t".into(), url: "http://h/t".into(), answer: Answer::Accepted },
        Command::Webhook {
            token: "u".into(),
            url: "http://h/u".into(),
            answer: Answer::Fixed(response()),
        },
        Command::Webhook { token: "v".into(), url: "http://h/v".into(), answer: Answer::Manual },
        Command::Take { inbox: Op(2) },
        Command::Respond { request: 7, response: response() },
        Command::Dispose { inbox: Op(2) },
        Command::CancelSleep { sleep: Op(1) },
    ];
    let talk = vec![
        Command::Hook { token: "order-42".into(), chosen: true, metadata: Some("{}".into()) },
        Command::Hook { token: "drawn".into(), chosen: false, metadata: None },
        Command::Signal { name: "address".into() },
    ];
    let stop = vec![Command::CancelStep { step: Op(0) }];
    let show = vec![Command::Publish { name: "progress".into(), value: "7".into() }];
    let write = vec![
        Command::Write { stream: "progress".into(), chunk: "half".into() },
        Command::CloseStream { stream: "progress".into() },
    ];
    for (name, commands) in [
        ("turn-commands", commands),
        ("turn-commands-of-talk", talk),
        ("turn-commands-that-stop", stop),
        ("turn-commands-that-show", show),
        ("turn-commands-of-a-family", families::commands()),
        ("turn-commands-that-write", write),
        ("turn-commands-that-mark", attributes()),
    ] {
        let turn = turn(Event::Started { input: "{}".into() }, commands, Verdict::Waiting);
        check(name, &(no_references(), turn));
    }
}

#[test]
fn turns_with_every_event_and_verdict_are_read_for_ever() {
    let failure = StepFailure { step: "s".into(), attempts: 4, message: "no".into(), fatal: true };
    let request = Request {
        number: 1,
        method: "POST".into(),
        url: "/?a=b".into(),
        headers: vec![("x-y".into(), "z".into())],
        body: b"hello".to_vec(),
    };
    let (name, key) = ("address".into(), Some("k".into()));
    let signal = Signal { number: 2, name, payload: "{}".into(), key };
    let events = [
        (
            "turn-step-completed",
            Event::StepCompleted { op: Op(1), output: "[]".into() },
            Verdict::Waiting,
        ),
        (
            "turn-step-failed",
            Event::StepFailed { op: Op(1), failure },
            Verdict::Failed("no".into()),
        ),
        ("turn-slept", Event::Slept { op: Op(300) }, Verdict::Completed("null".into())),
        ("turn-requested", Event::Requested { op: Op(2), request }, Verdict::Waiting),
        ("turn-cancelled", Event::Cancelled, Verdict::Cancelled),
        ("turn-hook-opened", Event::HookOpened { op: Op(2) }, Verdict::Waiting),
        (
            "turn-hook-taken",
            Event::HookTaken { op: Op(2), owner: "run_1".into() },
            Verdict::Waiting,
        ),
        (
            "turn-hook-received",
            Event::HookReceived { op: Op(2), payload: "[1]".into() },
            Verdict::Waiting,
        ),
        ("turn-signalled", Event::Signalled { signal }, Verdict::Waiting),
        ("turn-woken", Event::Woken { op: Op(1), by: Some("ops".into()) }, Verdict::Waiting),
    ];
    for (name, event, verdict) in events {
        check(name, &(no_references(), turn(event, vec![], verdict)));
    }
}

#[test]
fn turns_whose_payloads_are_apart_are_read_for_ever() {
    let reference = |position| Reference { position, digest: Digest::from_bytes([9; 32]) };
    let event = Event::StepCompleted { op: Op(1), output: String::new() };
    let turn = turn(event, vec![], Verdict::Completed(String::new()));
    check("turn-payloads", &(vec![reference(0), reference(1)], turn));
}

/// Only that it is read: another version of the compression may write it in another way.
#[test]
fn payloads_are_read_for_ever() {
    let value = "to and fro, ".repeat(1_000);
    let event = Event::Started { input: value.clone() };
    let (_, payloads) = payloads::encode(&mut turn(event, vec![], Verdict::Waiting));
    let (digest, written) = payloads.first_key_value().expect("it is large");
    let golden = golden("payload", &written.record);
    assert_eq!(
        payloads::decode(*digest, &golden).expect("the golden record is read"),
        value.as_bytes()
    );
}

#[test]
fn notes_of_every_kind_are_read_for_ever() {
    let from = Digest::from_bytes([9; 32]);
    let to = Digest::from_bytes([8; 32]);
    let blocked = Blocked { kind: BlockKind::Trap, message: "why".into() };
    let by = || Some("me".to_owned());
    for (name, what) in [
        ("note-blocked", Noted::Blocked { blocked, event: Some("what".into()) }),
        ("note-resumed", Noted::Resumed { by: None }),
        ("note-moved", Noted::Moved { by: by(), from, to }),
        ("note-cancelled", Noted::Cancelled { by: by() }),
        ("note-paused", Noted::Paused { by: by() }),
    ] {
        check(name, &Note { turn: 300, at: Timestamp(1_700_000_000_000), what });
    }
}

#[test]
fn the_other_records_are_read_for_ever() {
    let at = Timestamp(1_700_000_000_000);
    let retry_at = at.plus_ms(5);
    check("attempt", &Attempt { number: 2, at, error: "no".into(), retry_at, first_at: at });
    check("losses", &Losses { count: 3, running: true, retry_at });
    check("held-event", &HeldEvent { at, event: Event::Slept { op: Op(1) } });
    check("webhook", &WebhookRecord::new(RunId::from_parts(at, 42), Op(3)));
    check("family-told", &FamilyRow::Told);
    check("family-cancels", &FamilyRow::Cancels(RunId::from_parts(at, 42)));
    let value = AttributeValue::Text("42".into());
    check("attribute", &Attribute { value, given: true });
    check("heartbeat", &"{\"rows\":7}".to_owned());
    let error = Some("no".into());
    check("end-call", &EndCall { failed: 2, due: Some(at), error });
    let runs = vec![RunId::from_parts(at, 42)];
    check("batch", &BatchRecord { at, fingerprint: 1 << 63, runs });
    let (written, forgotten, blocks) = (1_000, 400, 3);
    let is_closed = true;
    check("stream", &Stream { next: 9, first: 4, written, forgotten, is_closed, blocks });
    let chunks = vec![b"half".to_vec(), vec![]];
    check("block", &Block { at, step: Some(Op(3)), attempt: 2, begun: at, chunks });
    let run = RunId::from_parts(at, 42);
    check("hook", &HookRecord::new(run, Op(3), at, Some("{}".into())));
    let workflows = vec![
        Workflow { name: "a".into(), history: History::All, input: None, output: None },
        Workflow {
            name: "b".into(),
            history: History::Keep(300),
            input: Some("{}".into()),
            output: Some("true".into()),
        },
    ];
    let manifest = Manifest { sdk: "segno 0.1.0".into(), workflows, steps: vec!["s".into()] };
    check("module", &ModuleRecord { manifest, size: 400_000, deployed_at: at });
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        // With the right beginning, so that the record itself is reached.
        let enveloped = [&[1, 0], &bytes[..]].concat();
        for bytes in [&bytes, &enveloped] {
            let _ = codec::decode::<(Vec<Reference>, Turn)>("turns", bytes);
            let _ = payloads::decode(Digest::from_bytes([0; 32]), bytes);
            let _ = codec::decode::<RunRecord>("runs", bytes);
            let _ = codec::decode::<HeldEvent>("held_events", bytes);
            let _ = codec::decode::<ModuleRecord>("modules", bytes);
            let _ = codec::decode::<Attempt>("attempts", bytes);
        }
    }
}

/// A record as it was, and as it is.
mod parcel {
    pub(super) mod before {
        use segno_journal::grows;

        #[derive(Debug, PartialEq)]
        pub(in super::super) struct Parcel {
            pub(in super::super) grams: u64,
        }

        grows!(Parcel { grams });
    }

    pub(super) mod now {
        use segno_journal::grows;

        #[derive(Debug, PartialEq)]
        pub(in super::super) struct Parcel {
            pub(in super::super) grams: u64,
            pub(in super::super) label: Option<String>,
            pub(in super::super) pieces: Vec<u32>,
        }

        grows!(Parcel { grams; label, pieces });
    }
}

#[test]
fn a_record_that_got_fields_is_read_without_them_where_it_was_written_before() {
    use parcel::{before, now};

    let old = before::Parcel { grams: 300 };
    let label = Some("fragile".to_owned());
    let written = codec::encode(&(7_u8, old, 8_u8));
    let read: (u8, now::Parcel, u8) =
        codec::decode("parcels", &written).expect("it is read for ever");
    assert_eq!(read, (7, now::Parcel { grams: 300, label: None, pieces: vec![] }, 8));

    let new = now::Parcel { grams: 300, label, pieces: vec![1, 2] };
    let written = codec::encode(&new);
    assert_eq!(codec::decode::<now::Parcel>("parcels", &written).expect("it is read"), new);
    // What an older version does not know must not be lost by it.
    let refused =
        codec::decode::<before::Parcel>("parcels", &written).expect_err("it is newer").to_string();
    assert!(refused.starts_with("a record of table `parcels` cannot be read: "), "{refused}");
}

#[test]
fn a_damaged_record_says_what_is_wrong_with_it() {
    let at = Timestamp(0);
    let error = String::new();
    let good = codec::encode(&Attempt { number: 1, at, error, retry_at: at, first_at: at });
    let cases: [(Vec<u8>, &str); 5] = [
        (vec![], "it is empty"),
        ([&[2], &good[1..]].concat(), "it has version 2, but this host reads version 1"),
        (
            [&[1, 5], &good[2..]].concat(),
            "it is encrypted with key 5, which this host does not have",
        ),
        (good[..good.len() - 1].to_vec(), "Hit the end of buffer"),
        ([&good[..], &[0, 0]].concat(), "2 bytes follow its end"),
    ];
    for (bytes, expected) in cases {
        let error = codec::decode::<Attempt>("attempts", &bytes).expect_err(expected).to_string();
        assert!(error.starts_with("a record of table `attempts` cannot be read: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

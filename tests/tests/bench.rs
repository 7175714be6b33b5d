//! The component that `segno bench` carries is a built file that is committed: it must do what its
//! sources do.

use std::path::Path;

use segno_host::sandbox::{
    Capacity, Facts, Guest, Moment, Output, Quota, Sandbox, Tokens, WebhookAddress,
};
use segno_journal::{ChildEnd, Event, Op, Request, RunId, Signal, Timestamp, Verdict};

const QUOTA: Quota = Quota {
    fuel_per_turn: 1_000_000_000,
    seconds: 60,
    memory: 32 << 20,
    commands_per_turn: 10_000,
    bytes_per_turn: 8 << 20,
    payload: 1 << 20,
};

/// The component that is committed, and one that is built now.
fn both() -> [Vec<u8>; 2] {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/bench/bench.wasm");
    let committed = std::fs::read(committed).expect("the component is there");
    [committed, segno_tests::bench_workflows().to_vec()]
}

fn sandbox() -> Sandbox {
    Sandbox::new(Some(&segno_tests::cache()), Capacity::default()).expect("the sandbox can be made")
}

fn guest(component: &[u8], workflow: &str) -> Guest {
    let module = sandbox().load(component).expect("the component is good");
    let started_at = Timestamp(1_700_000_000_000);
    let run = RunId::from_parts(started_at, 7);
    let facts = Facts { run, workflow: workflow.into(), started_at, seed: [7; 32], parent: None };
    module.instantiate(facts, QUOTA).expect("there is room")
}

/// What a workflow asks for at each of these events, a second after one another.
fn play(component: &[u8], workflow: &str, events: &[Event]) -> Vec<Output> {
    let mut guest = guest(component, workflow);
    let turns = events.iter().enumerate().map(|(turn, event)| {
        let at = Timestamp(1_700_000_000_000 + 1_000 * turn as u64);
        let address = || WebhookAddress { token: "t".into(), url: "http://h/t".into() };
        let tokens = Tokens::Fresh(Box::new(address));
        guest.turn(event, Moment { seq: turn as u64, at }, tokens).expect("the guest behaves")
    });
    turns.collect()
}

/// What happens to a workflow, as its sources say; true if that is all.
fn scripts() -> Vec<(&'static str, Vec<Event>, bool)> {
    let started = |input: &str| Event::Started { input: input.into() };
    let completed = |op| Event::StepCompleted { op: Op(op), output: "null".into() };
    let end = || ChildEnd::Completed("null".into());
    let returned = |op| Event::ChildEnded { op: Op(op), end: end() };
    let slept = |op| Event::Slept { op: Op(op) };
    let request = Request {
        number: 0,
        method: "POST".into(),
        url: "/".into(),
        headers: Vec::new(),
        body: b"42".to_vec(),
    };
    let called = Event::Requested { op: Op(0), request };
    let signal = Signal { number: 0, name: "number".into(), payload: "42".into(), key: None };
    let sent = Event::Signalled { signal };
    let ticks = started(r#"{"ticks":2,"uncounted":1}"#);
    vec![
        ("sequential", vec![started("3"), completed(0), completed(1), completed(2)], true),
        ("parallel", vec![started("3"), completed(1), completed(2), completed(0)], true),
        ("sleeper", vec![started("null"), slept(0)], true),
        (
            "hook",
            vec![started("2"), completed(1), completed(2), completed(3), called, completed(4)],
            false,
        ),
        ("ticker", vec![ticks, slept(0), slept(1), completed(2)], true),
        ("listener", vec![started("null"), completed(1), sent, completed(2)], false),
        ("asked", vec![started("2"), completed(0), completed(1)], true),
        ("parent", vec![started("2"), returned(1), returned(0)], true),
        ("one_step", vec![started("null"), completed(0)], true),
        ("streamer", vec![started("2"), completed(0)], true),
    ]
}

#[test]
fn the_committed_component_has_what_a_fresh_build_has() {
    let [committed, fresh] = both().map(|component| {
        let module = sandbox().load(&component).expect("the component is good");
        module.describe().expect("the component says what is in it")
    });
    assert_eq!(
        committed, fresh,
        "host/bench/bench.wasm is of other sources: run `just bench-component`"
    );
    let names: Vec<_> = fresh.workflows.iter().map(|workflow| workflow.name.as_str()).collect();
    let played: Vec<_> = scripts().into_iter().map(|(workflow, ..)| workflow).collect();
    assert_eq!(names, played, "each workflow has a script here");
}

#[test]
fn the_committed_component_does_what_a_fresh_build_does() {
    let components = both();
    for (workflow, events, ends) in scripts() {
        let [committed, fresh] = components.each_ref().map(|bytes| play(bytes, workflow, &events));
        assert_eq!(
            committed, fresh,
            "{workflow}: host/bench/bench.wasm is of other sources: run `just bench-component`"
        );
        let verdict = &fresh.last().expect("there are turns").verdict;
        assert_eq!(matches!(verdict, Verdict::Completed(_)), ends, "{workflow}: {verdict:?}");
    }
}

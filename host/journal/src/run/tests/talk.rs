//! What is said to a run: payloads of hooks, and signals.

use super::*;
use crate::MAX_PUBLISHED;

fn signal(name: &str, number: u64, key: Option<&str>) -> Event {
    let (name, key) = (name.into(), key.map(Into::into));
    Event::Signalled { signal: Signal { number, name, payload: "{}".into(), key } }
}

fn received(op: u64, payload: &str) -> Event {
    Event::HookReceived { op: Op(op), payload: payload.into() }
}

#[test]
fn a_hook_takes_nothing_before_it_has_its_token() {
    let mut life = Life { run: Run::new() };
    let started = Event::Started { input: "null".into() };
    let asked = life.turn(started, vec![hook("order-42")]).expect("a run starts");
    let [Effect::Claim(claim)] = &asked[..] else { panic!("it asks for its token: {asked:?}") };
    assert_eq!((claim.op, &*claim.token, claim.is_answered), (Op(0), "order-42", true));
    assert_eq!(life.run.admits(&received(0, "1")), Err(Refusal::NotOpen(Op(0))));
    life.turn(Event::HookOpened { op: Op(0) }, vec![]).expect("it waits to hear that");
    assert_eq!(life.run.admits(&Event::HookOpened { op: Op(0) }), Err(Refusal::NotOpen(Op(0))));
    life.turn(received(0, "1"), vec![Command::Take { inbox: Op(0) }]).expect("it is open");
}

#[test]
fn a_hook_whose_token_is_taken_is_over_and_holds_nothing() {
    let mut life = Life::started(vec![hook("order-42"), step("a")]);
    let taken = Event::HookTaken { op: Op(0), owner: "run_1".into() };
    assert_eq!(life.turn(taken, vec![]), Ok(vec![]));
    assert_eq!(life.run.operation(Op(0)), None);
    let end = life.turn_to(Event::Cancelled, vec![], Verdict::Cancelled);
    assert_eq!(end, Ok(vec![Effect::End { timers: vec![], hooks: vec![], children: vec![] }]));
}

#[test]
fn a_drawn_token_needs_no_answer() {
    let mut life = Life { run: Run::new() };
    let started = Event::Started { input: "null".into() };
    let drawn = Command::Hook { token: "x".into(), chosen: false, metadata: None };
    let asked = life.turn(started, vec![drawn]).expect("a run starts");
    assert!(matches!(&asked[..], [Effect::Claim(claim)] if !claim.is_answered));
    life.turn(received(0, "1"), vec![]).expect("it is open at once");
}

#[test]
fn the_token_of_a_hook_is_free_when_it_is_closed_and_when_its_run_ends() {
    let mut life = Life::started(vec![hook("a"), hook("b"), step("s")]);
    let dispose = vec![Command::Dispose { inbox: Op(0) }; 2];
    let release = Effect::Release { op: Op(0), token: "a".into() };
    assert_eq!(life.turn(Event::HookOpened { op: Op(0) }, dispose), Ok(vec![release]));
    let end = life.turn_to(done(2), vec![], Verdict::Completed("1".into()));
    let hooks = vec![(Op(1), "b".to_owned())];
    assert_eq!(
        end,
        Ok(vec![Effect::End { timers: vec![], hooks, children: vec![] }]),
        "nobody knew whether it had it"
    );
}

#[test]
fn a_hook_that_is_closed_in_the_turn_that_opened_it_wants_no_token() {
    let mut life = Life::started(vec![step("s"), step("t")]);
    let commands = vec![hook("a"), Command::Dispose { inbox: Op(2) }];
    let release = Effect::Release { op: Op(2), token: "a".into() };
    assert_eq!(life.turn(done(0), commands), Ok(vec![release]));
}

#[test]
fn a_turn_that_closes_a_hook_and_ends_the_run_frees_its_token() {
    let mut life = Life::started(vec![hook("a")]);
    life.turn(Event::HookOpened { op: Op(0) }, vec![]).expect("it waits to hear that");
    let commands = vec![Command::Dispose { inbox: Op(0) }];
    let effects = life.turn_to(received(0, "1"), commands, Verdict::Completed("1".into()));
    let effects = effects.expect("the hook is open");
    assert!(effects.contains(&Effect::Release { op: Op(0), token: "a".into() }), "{effects:?}");
}

#[test]
fn signals_wait_under_their_name_until_the_workflow_takes_them_in() {
    let mut life = Life::started(vec![step("s")]);
    life.turn(signal("address", 0, None), vec![]).expect("it waits");
    life.turn(signal("note", 1, None), vec![]).expect("it waits");
    assert_eq!(life.run.requests(), 2);
    let take = Command::Take { inbox: Op(1) };
    let open = Command::Signal { name: "address".into() };
    life.turn(done(0), vec![open, take.clone()]).expect("one is there");
    let untaken = |life: &Life, name| life.run.signals().expect("some came").untaken(name);
    assert_eq!((untaken(&life, "address"), untaken(&life, "note")), (0, 1));
    assert_eq!(
        life.turn(signal("note", 2, None), vec![take]),
        Err(Fault::NothingToTake(Op(1))),
        "the other name is not its own"
    );
}

#[test]
fn a_signal_that_is_sent_again_with_its_key_comes_once() {
    let mut life = Life::started(vec![Command::Signal { name: "a".into() }]);
    life.turn(signal("a", 0, Some("k")), vec![]).expect("it is new");
    assert_eq!(life.run.admits(&signal("a", 1, Some("k"))), Err(Refusal::Repeated));
    assert_eq!(life.run.admits(&signal("a", 1, Some("l"))), Ok(()));
    assert_eq!(life.run.admits(&signal("a", 1, None)), Ok(()));
    let response = Response { status: 200, headers: vec![], body: b"1".to_vec() };
    let commands = vec![Command::Take { inbox: Op(0) }, Command::Respond { request: 0, response }];
    life.turn(signal("a", 1, None), commands).expect("it is new");
    let known = life.run.signals().and_then(|signals| signals.known("k")).expect("it came");
    assert_eq!((known.number, known.answered_in), (0, Some(2)));
}

#[test]
fn signals_have_no_more_room_than_requests() {
    let mut life = Life::started(vec![step("s")]);
    for number in 0..MAX_UNTAKEN as u64 {
        life.turn(signal("a", number, None), vec![]).expect("there is room");
    }
    assert_eq!(life.run.admits(&signal("a", 0, None)), Err(Refusal::Full));
    assert_eq!(life.run.admits(&signal("b", 0, None)), Ok(()), "another name has room of its own");
    let payload = "x".repeat(MAX_UNTAKEN_BYTES);
    let large = Signal { number: 0, name: "b".into(), payload, key: None };
    assert_eq!(life.run.admits(&Event::Signalled { signal: large }), Err(Refusal::Full));
}

#[test]
fn signals_that_come_together_have_the_same_room_as_those_that_come_alone() {
    let mut life = Life::started(vec![step("s")]);
    let together = |life: &Life, names: &[&'static str], each: usize| {
        life.run.admits_signals(names.iter().map(|name| (*name, each)))
    };
    for number in 0..MAX_UNTAKEN as u64 - 1 {
        life.turn(signal("a", number, None), vec![]).expect("there is room");
    }
    assert_eq!(together(&life, &["a", "b", "b"], 1), Ok(()));
    assert_eq!(together(&life, &["b", "a", "a"], 1), Err((2, Refusal::Full)));
    assert_eq!(together(&life, &["b"; MAX_UNTAKEN], 1), Ok(()));
    assert_eq!(together(&life, &["b"; MAX_UNTAKEN + 1], 1), Err((MAX_UNTAKEN, Refusal::Full)));
    assert_eq!(together(&life, &["b", "c"], MAX_UNTAKEN_BYTES / 2), Err((1, Refusal::Full)));
    life.turn_to(done(0), vec![], Verdict::Completed("1".into())).expect("the step is open");
    assert_eq!(together(&life, &["a"], 1), Err((0, Refusal::Ended)));
}

#[test]
fn a_run_shows_no_more_names_than_it_may() {
    let show = |number: usize| Command::Publish { name: format!("n{number}"), value: "1".into() };
    let mut life = Life::started(vec![step("a"), step("b"), step("c")]);
    let all: Vec<_> = (0..MAX_PUBLISHED).chain(0..MAX_PUBLISHED).map(show).collect();
    life.turn(done(0), all).expect("a name counts once");
    assert_eq!(life.turn(done(1), vec![show(0)]), Ok(vec![]));
    assert_eq!(life.turn(done(2), vec![show(MAX_PUBLISHED)]), Err(Fault::PublishesTooMuch));
}

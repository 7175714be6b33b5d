//! Children, and what a run tells others of its family.

use super::*;

fn run(number: u128) -> RunId {
    RunId::from_parts(Timestamp(1), number)
}

fn ended(op: u64, end: ChildEnd) -> Event {
    Event::ChildEnded { op: Op(op), end }
}

fn end(children: Vec<RunId>) -> Effect {
    Effect::End { timers: vec![], hooks: vec![], children }
}

fn cancel_child() -> Effect {
    Effect::CancelChild { op: Op(0), run: run(1) }
}

#[test]
fn a_child_ends_once_and_how_it_ends_is_an_event_of_its_parent() {
    let mut life = Life::started(vec![child(1, ClosePolicy::Cancel), step("a")]);
    let completed = ended(0, ChildEnd::Completed("1".into()));
    assert_eq!(life.run.admits(&ended(1, ChildEnd::Cancelled)), Err(Refusal::NotOpen(Op(1))));
    assert_eq!(life.turn(completed.clone(), vec![]), Ok(vec![]));
    assert_eq!(life.run.admits(&completed), Err(Refusal::NotOpen(Op(0))), "it may be told again");
}

#[test]
fn children_end_with_their_parent_unless_they_are_left() {
    let commands = vec![
        child(1, ClosePolicy::Cancel),
        child(2, ClosePolicy::Leave),
        child(3, ClosePolicy::Cancel),
    ];
    let mut life = Life::started([commands, vec![step("a")]].concat());
    life.turn(ended(0, ChildEnd::Cancelled), vec![]).expect("it was open");
    let done = life.turn_to(done(3), vec![], Verdict::Completed("1".into()));
    assert_eq!(done, Ok(vec![end(vec![run(3)])]));
}

#[test]
fn a_child_is_cancelled_once_and_waited_for_until_it_is() {
    let mut life = Life::started(vec![child(1, ClosePolicy::Leave), step("a"), step("b")]);
    let cancel = vec![Command::CancelChild { child: Op(0) }; 2];
    assert_eq!(life.turn(done(1), cancel.clone()), Ok(vec![cancel_child()]));
    assert!(matches!(life.run.operation(Op(0)), Some(Open::Child(child)) if child.cancelled));
    life.turn(ended(0, ChildEnd::Cancelled), vec![]).expect("it is waited for");
    assert_eq!(
        life.turn(done(2), [cancel, vec![step("c")]].concat()).map(|effects| effects.len()),
        Ok(1)
    );
    let mut life = Life::started(vec![child(1, ClosePolicy::Leave), step("a")]);
    let cancel = vec![Command::CancelChild { child: Op(0) }];
    let done = life.turn_to(done(1), cancel, Verdict::Completed("1".into()));
    let expected = vec![cancel_child(), end(vec![run(1)])];
    assert_eq!(done, Ok(expected), "who is to be cancelled is not left");
}

#[test]
fn of_what_is_begun_in_the_last_turn_only_those_start_that_are_left() {
    let commands = vec![child(1, ClosePolicy::Cancel), child(2, ClosePolicy::Leave), tell(3)];
    let mut life = Life::started(vec![step("a")]);
    let effects = life.turn_to(done(0), commands, Verdict::Completed("1".into())).expect("it ends");
    let [Effect::Spawn(spawn), last] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((spawn.run, last), (run(2), &end(vec![run(1)])));
}

#[test]
fn a_signal_to_another_run_is_over_when_that_has_it_or_refuses_it() {
    let mut life = Life::started(vec![tell(1), tell(1), step("a")]);
    assert_eq!(life.turn(Event::Told { op: Op(0) }, vec![]), Ok(vec![]));
    assert_eq!(life.run.admits(&Event::Told { op: Op(0) }), Err(Refusal::NotOpen(Op(0))));
    let refused = Event::NotTold { op: Op(1), why: NotTold::Full };
    assert_eq!(life.turn(refused, vec![]), Ok(vec![]));
    assert_eq!(life.run.open().len(), 1);
}

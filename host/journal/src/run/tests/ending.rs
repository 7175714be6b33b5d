//! Cancels, compensations and shields.

use super::*;
use crate::MAX_COMPENSATIONS;

fn compensation(name: &str) -> Command {
    Command::Compensation { name: name.into() }
}

fn cancelling() -> Event {
    Event::Cancelling { by: None, error: None, within_ms: 500 }
}

fn unwind() -> Command {
    Command::Unwind { error: None }
}

#[test]
fn a_run_is_told_before_it_ends_while_it_has_something_to_undo_or_is_shielded() {
    let mut life = Life::started(vec![step("a"), step("b"), step("c")]);
    assert!(!life.run.cleans_up());
    life.turn(done(0), vec![Command::Shield]).expect("it is open");
    assert!(life.run.cleans_up());
    life.turn(done(1), vec![Command::Unshield { shield: Op(3) }, compensation("undo")])
        .expect("it is open");
    assert!(life.run.cleans_up());
    life.turn(done(2), vec![Command::Keep { compensation: Op(4) }, step("d")]).expect("it is open");
    assert!(!life.run.cleans_up());
}

#[test]
fn a_run_is_told_once_and_has_until_then() {
    let mut life = Life::started(vec![compensation("undo"), step("a")]);
    let effects = life.turn(cancelling(), vec![unwind(), step("undo")]).expect("it is told");
    let until = Timestamp(1001 + 500);
    assert_eq!(effects[0], Effect::Expire { at: until });
    assert_eq!(life.run.told_to_end().map(|told| told.until), Some(until));
    assert_eq!(life.run.admits(&cancelling()), Err(Refusal::Repeated));
    let expired = Event::Expired { error: "late".into() };
    let effects = life.turn_to(expired, vec![], Verdict::Failed("late".into())).expect("it ends");
    let Some(Effect::End { timers, .. }) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(timers[..], [(until, Op::OF_THE_RUN)]);
    assert_eq!(life.run.ending(), None);
}

#[test]
fn what_the_workflow_waited_for_is_given_up_and_what_undoes_it_is_not() {
    let commands = vec![
        compensation("undo"),
        step("a"),
        Command::Sleep { until: Timestamp(9_000) },
        child(1, ClosePolicy::Cancel),
        child(2, ClosePolicy::Leave),
        webhook(),
        tell(3),
    ];
    let mut life = Life::started(commands);
    let undo = Command::Undo { compensation: Op(0) };
    let effects = life.turn(cancelling(), vec![unwind(), undo, step("undo")]).expect("it is told");
    let Effect::CancelChild { op: Op(3), .. } = effects[3] else { panic!("{effects:?}") };
    assert_eq!(effects[1], Effect::Stop { op: Op(1), at: None });
    assert_eq!(effects[2], Effect::Forget { op: Op(2), at: Timestamp(9_000) });
    let left: Vec<_> = life.run.open().map(|(op, _)| op.0).collect();
    assert_eq!(left, [0, 3, 4, 5, 6, 7], "the child that is cancelled is waited for");
    let undone = Command::Undone { compensation: Op(0), error: None };
    life.turn_to(done(7), vec![undone], Verdict::Cancelled).expect("it is cancelled");
    assert_eq!(life.run.status(), &Status::Cancelled);
}

#[test]
fn a_step_that_is_begun_and_given_up_with_the_workflow_is_not_begun() {
    let mut life = Life::started(vec![compensation("undo"), step("a")]);
    let commands = vec![step("b"), Command::Unwind { error: Some("no".into()) }, step("undo")];
    let effects = life.turn(done(1), commands).expect("it is open");
    let begun = |effect: &Effect| match effect {
        Effect::Start { op, .. } => Some(op.0),
        _ => None,
    };
    assert_eq!(effects.iter().filter_map(begun).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_workflow_undoes_what_it_registered_and_each_of_it_once() {
    let undo = |op| Command::Undo { compensation: Op(op) };
    let undone = |op| Command::Undone { compensation: Op(op), error: None };
    let why = || Command::Unwind { error: Some("no".into()) };
    let of = |commands: Vec<Command>| {
        let mut life = Life::started(vec![compensation("undo"), step("a"), step("b")]);
        life.turn(done(1), commands)
    };
    assert_eq!(of(vec![why(), undo(7)]), Err(Fault::NothingToUndo(Op(7))));
    assert_eq!(of(vec![why(), undo(2)]), Err(Fault::NothingToUndo(Op(2))), "it is a step");
    assert_eq!(of(vec![why(), undo(0), undo(0)]), Err(Fault::NothingToUndo(Op(0))));
    assert_eq!(of(vec![why(), undone(0)]), Err(Fault::NothingToUndo(Op(0))));
    assert_eq!(of(vec![why(), why()]), Err(Fault::UnwindsTwice));
    assert_eq!(of(vec![unwind()]), Err(Fault::NotCancelled));
    assert_eq!(of(vec![why(), undo(0), undone(0)]), Err(Fault::WaitsForNothing));
}

#[test]
fn nobody_is_cancelled_whom_nobody_cancelled() {
    let mut life = Life::started(vec![step("a")]);
    assert_eq!(life.turn_to(done(0), vec![], Verdict::Cancelled), Err(Fault::NotCancelled));
    life.turn_to(Event::Cancelled, vec![], Verdict::Cancelled).expect("somebody did");
}

#[test]
fn a_run_that_only_could_undo_something_waits_for_nothing() {
    let mut life = Life::started(vec![step("a"), compensation("undo")]);
    assert_eq!(life.turn(done(0), vec![Command::Shield]), Err(Fault::WaitsForNothing));
}

#[test]
fn a_run_has_no_more_to_undo_than_it_may() {
    let all = vec![compensation("undo"); MAX_COMPENSATIONS];
    let mut life = Life::started([all, vec![step("a"), step("b")]].concat());
    assert_eq!(life.run.waits(), 2);
    let more = life.turn(done(MAX_COMPENSATIONS as u64), vec![compensation("one more")]);
    assert_eq!(more, Err(Fault::UndoesTooMuch));
}

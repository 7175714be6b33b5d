use super::*;
use crate::retry::Attempt;
use crate::{
    Answer, ChildEnd, ClosePolicy, RunId, Signal, StepCall, StepFailure, StepOptions, Verdict,
};

const AT: Timestamp = Timestamp(7);

fn step(name: &str) -> Command {
    Command::Step { name: name.into(), input: "1".into(), options: StepOptions::default() }
}

fn child() -> Command {
    let run = RunId::from_parts(AT, 9);
    let (workflow, input) = ("pay".to_owned(), "1".to_owned());
    Command::Child { run, workflow, input, policy: ClosePolicy::Cancel }
}

fn completed(op: u64) -> Event {
    Event::StepCompleted { op: Op(op), output: "2".into() }
}

fn failed(op: u64) -> Event {
    let (step, message) = ("charge".into(), "no money".into());
    let failure = StepFailure { step, attempts: 3, message, fatal: false };
    Event::StepFailed { op: Op(op), failure }
}

fn signalled() -> Event {
    let signal = Signal { number: 0, name: "a".into(), payload: "1".into(), key: None };
    Event::Signalled { signal }
}

fn turn(run: &Run, event: Event, commands: Vec<Command>) -> Turn {
    let (seq, first_op, log) = (run.turns(), Op(run.operations()), Vec::new());
    Turn { seq, first_op, at: AT, event, commands, verdict: Verdict::Waiting, log }
}

/// A run after one more turn.
fn then(run: Run, event: Event, commands: Vec<Command>) -> Run {
    let turn = turn(&run, event, commands);
    run.apply(&turn).expect("it follows").0
}

/// A run that has asked for this in its first turn, and sleeps besides.
fn asked(mut commands: Vec<Command>) -> Run {
    commands.push(Command::Sleep { until: Timestamp(99) });
    then(Run::new(), Event::Started { input: "1".into() }, commands)
}

/// What comes again of a run that is forked where it stands, and then went on with these events.
fn fork(run: &Run, inputs: &[u64], since: Vec<Event>) -> Result<Vec<Event>, NoFork> {
    let inputs = inputs.iter().map(|op| (Op(*op), "3".to_owned())).collect();
    let mut branch = Branch::at(run.clone(), &inputs)?;
    for event in since {
        branch.since(turn(run, event, vec![]))?;
    }
    Ok(branch.again()?.0.into_iter().map(|(_, event)| event).collect())
}

#[test]
fn what_was_asked_for_is_not_asked_for_again_where_its_result_is_known() {
    let run = asked(vec![step("charge"), step("tell"), step("ship")]);
    let since = vec![failed(0), completed(1), signalled(), completed(9)];
    assert_eq!(fork(&run, &[], since.clone()), Ok(vec![completed(1), signalled()]));
    assert_eq!(fork(&run, &[1], since), Ok(vec![signalled()]), "it has another input");
    assert_eq!(fork(&run, &[], vec![]), Ok(vec![]));
    let mut branch = Branch::at(run, &BTreeMap::new()).expect("it can be forked");
    branch.came(AT, completed(1)).expect("it can be told");
    branch.came(AT, completed(1)).expect("what is told twice is told once");
    let (again, anew) = branch.again().expect("it can be forked");
    assert_eq!((again, anew), (vec![(AT, completed(1))], vec![Op(0), Op(2)]));
}

#[test]
fn what_a_step_returned_for_another_input_does_not_come_again() {
    let run = asked(vec![step("charge"), step("tell")]);
    let (by, from, steps) = (None, RunId::from_parts(AT, 1), vec![Op(0)]);
    let fork_of = Fork { by, from, inputs: vec![(Op(0), "9".to_owned())], steps };
    let since = vec![Event::Forked { fork: fork_of }, completed(0), completed(1)];
    assert_eq!(fork(&run, &[], since), Ok(vec![completed(1)]));
}

#[test]
fn the_steps_of_a_fork_begin_anew_with_the_input_that_is_given() {
    let mut run = asked(vec![step("charge"), step("tell")]);
    let attempt = Attempt { number: 1, at: AT, error: "no".into(), retry_at: AT, first_at: AT };
    run.remember(Op(0), attempt);
    let inputs = vec![(Op(1), "\"longer\"".to_owned())];
    let bytes = run.open_bytes();
    let steps = vec![Op(0), Op(1)];
    let fork = Fork { by: None, from: RunId::from_parts(AT, 1), inputs, steps };
    let mut next = turn(&run, Event::Forked { fork }, vec![]);
    next.at = Timestamp(9);
    let (run, effects) = run.apply(&next).expect("it follows");
    assert!(effects.is_empty(), "whoever takes it in sets it going");
    let steps: Vec<_> = run.open().filter_map(|(_, open)| open.step()).collect();
    let of = |(call, last): &(&Arc<StepCall>, Option<&Attempt>)| {
        (call.input.clone(), call.asked_at, last.is_none())
    };
    let longer = "\"longer\"".to_owned();
    let expected = [("1".to_owned(), Timestamp(9), true), (longer, Timestamp(9), true)];
    assert_eq!(steps.iter().map(of).collect::<Vec<_>>(), expected);
    assert_eq!(run.open_bytes(), bytes + 7, "it is counted");
}

#[test]
fn where_others_would_talk_to_the_old_run_there_is_no_fork() {
    let webhook = |answer| Command::Webhook { token: "t".into(), url: "u".into(), answer };
    let hook = Command::Hook { token: "t".into(), chosen: true, metadata: None };
    let open = asked(vec![webhook(Answer::Accepted)]);
    assert_eq!(fork(&open, &[], vec![]), Err(NoFork::Webhook(Op(0))));
    let closed = asked(vec![webhook(Answer::Accepted), Command::Dispose { inbox: Op(0) }]);
    assert_eq!(fork(&closed, &[], vec![]), Ok(vec![]));
    assert_eq!(fork(&asked(vec![hook]), &[], vec![]), Err(NoFork::Hook(Op(0))));
    let parent = asked(vec![child()]);
    assert_eq!(fork(&parent, &[], vec![]), Err(NoFork::Child(Op(0))));
    let ended = |end| Event::ChildEnded { op: Op(0), end };
    let completed = ended(ChildEnd::Completed("1".into()));
    assert_eq!(fork(&parent, &[], vec![completed.clone()]), Ok(vec![completed]));
    let cancelled = ended(ChildEnd::Cancelled);
    let refused = fork(&parent, &[], vec![cancelled.clone()]);
    assert_eq!(refused, Err(NoFork::CancelledChild(Op(0))));
    let cancels = asked(vec![child(), Command::CancelChild { child: Op(0) }]);
    assert_eq!(fork(&cancels, &[], vec![cancelled.clone()]), Ok(vec![cancelled]), "it wanted that");
}

#[test]
fn what_is_undone_is_not_taken_for_done() {
    let run = asked(vec![Command::Compensation { name: "refund".into() }, step("ship")]);
    let mut branch = Branch::at(run.clone(), &BTreeMap::new()).expect("it can be forked");
    let undo = vec![Command::Unwind { error: None }, Command::Undo { compensation: Op(0) }];
    assert_eq!(branch.since(turn(&run, failed(1), undo)), Err(NoFork::Undone(1)));
    let mut branch = Branch::at(asked(vec![]), &BTreeMap::new()).expect("it can be forked");
    let undo = vec![Command::Unwind { error: None }, Command::Undo { compensation: Op(7) }];
    assert_eq!(branch.since(turn(&run, failed(1), undo)), Ok(()), "it was done since");
    let cancelling = Event::Cancelling { by: None, error: None, within_ms: 1 };
    let told = then(run, cancelling, vec![]);
    assert_eq!(fork(&told, &[], vec![]), Err(NoFork::Ends));
}

#[test]
fn another_input_is_for_a_step_that_is_open() {
    let run = then(asked(vec![step("charge"), step("ship")]), completed(0), vec![]);
    let error = fork(&run, &[0], vec![]).expect_err("it is over");
    assert_eq!(error, NoFork::NoStep(Op(0), "#1 (ship)".into()));
    assert!(error.to_string().contains("operation #0 is no step"), "{error}");
}

#[test]
fn so_much_comes_again_and_no_more() {
    let run = asked(vec![]);
    assert!(fork(&run, &[], vec![signalled(); MAX_SET_ASIDE]).is_ok());
    let more = vec![signalled(); MAX_SET_ASIDE + 1];
    assert_eq!(fork(&run, &[], more), Err(NoFork::TooMuch));
}

//! How runs end that are told to, and what they undo.

use super::*;

/// What a run asks for that undoes what it did.
pub(super) fn commands() -> Vec<Command> {
    let compensation = Op(401);
    vec![
        Command::Shield,
        Command::Compensation { name: "refund".into() },
        Command::Compensation { name: "release".into() },
        Command::Unshield { shield: Op(400) },
        Command::Keep { compensation: Op(402) },
        Command::Unwind { error: Some("no stock".into()) },
        Command::Undo { compensation },
        Command::Undone { compensation, error: Some("bank holiday".into()) },
        Command::Unwind { error: None },
        Command::Undone { compensation, error: None },
    ]
}

#[test]
fn turns_of_runs_that_are_told_to_end_are_read_for_ever() {
    let cancelling = |by: Option<&str>, error: Option<&str>| Event::Cancelling {
        by: by.map(str::to_owned),
        error: error.map(str::to_owned),
        within_ms: 3_600_000,
    };
    for (name, event, verdict) in [
        ("turn-cancelling", cancelling(Some("ops"), None), Verdict::Waiting),
        ("turn-timed-out", cancelling(None, Some("late")), Verdict::Cancelled),
        ("turn-expired", Event::Expired { error: "late".into() }, Verdict::Failed("late".into())),
    ] {
        check(name, &(no_references(), turn(event, vec![], verdict)));
    }
    let slept = turn(Event::Slept { op: Op(1) }, commands(), Verdict::Waiting);
    check("turn-commands-that-undo", &(no_references(), slept));
}

#[test]
fn turns_of_runs_that_are_tried_again_are_read_for_ever() {
    let steps = vec![Op(4), Op(7)];
    let retrial = Retrial { by: Some("ops".into()), number: 2, steps, turns: 3, operations: 1 };
    let retried = turn(Event::Retried { retrial }, vec![], Verdict::Waiting);
    check("turn-retried", &(no_references(), retried));
    let from = RunId::from_parts(Timestamp(1_700_000_000_000), 7);
    let inputs = vec![(Op(4), "{\"n\":1}".to_owned())];
    let fork = Fork { by: Some("ops".into()), from, inputs, steps: vec![Op(4), Op(7)] };
    let forked = turn(Event::Forked { fork }, vec![], Verdict::Waiting);
    check("turn-forked", &(no_references(), forked));
}

/// The run when it was told to end, is amid something, and undoes the last of two things.
pub(super) fn undoes(run: Run) -> Run {
    let next = |run: Run, event, commands| {
        let (seq, first_op) = (run.turns(), Op(run.operations()));
        let turn = Turn { seq, first_op, ..turn(event, commands, Verdict::Waiting) };
        run.apply(&turn).expect("it follows").0
    };
    let first = run.operations();
    let commands = vec![
        Command::Compensation { name: "release".into() },
        Command::Compensation { name: "refund".into() },
        Command::Shield,
    ];
    let run = next(run, Event::HookReceived { op: Op(3), payload: "4".into() }, commands);
    let event = Event::Cancelling { by: None, error: Some("late".into()), within_ms: 60_000 };
    let compensation = Op(first + 1);
    let commands =
        vec![Command::Unwind { error: Some("late".into()) }, Command::Undo { compensation }];
    next(run, event, commands)
}

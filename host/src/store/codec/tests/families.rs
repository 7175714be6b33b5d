//! What runs have to do with their families, and how they fail.

use super::*;

/// What a run asks for that has a family.
pub(super) fn commands() -> Vec<Command> {
    let run = RunId::from_parts(Timestamp(5), 7);
    let child =
        |policy| Command::Child { run, workflow: "line".into(), input: "{}".into(), policy };
    vec![
        child(ClosePolicy::Cancel),
        child(ClosePolicy::Leave),
        Command::CancelChild { child: Op(1) },
        Command::Tell { to: run, name: "hurry".into(), payload: "1".into() },
    ]
}

#[test]
fn turns_of_families_and_failures_are_read_for_ever() {
    for (name, event, verdict) in [
        (
            "turn-child-completed",
            Event::ChildEnded { op: Op(1), end: ChildEnd::Completed("[2]".into()) },
            Verdict::Waiting,
        ),
        (
            "turn-child-failed",
            Event::ChildEnded { op: Op(1), end: ChildEnd::Failed("no".into()) },
            Verdict::Waiting,
        ),
        (
            "turn-child-cancelled",
            Event::ChildEnded { op: Op(1), end: ChildEnd::Cancelled },
            Verdict::Waiting,
        ),
        ("turn-told", Event::Told { op: Op(1) }, Verdict::Waiting),
        ("turn-not-told", Event::NotTold { op: Op(1), why: NotTold::Full }, Verdict::Waiting),
        (
            "turn-failed-at",
            Event::Slept { op: Op(1) },
            Verdict::FailedAt(Failure {
                message: "no".into(),
                kind: Some("E".into()),
                place: Some("src/lib.rs:1:2".into()),
            }),
        ),
    ] {
        check(name, &(no_references(), turn(event, vec![], verdict)));
    }
}

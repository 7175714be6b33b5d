//! Images of runs, with everything that may be open in one.

use super::*;

#[test]
fn images_with_every_open_operation_are_read_for_ever() {
    let commands = vec![
        Command::Step { name: "s".into(), input: "1".into(), options: StepOptions::default() },
        Command::Sleep { until: Timestamp(1_700_000_300_000) },
        Command::Webhook { token: "t".into(), url: "http://h/t".into(), answer: Answer::Manual },
    ];
    let first = Turn {
        seq: 0,
        first_op: Op(0),
        ..turn(Event::Started { input: "{}".into() }, commands, Verdict::Waiting)
    };
    let (run, _effects) = Run::new().apply(&first).expect("a run starts");
    let at = Timestamp(1_700_000_000_123);
    let abi = "segno:workflow@0.1.0".into();
    let module = Digest::from_bytes([9; 32]);
    let image = ImageRecord { abi, module, at, run, pages: 17, length: 65_536, blocks: [5; 32] };
    read(&golden("image", &codec::encode(&image)), &image);
    let talked_to = ImageRecord { run: talked_to(image.run.clone()), ..image };
    read(&golden("image-of-talk", &codec::encode(&talked_to)), &talked_to);
    let shows = ImageRecord { run: shows(talked_to.run.clone()), ..talked_to };
    read(&golden("image-that-shows", &codec::encode(&shows)), &shows);
    let family = ImageRecord { run: has_family(shows.run.clone()), ..shows };
    read(&golden("image-of-a-family", &codec::encode(&family)), &family);
    check("image-that-undoes", &ImageRecord { run: endings::undoes(family.run.clone()), ..family });
}

/// The run when it has a child, and a signal of it is on its way.
fn has_family(run: Run) -> Run {
    let (seq, first_op) = (run.turns(), Op(run.operations()));
    let turn = turn(
        Event::HookReceived { op: Op(3), payload: "3".into() },
        families::commands(),
        Verdict::Waiting,
    );
    run.apply(&Turn { seq, first_op, ..turn }).expect("it waits").0
}

/// The run when it has published something.
fn shows(run: Run) -> Run {
    let show = vec![Command::Publish { name: "progress".into(), value: "7".into() }];
    let (seq, first_op) = (run.turns(), Op(run.operations()));
    let event = Event::HookReceived { op: Op(3), payload: "2".into() };
    let turn = Turn { seq, first_op, ..turn(event, show, Verdict::Waiting) };
    run.apply(&turn).expect("it follows").0
}

/// The run with everything that can come to it from outside.
fn talked_to(run: Run) -> Run {
    let commands = vec![
        Command::Hook { token: "order-42".into(), chosen: true, metadata: Some("{}".into()) },
        Command::Signal { name: "address".into() },
    ];
    let next = |run: Run, event, commands| {
        let (seq, first_op) = (run.turns(), Op(run.operations()));
        let turn = Turn { seq, first_op, ..turn(event, commands, Verdict::Waiting) };
        run.apply(&turn).expect("it follows").0
    };
    let run = next(run, Event::Slept { op: Op(1) }, commands);
    let run = next(run, Event::HookOpened { op: Op(3) }, vec![]);
    let run = next(run, Event::HookReceived { op: Op(3), payload: "1".into() }, vec![]);
    let (name, key) = ("address".into(), Some("k".into()));
    let signal = Signal { number: 0, name, payload: "{}".into(), key };
    next(run, Event::Signalled { signal }, vec![])
}

use super::*;
use crate::{
    Answer, ChildEnd, ClosePolicy, MAX_UNTAKEN, MAX_UNTAKEN_BYTES, NotTold, OPERATION_BYTES, Owed,
    Request, Response, RunId, StepFailure, StepOptions, Verdict,
};

mod ending;
mod family;
mod talk;

/// A run and the turns that it had, for telling its life in a few lines.
struct Life {
    run: Run,
}

impl Life {
    fn started(commands: Vec<Command>) -> Self {
        let mut life = Self { run: Run::new() };
        life.turn(Event::Started { input: "null".into() }, commands).expect("a run starts");
        life
    }

    fn turn(&mut self, event: Event, commands: Vec<Command>) -> Result<Vec<Effect>, Fault> {
        self.turn_to(event, commands, Verdict::Waiting)
    }

    fn turn_to(
        &mut self,
        event: Event,
        commands: Vec<Command>,
        verdict: Verdict,
    ) -> Result<Vec<Effect>, Fault> {
        let seq = self.run.turns();
        let first_op = Op(self.run.operations());
        let at = Timestamp(1000 + seq);
        let turn = Turn { seq, first_op, at, event, commands, verdict, log: Vec::new() };
        let (run, effects) = self.run.clone().apply(&turn)?;
        self.run = run;
        Ok(effects)
    }
}

fn step(name: &str) -> Command {
    Command::Step { name: name.into(), input: "{}".into(), options: StepOptions::default() }
}

fn webhook() -> Command {
    Command::Webhook { token: "t".into(), url: "http://h/t".into(), answer: Answer::Accepted }
}

fn hook(token: &str) -> Command {
    Command::Hook { token: token.into(), chosen: true, metadata: None }
}

fn call(op: u64, number: u64, size: usize) -> Event {
    let request = Request {
        number,
        method: String::new(),
        url: String::new(),
        headers: Vec::new(),
        body: vec![0; size],
    };
    Event::Requested { op: Op(op), request }
}

fn done(op: u64) -> Event {
    Event::StepCompleted { op: Op(op), output: "1".into() }
}

#[test]
fn operations_are_numbered_in_the_order_in_which_they_are_started() {
    let life = Life::started(vec![step("a"), Command::Sleep { until: Timestamp(5) }, webhook()]);
    let kinds: Vec<_> = life
        .run
        .open()
        .map(|(op, open)| match open {
            Open::Step { call, .. } => format!("{op} step {}", call.name),
            Open::Sleep { until, .. } => format!("{op} sleep {}", until.0),
            Open::Webhook(webhook) => format!("{op} webhook {}", webhook.url),
            Open::Hook(hook) => format!("{op} hook {}", hook.token),
            Open::Signal(signal) => format!("{op} signal {}", signal.name),
            Open::Child(child) => format!("{op} child {}", child.workflow),
            Open::Tell(tell) => format!("{op} tell {}", tell.name),
            Open::Compensation(open) => format!("{op} compensation {}", open.name),
            Open::Shield { .. } => format!("{op} shield"),
        })
        .collect();
    assert_eq!(kinds, ["0 step a", "1 sleep 5", "2 webhook http://h/t"]);
}

#[test]
fn a_step_that_ended_cannot_end_again() {
    let mut life = Life::started(vec![step("a"), step("b")]);
    life.turn(done(0), vec![]).expect("step 0 was open");
    assert_eq!(life.run.admits(&done(0)), Err(Refusal::NotOpen(Op(0))));
    assert_eq!(
        life.turn(done(0), vec![]),
        Err(Fault::Event { seq: 2, refusal: Refusal::NotOpen(Op(0)) })
    );
}

#[test]
fn an_event_of_another_kind_is_not_admitted() {
    let life = Life::started(vec![step("a")]);
    assert_eq!(life.run.admits(&Event::Slept { op: Op(0) }), Err(Refusal::NotOpen(Op(0))));
    assert_eq!(life.run.admits(&call(0, 0, 1)), Err(Refusal::NotOpen(Op(0))));
}

#[test]
fn a_sleep_that_is_given_up_is_over_and_its_timer_forgotten() {
    let mut life =
        Life::started(vec![Command::Sleep { until: Timestamp(9) }, step("a"), step("b")]);
    let cancel = vec![Command::CancelSleep { sleep: Op(0) }];
    assert_eq!(
        life.turn(done(1), cancel.clone()),
        Ok(vec![Effect::Forget { op: Op(0), at: Timestamp(9) }])
    );
    assert_eq!(life.run.admits(&Event::Slept { op: Op(0) }), Err(Refusal::NotOpen(Op(0))));
    // Giving up what is over, or what is no sleep, changes nothing.
    assert_eq!(
        life.turn_to(done(2), cancel, Verdict::Completed("1".into())),
        Ok(vec![Effect::End { timers: vec![], hooks: vec![], children: vec![] }])
    );
}

#[test]
fn an_ended_run_admits_nothing() {
    let mut life = Life::started(vec![step("a"), webhook()]);
    let effects =
        life.turn_to(done(0), vec![], Verdict::Completed("2".into())).expect("the run ends");
    assert_eq!(effects, [Effect::End { timers: vec![], hooks: vec![], children: vec![] }]);
    assert_eq!(life.run.status(), &Status::Completed("2".into()));
    assert_eq!(life.run.open().len(), 0);
    assert_eq!(life.run.admits(&call(1, 0, 1)), Err(Refusal::Ended));
    assert_eq!(life.run.admits(&Event::Cancelled), Err(Refusal::Ended));
}

#[test]
fn a_run_can_be_cancelled_while_it_waits() {
    let mut life = Life::started(vec![step("a")]);
    life.turn_to(Event::Cancelled, vec![], Verdict::Cancelled)
        .expect("a waiting run can be cancelled");
    assert_eq!(life.run.status(), &Status::Cancelled);
}

#[test]
fn requests_lie_untaken_until_the_bound_and_a_take_makes_room() {
    let mut life = Life::started(vec![webhook()]);
    for number in 0..MAX_UNTAKEN as u64 {
        life.turn(call(0, number, 1), vec![]).expect("there is room");
    }
    assert_eq!(life.run.admits(&call(0, 9, 1)), Err(Refusal::Full));
    life.turn_to(call(0, 9, 1), vec![Command::Take { inbox: Op(0) }; 2], Verdict::Waiting)
        .expect("what is recorded was admitted");
    assert_eq!(life.run.admits(&call(0, 9, 1)), Ok(()));
    assert_eq!(life.run.admits(&call(0, 9, MAX_UNTAKEN_BYTES)), Err(Refusal::Full));
}

#[test]
fn a_workflow_cannot_take_what_is_not_there() {
    let mut life = Life::started(vec![webhook(), step("a")]);
    assert_eq!(
        life.turn(done(1), vec![Command::Take { inbox: Op(0) }]),
        Err(Fault::NothingToTake(Op(0)))
    );
}

#[test]
fn a_disposed_webhook_admits_no_request_and_may_be_disposed_again() {
    let mut life = Life::started(vec![webhook(), step("a"), step("b")]);
    let dispose = vec![Command::Dispose { inbox: Op(0) }];
    life.turn(done(1), dispose.clone()).expect("the webhook was open");
    assert_eq!(life.run.admits(&call(0, 0, 1)), Err(Refusal::NotOpen(Op(0))));
    life.turn_to(done(2), dispose, Verdict::Completed("0".into()))
        .expect("disposing twice changes nothing");
}

#[test]
fn what_came_before_a_webhook_was_disposed_of_can_still_be_taken() {
    let mut life = Life::started(vec![webhook(), step("a"), step("b")]);
    life.turn(call(0, 0, 1), vec![]).expect("the webhook is open");
    life.turn(done(1), vec![Command::Dispose { inbox: Op(0) }]).expect("the webhook was open");
    assert_eq!(life.run.admits(&call(0, 1, 1)), Err(Refusal::NotOpen(Op(0))));
    let take = vec![Command::Take { inbox: Op(0) }; 2];
    assert_eq!(life.turn(done(2), take[..1].to_vec()), Err(Fault::WaitsForNothing));
    assert_eq!(
        life.turn_to(done(2), take, Verdict::Completed("0".into())),
        Err(Fault::NothingToTake(Op(0)))
    );
}

#[test]
fn a_workflow_that_waits_for_nothing_is_at_fault() {
    let mut life = Life::started(vec![step("a")]);
    assert_eq!(life.turn(done(0), vec![]), Err(Fault::WaitsForNothing));
}

#[test]
fn turns_come_in_order() {
    let life = Life::started(vec![step("a")]);
    let turn = Turn {
        seq: 7,
        first_op: Op(1),
        at: Timestamp(0),
        event: done(0),
        commands: vec![],
        verdict: Verdict::Waiting,
        log: vec![],
    };
    assert_eq!(life.run.apply(&turn), Err(Fault::OutOfOrder { expected: 1, found: 7 }));
}

#[test]
fn a_turn_that_counts_other_operations_before_it_does_not_belong_here() {
    let mut life = Life::started(vec![step("a"), Command::Sleep { until: Timestamp(5) }]);
    life.turn(done(0), vec![step("b"), Command::CancelSleep { sleep: Op(1) }])
        .expect("step 0 was open");
    let event = done(2);
    let commands = vec![step("c")];
    let verdict = Verdict::Waiting;
    let turn =
        Turn { seq: 2, first_op: Op(3), at: Timestamp(0), event, commands, verdict, log: vec![] };
    for found in [0, 2, 4, u64::MAX].map(Op) {
        let other = Turn { first_op: found, ..turn.clone() };
        let fault = life.run.clone().apply(&other).expect_err("3 operations began before it");
        assert_eq!(fault, Fault::Miscounted { seq: 2, expected: Op(3), found });
        assert_eq!(
            fault.to_string(),
            format!("turn 2 says that {found} operations began before it, but 3 did")
        );
        assert_eq!(other.operations().count(), 1, "no number is too large to be read");
    }
    assert_eq!(turn.operations().collect::<Vec<_>>(), [(Op(3), &step("c"))]);
    let (run, _effects) = life.run.apply(&turn).expect("it counts right");
    assert_eq!(run.operations(), 4);
}

#[test]
fn a_failed_step_is_over_and_its_last_attempt_was_remembered() {
    let mut life = Life::started(vec![step("a"), step("b")]);
    let attempt = Attempt {
        number: 1,
        at: Timestamp(5),
        error: "no".into(),
        retry_at: Timestamp(9),
        first_at: Timestamp(5),
    };
    life.run.remember(Op(0), attempt.clone());
    assert!(
        matches!(life.run.operation(Op(0)), Some(Open::Step { last_attempt: Some(last), .. }) if **last == attempt)
    );
    let failure = StepFailure { step: "a".into(), attempts: 4, message: "no".into(), fatal: false };
    life.turn(Event::StepFailed { op: Op(0), failure }, vec![]).expect("step 0 was open");
    assert_eq!(life.run.operation(Op(0)), None);
}

#[test]
fn what_is_open_is_counted_in_bytes_until_it_is_over() {
    let fixed = Response { status: 200, headers: Vec::new(), body: vec![0; 1_000] };
    let webhook = Command::Webhook {
        token: "t".into(),
        url: "u".into(),
        answer: Answer::Fixed(fixed.clone()),
    };
    let commands = vec![step("name"), Command::Sleep { until: Timestamp(9) }, webhook];
    let begun: usize = commands.iter().map(Command::open_size).sum();
    assert_eq!(begun, 3 * OPERATION_BYTES + "name{}".len() + fixed.size());
    let mut life = Life::started(commands);
    assert_eq!(life.run.open_bytes(), begun);
    life.turn(call(2, 0, 5), vec![Command::CancelSleep { sleep: Op(1) }]).expect("all are open");
    assert_eq!(life.run.open_bytes(), begun - OPERATION_BYTES);
    life.turn(done(0), vec![Command::Dispose { inbox: Op(2) }]).expect("both are open");
    assert_eq!(life.run.open_bytes(), OPERATION_BYTES + fixed.size(), "a request is left to take");
    life.turn_to(call(2, 1, 5), vec![], Verdict::Waiting).expect_err("it is closed");
    life.turn_to(Event::Cancelled, vec![], Verdict::Cancelled).expect("it may be cancelled");
    assert_eq!(life.run.open_bytes(), 0);
}

fn child(run: u128, policy: ClosePolicy) -> Command {
    let run = RunId::from_parts(Timestamp(1), run);
    Command::Child { run, workflow: "line".into(), input: "{}".into(), policy }
}

fn tell(run: u128) -> Command {
    let to = RunId::from_parts(Timestamp(1), run);
    Command::Tell { to, name: "hurry".into(), payload: "1".into() }
}

/// A command of each kind that starts an operation.
fn each_that_starts() -> Vec<Command> {
    let all = vec![
        step("charge"),
        Command::Sleep { until: Timestamp(5_000) },
        webhook(),
        hook("order-42"),
        Command::Signal { name: "address".into() },
        child(1, ClosePolicy::Cancel),
        tell(1),
        Command::Compensation { name: "refund".into() },
        Command::Shield,
    ];
    // A new kind does not compile here until somebody has thought of the list.
    let starts = |command: &Command| match command {
        Command::Step { .. }
        | Command::Sleep { .. }
        | Command::Webhook { .. }
        | Command::Hook { .. }
        | Command::Signal { .. }
        | Command::Child { .. }
        | Command::Tell { .. }
        | Command::Compensation { .. }
        | Command::Shield => true,
        Command::Take { .. }
        | Command::Respond { .. }
        | Command::Dispose { .. }
        | Command::CancelSleep { .. }
        | Command::CancelStep { .. }
        | Command::Publish { .. }
        | Command::CancelChild { .. }
        | Command::Write { .. }
        | Command::CloseStream { .. }
        | Command::SetAttribute { .. }
        | Command::RemoveAttribute { .. }
        | Command::Keep { .. }
        | Command::Unwind { .. }
        | Command::Undo { .. }
        | Command::Undone { .. }
        | Command::Unshield { .. } => false,
    };
    assert!(all.iter().all(starts));
    all
}

#[test]
fn a_turn_asks_the_world_for_what_its_operations_are_owed_after_a_crash() {
    let mut life = Life { run: Run::new() };
    let started = Event::Started { input: "null".into() };
    let asked = life.turn(started, each_that_starts()).expect("a run starts");
    let now = Timestamp(1000);
    let owed = life.run.open().filter_map(|(op, open)| match open.owed(None, now) {
        Owed::Attempt { at, last } => {
            assert_eq!((at, last), (now, None), "the first attempt is due at once");
            let (call, _last) = open.step().expect("only a step has attempts");
            Some(Effect::Start { op, call: Arc::clone(call) })
        }
        Owed::Wake { at } => Some(Effect::Wake { op, at }),
        Owed::Claim => {
            let hook = open.hook().expect("only a hook asks for a token");
            Some(Effect::Claim(Box::new(hook.claim(op))))
        }
        Owed::Tell => match open {
            Open::Tell(tell) => Some(Effect::Tell(Box::new(tell.tell(op)))),
            _ => panic!("only a signal on its way is told"),
        },
        // It is on disk since the turn that asked for it, so nothing is to be asked for again.
        Owed::Child | Owed::Nothing => None,
        Owed::Stopped => panic!("nothing was lost"),
    });
    let asked: Vec<_> =
        asked.into_iter().filter(|effect| !matches!(effect, Effect::Spawn(_))).collect();
    assert_eq!(asked, owed.collect::<Vec<_>>());
    assert_eq!(life.run.open().len(), each_that_starts().len());
}

#[test]
fn a_sleep_that_is_ended_early_is_over_and_its_timer_forgotten() {
    let mut life = Life::started(vec![Command::Sleep { until: Timestamp(9_000) }, step("s")]);
    let woken = Event::Woken { op: Op(0), by: Some("ops".into()) };
    let forget = Effect::Forget { op: Op(0), at: Timestamp(9_000) };
    assert_eq!(life.turn(woken.clone(), vec![]), Ok(vec![forget]));
    assert_eq!(life.run.admits(&woken), Err(Refusal::NotOpen(Op(0))));
    assert_eq!(life.run.admits(&Event::Slept { op: Op(0) }), Err(Refusal::NotOpen(Op(0))));
    let of_step = Event::Woken { op: Op(1), by: None };
    assert_eq!(life.run.admits(&of_step), Err(Refusal::NotOpen(Op(1))), "it is no sleep");
}

#[test]
fn a_step_that_is_given_up_is_stopped_and_what_it_returns_comes_too_late() {
    let mut life = Life::started(vec![step("a"), step("b")]);
    let stop = Effect::Stop { op: Op(0), at: None };
    let commands = vec![Command::CancelStep { step: Op(0) }; 2];
    assert_eq!(life.turn(done(1), [commands, vec![step("c")]].concat()).unwrap()[0], stop);
    assert_eq!(life.run.admits(&done(0)), Err(Refusal::NotOpen(Op(0))));
    assert_eq!(life.run.open().len(), 1);
}

#[test]
fn what_is_begun_and_given_up_in_one_turn_is_not_begun() {
    let mut life = Life::started(vec![step("a"), step("b")]);
    let commands = vec![
        step("c"),
        Command::CancelStep { step: Op(2) },
        Command::Sleep { until: Timestamp(5) },
        Command::CancelSleep { sleep: Op(3) },
    ];
    let effects = life.turn(done(0), commands).expect("it is open");
    let begins = |effect: &Effect| matches!(effect, Effect::Start { .. } | Effect::Wake { .. });
    assert!(!effects.iter().any(begins), "{effects:?}");
}

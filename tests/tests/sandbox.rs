//! The sandbox alone, with real components: what goes in comes out again, and whatever a guest
//! does, the host goes on.

use segno_host::sandbox::{
    Capacity, Facts, Guest, Moment, Output, Quota, Sandbox, Tokens, WebhookAddress,
};
use segno_journal::{BlockKind, Blocked, Command, Event, Level, Op, RunId, Timestamp, Verdict};
use segno_tests::{basics, rogue};

const QUOTA: Quota = Quota {
    fuel_per_turn: 1_000_000_000,
    seconds: 60,
    memory: 32 << 20,
    commands_per_turn: 10_000,
    bytes_per_turn: 8 << 20,
    payload: 1 << 20,
};

fn facts(workflow: &str) -> Facts {
    Facts {
        run: RunId::from_parts(Timestamp(1_700_000_000_000), 7),
        workflow: workflow.into(),
        started_at: Timestamp(1_700_000_000_000),
        seed: [7; 32],
        parent: None,
    }
}

fn sandbox() -> Sandbox {
    Sandbox::new(Some(&segno_tests::cache()), Capacity::default()).expect("the sandbox can be made")
}

/// A guest, and how many turns it has had.
struct Player {
    guest: Guest,
    turns: u64,
}

impl Player {
    fn new(component: &[u8], workflow: &str) -> Self {
        Self::with(component, workflow, QUOTA)
    }

    fn with(component: &[u8], workflow: &str, quota: Quota) -> Self {
        let module = sandbox().load(component).expect("the component is good");
        let guest = module.instantiate(facts(workflow), quota).expect("there is room");
        Self { guest, turns: 0 }
    }

    fn turn(&mut self, event: &Event) -> Result<Output, Blocked> {
        let moment =
            Moment { seq: self.turns, at: Timestamp(1_700_000_000_000 + 1_000 * self.turns) };
        self.turns += 1;
        let mut tokens = 0;
        let fresh = Tokens::Fresh(Box::new(move || {
            tokens += 1;
            WebhookAddress { token: format!("t{tokens}"), url: format!("http://h/t{tokens}") }
        }));
        self.guest.turn(event, moment, fresh)
    }

    fn start(&mut self, input: &str) -> Result<Output, Blocked> {
        self.turn(&Event::Started { input: input.into() })
    }

    fn completed(&mut self, op: u64, output: &str) -> Output {
        let event = Event::StepCompleted { op: Op(op), output: output.into() };
        self.turn(&event).expect("the guest behaves")
    }
}

/// Why a workflow of the rogue module is blocked.
fn blocked(workflow: &str, input: &str) -> Blocked {
    let mut player = Player::new(&rogue(), workflow);
    player.start(input).expect_err("the guest is stopped")
}

#[test]
fn a_step_asked_for_is_a_command_and_its_output_goes_back_in() {
    let mut player = Player::new(&basics(), "add_steps");
    let output = player.start("2").expect("the guest behaves");
    assert_eq!(output.verdict, Verdict::Waiting);
    assert!(
        matches!(&output.commands[..], [Command::Step { name, input, .. }]
        if name == "add" && input == r#"{"a":0,"b":1}"#),
        "{output:?}"
    );
    assert_eq!(player.completed(0, "1").commands.len(), 1);
    assert_eq!(player.completed(1, "2").verdict, Verdict::Completed("2".into()));
}

#[test]
fn an_image_goes_on_where_the_run_was() {
    let mut original = Player::new(&basics(), "add_steps");
    original.start("1000").expect("the guest behaves");
    for op in 0..300 {
        original.completed(op, &(op + 1).to_string());
    }
    let image = original.guest.save().expect("the guest can be saved").expect("it holds no handle");
    assert_eq!(image.operations, 301);
    let mut resumed = Player::new(&basics(), "add_steps");
    resumed.guest.load(image.clone()).expect("the image fits");
    resumed.turns = original.turns;
    assert_eq!(
        resumed.guest.save().expect("it can be saved").as_ref(),
        Some(&image),
        "what was loaded is whole"
    );
    for op in 300..1000 {
        let output = (op + 1).to_string();
        assert_eq!(
            resumed.completed(op, &output),
            original.completed(op, &output),
            "operation {op}"
        );
    }
}

#[test]
fn an_image_larger_than_a_fresh_guest_makes_it_grow() {
    let mut original = Player::new(&basics(), "fan_out");
    original.start("9000").expect("the guest behaves");
    let image = original.guest.save().expect("the guest can be saved").expect("it holds no handle");
    let mut resumed = Player::new(&basics(), "fan_out");
    let fresh =
        resumed.guest.save().expect("a fresh guest can be saved").expect("it holds no handle");
    assert!(image.pages > fresh.pages, "{} pages against {}", image.pages, fresh.pages);
    resumed.guest.load(image).expect("the image fits");
    resumed.turns = original.turns;
    for op in (0..9000).rev() {
        assert_eq!(resumed.completed(op, "1"), original.completed(op, "1"), "operation {op}");
    }
}

#[test]
fn a_guest_that_printed_has_no_image() {
    let mut player = Player::new(&basics(), "prints");
    player.start("null").expect("the guest behaves");
    assert_eq!(player.guest.save().expect("it can be asked"), None);
}

#[test]
fn what_a_workflow_prints_goes_to_the_log() {
    let mut player = Player::new(&basics(), "prints");
    let output = player.start("null").expect("the guest behaves");
    assert!(output.log.iter().any(|line| line.level == Level::Info), "{:?}", output.log);
    assert!(output.log.iter().all(|line| !line.message.contains('\n')), "{:?}", output.log);
}

#[test]
fn the_clocks_stand_still_and_chance_is_the_seed() {
    let mut one = Player::new(&basics(), "times");
    let mut other = Player::new(&basics(), "times");
    assert_eq!(one.start("null"), other.start("null"));
}

#[test]
fn an_endless_loop_is_stopped() {
    let blocked = blocked("spin", "null");
    assert_eq!(blocked.kind, BlockKind::Limit);
    assert!(
        blocked.message.contains("more than 1000000000 instructions without waiting"),
        "{blocked}"
    );
}

#[test]
fn endless_allocation_is_stopped() {
    let blocked = blocked("hog", "null");
    assert_eq!(blocked.kind, BlockKind::Limit);
    assert!(
        blocked.message.contains("bytes of memory, but at most 33554432 are allowed"),
        "{blocked}"
    );
}

#[test]
fn a_panic_brings_its_message_and_its_place() {
    let blocked = blocked("panic", r#""alas""#);
    assert_eq!(blocked.kind, BlockKind::Trap);
    assert!(blocked.message.starts_with("the workflow panicked: "), "{blocked}");
    assert!(blocked.message.contains("alas") && blocked.message.contains("lib.rs"), "{blocked}");
}

#[test]
fn endless_recursion_is_stopped() {
    let blocked = blocked("overflow", "null");
    assert!(blocked.message.contains("endless recursion"), "{blocked}");
}

#[test]
fn a_million_commands_in_one_turn_are_too_many() {
    let roomy = Quota { memory: 1 << 30, fuel_per_turn: u64::MAX, ..QUOTA };
    let mut player = Player::with(&rogue(), "flood", roomy);
    let blocked = player.start("null").expect_err("the guest is stopped");
    assert_eq!(blocked.kind, BlockKind::Limit);
    assert!(blocked.message.contains("more than 10000 things in one turn"), "{blocked}");
}

#[test]
fn a_workflow_that_reaches_for_the_world_is_told_what_to_do_instead() {
    let cases = [
        ("thread_sleep", "segno::sleep(\"5 minutes\").await"),
        ("socket", "call out in a step, or with `segno::http`"),
        ("exit", "return from the workflow"),
        ("stdin", "pass data in the input of the run"),
    ];
    for (workflow, advice) in cases {
        let blocked = blocked(workflow, "null");
        assert_eq!(blocked.kind, BlockKind::Trap, "{workflow}");
        assert!(blocked.message.contains(advice), "{workflow}: {blocked}");
    }
}

#[test]
fn there_are_no_files_and_no_environment() {
    let mut player = Player::new(&rogue(), "env");
    assert_eq!(
        player.start("null").expect("it is only empty").verdict,
        Verdict::Completed("0".into())
    );
    let mut player = Player::new(&rogue(), "file");
    let output = player.start("null").expect("there is just no such file");
    assert!(output.verdict.failure().is_some(), "{output:?}");
}

#[test]
fn a_component_describes_itself() {
    let manifest =
        sandbox().load(&basics()).and_then(|module| module.describe()).expect("it is good");
    assert!(manifest.names().contains(&"echo".to_owned()));
    assert!(manifest.steps.contains(&"add".to_owned()));
    assert!(manifest.sdk.starts_with("segno "));
}

//! A guest harms nobody but itself: whatever it calls, as often as it likes, with whatever arguments.
//! The components are made by hand.

use segno_host::engine::{Config, Engine, ImageTurns, Policy, Rule};
use segno_host::sandbox::{
    Capacity, Facts, Guest, Moment, NoGuest, Output, Quota, Sandbox, Tokens, WebhookAddress,
};
use segno_journal::{BlockKind, Blocked, Event, RunId, Timestamp};
use segno_tests::hostile::{Hostile, import, imports};
use segno_tests::raw;

const QUOTA: Quota = Quota {
    fuel_per_turn: 2_000_000_000,
    seconds: 600,
    memory: 64 << 20,
    commands_per_turn: 10_000,
    bytes_per_turn: 32 << 20,
    payload: 4 << 20,
};

fn facts() -> Facts {
    Facts {
        run: RunId::from_parts(Timestamp(1_700_000_000_000), 7),
        workflow: "w".into(),
        started_at: Timestamp(1_700_000_000_000),
        seed: [7; 32],
        parent: None,
    }
}

fn guest(component: &[u8], quota: Quota) -> Guest {
    let capacity = Capacity { memory: quota.memory, ..Capacity::default() };
    let sandbox =
        Sandbox::new(Some(&segno_tests::cache()), capacity).expect("the sandbox can be made");
    let module = sandbox.load(component).expect("the component is well made");
    module.instantiate(facts(), quota).expect("there is room")
}

fn start(guest: &mut Guest) -> Result<Output, Blocked> {
    let moment = Moment { seq: 0, at: Timestamp(1_700_000_000_000) };
    let address = || WebhookAddress { token: "t".into(), url: "http://h/t".into() };
    guest.turn(&Event::Started { input: "null".into() }, moment, Tokens::Fresh(Box::new(address)))
}

/// Why a guest that does this in its first turn is stopped.
fn stopped(hostile: &Hostile<'_>, quota: Quota) -> Blocked {
    start(&mut guest(&hostile.component(), quota)).expect_err("the guest is stopped")
}

#[test]
fn no_import_can_be_called_for_ever() {
    // So much fuel that what a call costs the guest does not stop it.
    let quota = Quota { fuel_per_turn: u64::MAX, ..QUOTA };
    let mut charged = 0;
    for import in imports() {
        let looped = format!("(loop {} (br 0)) (unreachable)", import.call(&[]));
        let blocked = stopped(&Hostile { start: &looped, ..Hostile::default() }, quota);
        // What is refused the first time need not be charged.
        let is_charged = blocked.message.starts_with("the workflow passed more than")
            || blocked.message.starts_with("the workflow asked for more than");
        assert!(is_charged || blocked.kind == BlockKind::Trap, "{}: {blocked}", import.name);
        charged += usize::from(is_charged);
    }
    assert!(charged > 20, "most imports can be called with zeros, but only {charged} were");
}

#[test]
fn handles_that_are_made_and_dropped_are_charged() {
    for (make, drop) in [
        ("(call $stdout.get-stdout)", "$drop.output-stream"),
        ("(call $streams.subscribe (call $stdout.get-stdout))", "$drop.pollable"),
    ] {
        let looped = format!("(loop (call {drop} {make}) (br 0)) (unreachable)");
        let quota = Quota { fuel_per_turn: u64::MAX, ..QUOTA };
        let blocked = stopped(&Hostile { start: &looped, ..Hostile::default() }, quota);
        assert!(!blocked.message.contains("trapped"), "{drop}: {blocked}");
    }
}

#[test]
fn what_a_panic_says_is_charged_and_nothing_larger_than_a_turn_may_carry_is_copied() {
    let cases = [
        (56, "the workflow passed more than 33619968 bytes to the host in one call"),
        (30, "the workflow passed more than 268435456 bytes to the host in one turn"),
    ];
    for (mebibytes, message) in cases {
        let looped = format!(
            "(loop (call $log.panicked (i32.const 0) (i32.const {})) (br 0)) (unreachable)",
            mebibytes << 20
        );
        let blocked =
            stopped(&Hostile { pages: 1_000, start: &looped, ..Hostile::default() }, QUOTA);
        assert_eq!(
            (blocked.kind, blocked.message.as_str()),
            (BlockKind::Limit, message),
            "{mebibytes} MiB"
        );
    }
}

#[test]
fn printing_many_short_lines_costs_more_than_their_bytes() {
    // 4 MiB of line ends, again and again; a line is a string of its own on the host.
    let looped = "(local $out i32) (local.set $out (call $stdout.get-stdout))
        (memory.fill (i32.const 1024) (i32.const 10) (i32.const 4194304))
        (call $streams.write (local.get $out) (i32.const 1024) (i32.const 4194304) (i32.const 8))
        (unreachable)";
    let blocked = stopped(&Hostile { pages: 100, start: looped, ..Hostile::default() }, QUOTA);
    assert!(blocked.message.starts_with("the workflow passed more than"), "{blocked}");
}

#[test]
fn polling_is_charged_for_each_handle() {
    // A list of 900 times the same pollable, polled again and again.
    let looped = "(local $at i32) (local $one i32)
        (local.set $one (call $streams.subscribe (call $stdout.get-stdout)))
        (local.set $at (i32.const 1024))
        (loop (i32.store (local.get $at) (local.get $one))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (br_if 0 (i32.lt_u (local.get $at) (i32.const 4624))))
        (loop (call $poll.poll (i32.const 1024) (i32.const 900) (i32.const 8)) (br 0))
        (unreachable)";
    let quota = Quota { fuel_per_turn: u64::MAX, ..QUOTA };
    let blocked = stopped(&Hostile { pages: 64, start: looped, ..Hostile::default() }, quota);
    assert!(blocked.message.starts_with("the workflow passed more than"), "{blocked}");
}

#[test]
fn a_guest_that_fuel_does_not_stop_is_stopped_by_time() {
    let quota = Quota { fuel_per_turn: u64::MAX, seconds: 1, ..QUOTA };
    let blocked =
        stopped(&Hostile { start: "(loop (br 0)) (unreachable)", ..Hostile::default() }, quota);
    assert_eq!(blocked.kind, BlockKind::Limit);
    assert_eq!(
        blocked.message,
        "the workflow kept its host busy for more than 1 seconds in one turn"
    );
}

const SAVE_ALL: &str = "(call $image.save (i32.const 0) (i32.mul (memory.size) (i32.const 65536)))";

#[test]
fn a_guest_saves_itself_once_each_time_that_it_is_asked_to() {
    let twice = SAVE_ALL.repeat(2);
    let mut guest = guest(&Hostile { save: &twice, ..Hostile::default() }.component(), QUOTA);
    start(&mut guest).expect("it waits");
    let blocked = guest.save().expect_err("it is stopped");
    assert_eq!(blocked.message, "the component saved its memory more than once");
}

#[test]
fn a_guest_that_floods_its_host_while_it_saves_is_stopped() {
    for flood in ["(loop (call $image.save (i32.const 0) (i32.const 9)) (br 0))", "(loop (br 0))"] {
        let mut guest = guest(&Hostile { save: flood, ..Hostile::default() }.component(), QUOTA);
        start(&mut guest).expect("it waits");
        guest.save().expect_err(flood);
    }
}

#[test]
fn the_largest_memory_can_be_saved() {
    let quota = Quota { memory: 512 << 20, ..QUOTA };
    let hostile = Hostile { pages: 3_200, save: SAVE_ALL, ..Hostile::default() };
    let mut guest = guest(&hostile.component(), quota);
    start(&mut guest).expect("it waits");
    let image = guest.save().expect("it can be saved").expect("it holds no handle");
    assert_eq!(image.memory.len(), 3_200 << 16);
    assert_eq!(image.pages, 3_200);
    let _again = guest.save().expect("it is none the worse for it");
}

/// A host of its own with this component.
async fn host(
    hostile: &Hostile<'_>,
    configure: impl FnOnce(&mut Config),
) -> (Engine, tempfile::TempDir) {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let mut config = Config::new(directory.path(), "http://segno.test");
    config.cache = segno_tests::cache();
    configure(&mut config);
    let engine = Engine::open(config, segno::Steps::new()).await.expect("the engine opens");
    engine.deploy(hostile.component().into()).await.expect("the component is well made");
    (engine, directory)
}

#[tokio::test]
async fn a_guest_that_failed_to_save_itself_is_let_go_and_its_run_goes_on() {
    let hostile = Hostile {
        start: "(drop (call $sleep.until (i64.const 0))) (i32.const 16)",
        // Sleeps five times, and is done.
        deliver: "(if (result i32) (i64.lt_u (local.get 1) (i64.const 5))
            (then (drop (call $sleep.until (i64.const 0))) (i32.const 16))
            (else (i32.const 32)))",
        save: "(unreachable)",
        ..Hostile::default()
    };
    let turns = ImageTurns { live: 1, let_go: 1, apart: 1 };
    let (engine, _directory) = host(&hostile, |config| config.image_turns = turns).await;
    let run =
        engine.start("w", raw(&serde_json::Value::Null), None).await.expect("it starts").run_id;
    let view =
        segno_tests::patiently(engine.wait(run, std::time::Duration::from_secs(3_600))).await;
    assert_eq!(segno_tests::output(&view.expect("the run is known")), serde_json::Value::Null);
}

#[test]
fn a_component_of_many_parts_is_refused() {
    let instances = "(core instance (instantiate $part))".repeat(20);
    let parts = [("(table 100000 funcref)", "core module instances"), ("(memory 1)", "instances")];
    for (part, reason) in parts {
        let text = format!("(component (core module $part {part}) {instances})");
        let component = wat::parse_str(text).expect("it is well written");
        let sandbox = Sandbox::new(None, Capacity::default()).expect("the sandbox can be made");
        let refused = sandbox.load(&component).err().expect(part).to_string();
        assert!(refused.contains(reason), "{part}: {refused}");
    }
}

#[test]
fn tables_count_as_memory() {
    let quota = Quota { memory: 512 << 10, ..QUOTA };
    let start = "(drop (table.grow $t (ref.null func) (i32.const 50000))) (i32.const 16)";
    let hostile = Hostile { more: "(table $t 0 funcref)", start, ..Hostile::default() };
    let blocked = stopped(&hostile, quota);
    assert_eq!(
        blocked.message,
        "the workflow wanted 400000 bytes of memory, but at most 524288 are allowed"
    );
}

#[test]
fn a_start_function_that_traps_is_no_want_of_room() {
    let hostile =
        Hostile { more: "(func $alas (unreachable)) (start $alas)", ..Hostile::default() };
    let sandbox =
        Sandbox::new(Some(&segno_tests::cache()), Capacity::default()).expect("it can be made");
    let module = sandbox.load(&hostile.component()).expect("it is well made");
    let refused = module.instantiate(facts(), QUOTA).err().expect("it traps");
    assert!(matches!(refused, NoGuest::Stopped(_)), "{refused}");
}

#[test]
fn a_guest_for_which_there_is_no_place_can_be_made_when_another_is_gone() {
    let capacity = Capacity { guests: 1, ..Capacity::default() };
    let sandbox = Sandbox::new(Some(&segno_tests::cache()), capacity).expect("it can be made");
    let module = sandbox.load(&Hostile::default().component()).expect("it is well made");
    let first = module.instantiate(facts(), QUOTA).expect("there is one place");
    if let Err(refused) = module.instantiate(facts(), QUOTA).map(drop) {
        assert!(matches!(refused, NoGuest::NoRoom(_)), "{refused}");
    }
    drop(first);
    module.instantiate(facts(), QUOTA).expect("there is one place");
}

#[tokio::test]
async fn a_run_for_whose_guest_there_is_no_room_waits_for_it() {
    // Address space for one guest, and two shards that want to keep one each.
    let create = import("webhook.create");
    let mut arguments = vec![0; create.parameters.len()];
    // Where the address goes.
    arguments[create.parameters.len() - 1] = 1_024;
    let hostile =
        Hostile { start: &(create.call(&arguments) + "(i32.const 16)"), ..Hostile::default() };
    let (engine, _directory) = host(&hostile, |config| {
        (config.shards, config.limits.memory) = (2, 9 << 40);
    })
    .await;
    let lives = (0..8).map(|_| async {
        let run =
            engine.start("w", raw(&serde_json::Value::Null), None).await.expect("it starts").run_id;
        let view = engine.run(run).await.expect("it is known");
        assert!(view.blocked.is_none(), "{view:?}");
        engine.cancel(run).await.expect("it waits");
    });
    segno_tests::patiently(futures::future::join_all(lives)).await;
}

#[test]
fn names_that_are_long_or_cannot_be_shown_are_refused() {
    let long = "s".repeat(129);
    let cases = [
        (["w"], [long.as_str()], "names a step `ssss"),
        (["w"], ["a\nERROR b"], "names a step `a\\nERROR b`, which has a control character"),
        ([long.as_str()], ["s"], "names a workflow `ssss"),
        (
            ["a b"],
            ["s"],
            "names a workflow `a b`, which has a character that cannot stand in a URL",
        ),
    ];
    let sandbox =
        Sandbox::new(Some(&segno_tests::cache()), Capacity::default()).expect("it can be made");
    for (workflows, steps, reason) in &cases {
        let hostile = Hostile { workflows, steps, ..Hostile::default() };
        let module = sandbox.load(&hostile.component()).expect("it is well made");
        let refused = module.describe().expect_err(reason).to_string();
        assert!(refused.contains(reason), "{refused}");
    }
}

/// A module that lists these steps and calls the one of this name.
fn calls(steps: &'static [&'static str], name: &str) -> Vec<u8> {
    // The name, and `null`.
    let arguments = [1_024, u32::try_from(name.len()).expect("it is short"), 52, 4];
    let start = import("step.call").call(&arguments) + "(i32.const 16)";
    let more = format!("(data (i32.const 1024) \"{name}\")");
    Hostile { steps, start: &start, deliver: "(i32.const 32)", more: &more, ..Hostile::default() }
        .component()
}

/// What a run is told that calls this step, on a host with these rules.
async fn told(component: Vec<u8>, rules: &[&str]) -> Option<String> {
    let rules: Vec<Rule> = rules.iter().map(|rule| rule.parse().expect("it is a rule")).collect();
    let (engine, _directory) =
        host(&Hostile::default(), |config| config.policy = Policy::default().with(rules)).await;
    engine.deploy(component.into()).await.expect("the component is well made");
    let run =
        engine.start("w", raw(&serde_json::Value::Null), None).await.expect("it starts").run_id;
    engine.run(run).await.expect("it is known").blocked.map(|blocked| blocked.message)
}

#[tokio::test]
async fn a_workflow_calls_only_the_steps_that_its_module_lists_and_the_host_allows() {
    const UNLISTED: Option<&str> = Some("its module does not list it");
    const DISALLOWED: Option<&str> = Some("this host does not allow it");
    type Case =
        (&'static [&'static str], &'static str, &'static [&'static str], Option<&'static str>);
    let cases: [Case; 8] = [
        (&["http"], "other", &[], UNLISTED),
        (&[], "other", &["*=other"], UNLISTED),
        (&["http"], "http", &[], None),
        (&[], "http", &[], None),
        (&["http"], "http", &["w=http"], None),
        (&["http"], "http", &["w=other"], DISALLOWED),
        (&["http"], "http", &["v=other"], None),
        (&["http"], "http", &["*="], DISALLOWED),
    ];
    for (listed, name, rules, expected) in cases {
        let told = told(calls(listed, name), rules).await;
        let fits = match (&told, expected) {
            (Some(told), Some(expected)) => told.contains(expected),
            (None, None) => true,
            _ => false,
        };
        assert!(fits, "{listed:?} {name} {rules:?}: {told:?}");
    }
}

#[test]
fn what_no_compiler_should_be_given_is_refused_before_it_is_compiled() {
    let cases = [
        (
            format!("(func {})", "(nop)".repeat(600_000)),
            "one of its functions has more than 524288 bytes",
        ),
        (
            format!("(func (local {}))", "i32 i64 ".repeat(6_000)),
            "one of its functions has more than 10000 variables",
        ),
        ("(func)".repeat(100_001), "it has more than 100000 functions"),
    ];
    let sandbox = Sandbox::new(None, Capacity::default()).expect("the sandbox can be made");
    for (functions, reason) in cases {
        let text = format!("(component (core module {functions}))");
        let refused =
            sandbox.load(&wat::parse_str(text).expect("it is well written")).err().expect(reason);
        assert!(refused.to_string().ends_with(reason), "{refused}");
    }
}

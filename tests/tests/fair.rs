//! Runs that compute without end, and others on their shard.

use segno_host::engine::{Config, Random, Simulated, VirtualClock};
use segno_host::store::Store;
use segno_journal::Timestamp;
use segno_tests::hostile::Hostile;
use segno_tests::{cache, raw};
use serde_json::json;

/// Sleeps until 0, which is over at once, and computes for some hundredths of a second in each turn but
/// the first.
const COMPUTES: Hostile<'_> = Hostile {
    workflows: &["computes"],
    steps: &[],
    pages: 2,
    describe: "",
    start: "(drop (call $sleep.until (i64.const 0))) (i32.const 16)",
    deliver: "(local $left i64) (local.set $left (i64.const 30000000))
        (loop $again
            (local.set $left (i64.sub (local.get $left) (i64.const 1)))
            (br_if $again (i64.ne (local.get $left) (i64.const 0))))
        (drop (call $sleep.until (i64.const 0))) (i32.const 16)",
    query: "(i32.const 16)",
    save: "",
    load: "",
    realloc: "",
    more: "",
};

/// Lets what was handled be written, and the world hear of it.
fn write(engine: &mut Simulated) {
    engine.write(usize::MAX);
    while engine.written() > 0 {
        engine.let_go();
    }
    engine.wait_until(engine.now());
}

/// Handles all that a shard was told by now, and no more.
fn round(engine: &mut Simulated) {
    for _ in 0..engine.told()[0] {
        engine.handle(0);
    }
    write(engine);
}

#[test]
fn a_run_that_comes_waits_for_no_turn_of_those_that_compute_without_end() {
    let store = Store::in_memory().expect("the store opens");
    let mut config = Config::new("unused", "http://segno.test");
    (config.cache, config.shards) = (cache(), 1);
    let clock = VirtualClock::new(Timestamp(1_700_000_000_000));
    let engine = Simulated::open(store, config, segno::Steps::new(), clock, Random::seeded(1));
    let mut engine = engine.expect("the engine opens");
    round(&mut engine);
    for hostile in [COMPUTES, Hostile { workflows: &["ends"], start: "(i32.const 32)", ..COMPUTES }]
    {
        let mut asked = engine.deploy(hostile.component().into()).expect("the module is good");
        write(&mut engine);
        asked.answer().expect("it is written").expect("it is deployed");
    }
    let mut many: Vec<_> =
        (0..5).map(|_| engine.start("computes", raw(&json!(null)), None)).collect();
    round(&mut engine);
    assert!(many.iter_mut().all(|asked| asked.answer().is_some_and(|started| started.is_ok())));
    round(&mut engine);
    assert_eq!(engine.told(), [5], "each has computed, and goes on");
    let mut few: Vec<_> = (0..2).map(|_| engine.start("ends", raw(&json!(null)), None)).collect();
    engine.handle(0);
    engine.handle(0);
    write(&mut engine);
    assert!(few.iter_mut().all(|asked| asked.answer().is_some_and(|started| started.is_ok())));
    // Where nothing else waits, they go on.
    assert_eq!(engine.told(), [5]);
    round(&mut engine);
    assert_eq!(engine.told(), [5]);
}

//! What guests hold is what they may hold, whatever they write. Of its own, because it is the process that
//! is weighed.

use segno_host::engine::{Config, Engine};
use segno_tests::hostile::{Hostile, import};
use segno_tests::raw;
use serde_json::Value;

/// How much memory of this process is resident, in bytes; none where the system does not say.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? << 10)
}

#[tokio::test]
async fn guests_that_write_to_all_of_their_memory_do_not_outgrow_the_budget() {
    for shards in [2, 16] {
        grow(shards).await;
    }
}

async fn grow(shards: usize) {
    const RUNS: usize = 2_600;
    const BUDGET: usize = 256 << 20;
    let create = import("webhook.create");
    let mut arguments = vec![0; create.parameters.len()];
    // Where the address goes.
    *arguments.last_mut().expect("it has parameters") = 1_024;
    // A little less than 2 MiB, which is what a fresh guest of a usual module has, and hardly touches.
    let fill = "(memory.fill (i32.const 65536) (i32.const 7) (i32.const 1966080))";
    let start = format!("{fill} {} (i32.const 16)", create.call(&arguments));
    // Its first call ends it.
    let hostile =
        Hostile { pages: 31, start: &start, deliver: "(i32.const 32)", ..Hostile::default() };

    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let mut config = Config::new(directory.path(), "http://segno.test");
    config.cache = segno_tests::cache();
    config.shards = shards;
    (config.memory_budget, config.store_cache, config.open_budget) = (BUDGET, 8 << 20, 8 << 20);
    let engine = Engine::open(config, segno::Steps::new()).await.expect("the engine opens");
    engine.deploy(hostile.component().into()).await.expect("the component is well made");
    let before = resident();
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let started = engine.start("w", raw(&Value::Null), None).await;
        runs.push(started.expect("the run starts").run_id);
    }
    // All together wrote 5 GiB. What is not counted comes to as much as the budget, to half a gibibyte
    // that the host may hold besides, and to what comes between two looks.
    if let (Some(before), Some(after)) = (before, resident()) {
        let grown = after.saturating_sub(before);
        assert!(
            grown < 2 * BUDGET + (1 << 30),
            "{grown} bytes more are resident with {shards} shards"
        );
        let metrics = engine.metrics();
        let shed = metrics.lines().find_map(|line| line.strip_prefix("segno_guests_shed_total "));
        assert!(shed.is_some_and(|shed| shed != "0"), "{metrics}");
    }
    // The runs are none the worse for it, whether their guests were let go or not.
    for run in [runs[0], runs[RUNS - 1]] {
        let token = segno_tests::token(&engine, run).await;
        engine.call_webhook(&token, segno_tests::post("hello")).await.expect("the webhook is open");
        assert_eq!(segno_tests::output_of(&engine, run).await, Value::Null);
    }
    engine.shutdown().await;
}

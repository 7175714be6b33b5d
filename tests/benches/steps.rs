//! What a step costs: near the beginning, the middle and the end of a run of 10,000; in crowds; and
//! over many runs.
//!
//! `cargo bench -p segno-tests --bench steps`. The steps do nothing, on a real disk; each is one turn
//! and durably committed. Beside them stands what the disk alone takes for a small `write` and
//! `fdatasync`.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use segno::Steps;
use segno::native::{Step, StepPolicy};
use segno_host::engine::{Config, Engine};
use segno_tests::{basics, raw};
use serde_json::json;

const STEPS: usize = 10_000;

/// How many runs are started at once.
const RUNS: usize = 1_000;

/// Over how many steps the median is taken, ending at the step that is named.
const WINDOW: usize = 10;

#[tokio::main]
async fn main() {
    let directory = tempfile::TempDir::new_in(".").expect("a temporary directory on a real disk");
    println!("write + fdatasync of 512 bytes: {:?} (median of 500)", raw_sync(directory.path()));
    let called = Arc::new(Mutex::new(Vec::with_capacity(STEPS)));
    let engine = Engine::open(Config::new(directory.path(), "http://localhost"), steps(&called)).await;
    let engine = engine.expect("the engine opens");
    engine.deploy(basics()).await.expect("the module is good");
    for round in 1..=3 {
        called.lock().expect("no step panics").clear();
        let whole = run(&engine, "add_steps", STEPS).await;
        let called = called.lock().expect("no step panics");
        let at =
            |step: usize| median(called[step - WINDOW..step].windows(2).map(|two| two[1] - two[0]).collect());
        println!(
            "round {round}: step 10: {:?}, step 1,000: {:?}, step 10,000: {:?}; all {STEPS}: {whole:?}",
            at(10),
            at(1_000),
            at(STEPS)
        );
    }
    for round in 1..=3 {
        let (small, large) = (run(&engine, "fan_out", 1_000).await, run(&engine, "fan_out", 10_000).await);
        let many = many_runs(&engine).await;
        println!(
            "round {round}: 1,000 steps at once: {small:?}; 10,000: {large:?}; {RUNS} runs of 10 steps: {many:?}"
        );
    }
    engine.shutdown().await;
}

/// How long a run takes, from the call that starts it to its end.
async fn run(engine: &Engine, workflow: &str, input: usize) -> Duration {
    let begun = Instant::now();
    let run = engine.start(workflow, raw(&json!(input)), None).await.expect("it starts").run_id;
    let view = engine.wait(run, Duration::from_secs(600)).await.expect("the run is known");
    assert!(view.output.is_some(), "{view:?}");
    begun.elapsed()
}

/// How long many runs of ten steps take, all started at once.
async fn many_runs(engine: &Engine) -> Duration {
    let begun = Instant::now();
    futures::future::join_all((0..RUNS).map(|_| run(engine, "add_steps", 10))).await;
    begun.elapsed()
}

/// A host whose step `add` notes when it is called.
fn steps(called: &Arc<Mutex<Vec<Instant>>>) -> Steps {
    let called = Arc::clone(called);
    let add = Step::new("add", StepPolicy::default(), move |input| {
        called.lock().expect("no step panics").push(Instant::now());
        async move {
            let numbers: serde_json::Value = serde_json::from_str(&input)?;
            let sum = numbers["a"].as_u64().zip(numbers["b"].as_u64()).map(|(a, b)| a + b);
            Ok(sum.ok_or("`add` takes two numbers")?.to_string())
        }
    });
    Steps::new().with(add)
}

fn raw_sync(directory: &std::path::Path) -> Duration {
    let mut file = std::fs::File::create(directory.join("raw")).expect("a file can be made");
    let times = (0..500).map(|_| {
        let begun = Instant::now();
        file.write_all(&[7; 512]).and_then(|()| file.sync_data()).expect("the disk takes it");
        begun.elapsed()
    });
    median(times.collect())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

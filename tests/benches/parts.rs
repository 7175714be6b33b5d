//! What the parts cost, one by one: a turn of a guest, its record, its commit, a fresh guest, an
//! image, a replay. `segno bench` measures the whole.
//!
//! `cargo bench -p segno-tests --bench parts`, and a word behind `--` for some of them only.

use std::io::Write;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use segno_host::sandbox::{
    Capacity, Facts, Guest, Module, Moment, Output, Quota, Sandbox, Tokens, WebhookAddress,
};
use segno_host::store::{Committer, Draft, Store};
use segno_journal::{Event, Op, RunId, Timestamp, Turn};
use tempfile::TempDir;

const QUOTA: Quota = Quota {
    fuel_per_turn: 2_000_000_000,
    seconds: 60,
    memory: 64 << 20,
    commands_per_turn: 100_000,
    bytes_per_turn: 32 << 20,
    payload: 4 << 20,
};

/// More steps than any bench takes.
const ENDLESS: &str = "1000000000000";

fn main() {
    divan::main();
}

fn run() -> RunId {
    RunId::from_parts(Timestamp(1), 1)
}

fn module() -> Module {
    let sandbox = Sandbox::new(Some(&segno_tests::cache()), Capacity::default())
        .expect("the sandbox can be made");
    sandbox.load(&segno_tests::bench_workflows()).expect("the component is good")
}

/// A fresh guest of the workflow that calls one step after another.
fn fresh(module: &Module) -> Guest {
    let run = run();
    let started_at = Timestamp(1);
    let facts =
        Facts { run, workflow: "sequential".into(), started_at, seed: [7; 32], parent: None };
    module.instantiate(facts, QUOTA).expect("there is room")
}

fn event(seq: u64) -> Event {
    match seq.checked_sub(1) {
        None => Event::Started { input: ENDLESS.into() },
        Some(op) => Event::StepCompleted { op: Op(op), output: "null".into() },
    }
}

fn deliver(guest: &mut Guest, seq: u64) -> Output {
    let tokens =
        Tokens::Fresh(Box::new(|| WebhookAddress { token: "t".into(), url: "http://h/t".into() }));
    guest.turn(&event(seq), Moment { seq, at: Timestamp(1) }, tokens).expect("the guest behaves")
}

/// A guest that has had so many turns.
fn played(module: &Module, turns: u64) -> Guest {
    let mut guest = fresh(module);
    (0..turns).for_each(|seq| drop(deliver(&mut guest, seq)));
    guest
}

/// A turn as it is recorded: a step was completed, and the next one is asked for.
fn turn(seq: u64) -> Turn {
    let Output { commands, verdict, log, .. } = deliver(&mut played(&module(), 1), 1);
    Turn { seq, first_op: Op(seq), at: Timestamp(1), event: event(1), commands, verdict, log }
}

/// A step that has ended is delivered, and the guest asks for the next one.
#[divan::bench]
fn deliver_a_completion(bencher: Bencher<'_, '_>) {
    let mut guest = played(&module(), 1);
    let mut seq = 0;
    bencher.bench_local(|| {
        seq += 1;
        deliver(&mut guest, seq)
    });
}

/// The rows of a turn, in their envelopes.
#[divan::bench]
fn encode_a_turn(bencher: Bencher<'_, '_>) {
    let turn = turn(0);
    bencher.with_inputs(|| turn.clone()).bench_values(|turn| Draft::turn(run(), turn, vec![]));
}

/// So many turns in one transaction, on the disk of the working directory.
#[divan::bench(args = [1, 64, 1024])]
fn commit_turns(bencher: Bencher<'_, '_>, turns: usize) {
    let directory = TempDir::new_in(".").expect("a temporary directory on a real disk");
    let store = Store::open(directory.path()).expect("the store opens");
    let (committer, _thread) = Committer::start(store).expect("there is a thread");
    let turn = turn(0);
    let mut seq = 0;
    bencher.counter(ItemsCount::new(turns)).bench_local(|| {
        for _ in 0..turns {
            seq += 1;
            let turn = Turn { seq, ..turn.clone() };
            committer.submit(Draft::turn(run(), turn, vec![]), |_committed| {});
        }
        committer.flush().expect("the disk takes it");
    });
}

/// What the disk of the working directory takes by itself.
#[divan::bench]
fn write_and_fdatasync_512_bytes(bencher: Bencher<'_, '_>) {
    let directory = TempDir::new_in(".").expect("a temporary directory on a real disk");
    let mut file = std::fs::File::create(directory.path().join("raw")).expect("a file can be made");
    bencher.bench_local(|| {
        file.write_all(&[7; 512]).and_then(|()| file.sync_data()).expect("the disk takes it")
    });
}

/// A fresh guest of a compiled module.
#[divan::bench]
fn make_a_guest(bencher: Bencher<'_, '_>) {
    let module = module();
    bencher.bench_local(|| fresh(&module));
}

/// The memory of a run that has had a thousand turns.
#[divan::bench]
fn save_an_image(bencher: Bencher<'_, '_>) {
    let mut guest = played(&module(), 1_000);
    bencher.bench_local(|| guest.save().expect("it can be saved"));
}

/// A fresh guest, and the memory of that run in it.
#[divan::bench]
fn load_an_image(bencher: Bencher<'_, '_>) {
    let module = module();
    let image =
        played(&module, 1_000).save().expect("it can be saved").expect("it holds no handle");
    bencher.with_inputs(|| image.clone()).bench_local_values(|image| {
        let mut guest = fresh(&module);
        guest.load(image).expect("the image fits");
        guest
    });
}

/// A fresh guest that is given so many turns, as after a restart without an image; without reading
/// them from the disk.
#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 10)]
fn replay(bencher: Bencher<'_, '_>, turns: u64) {
    let module = module();
    bencher.counter(ItemsCount::new(turns)).bench_local(|| black_box(played(&module, turns)));
}

//! A story that has a bit of everything, always the same, and what comes of it when the host crashes
//! or its disk fails at any of its points.

use std::sync::OnceLock;

use segno_host::engine::{ImageTurns, JobKind};
use segno_host::store::Standing;
use serde_json::json;

use crate::faulty::Kept;
use crate::simulation::cuts::KEPT_WORKFLOW;
use crate::simulation::judge;
use crate::simulation::life::Life;
use crate::simulation::moves::Move;
use crate::simulation::tally::Tally;
use crate::simulation::told::{Told, new_disk};

/// The seed of the story: what is left to chance in it is the same each time.
const SEED: u64 = 7;

/// How many rounds a run plays of which only the last turns are kept: so many that some are forgotten.
const ROUNDS: u64 = 20;

/// After how many turns images are taken in the story.
const IMAGE_TURNS: ImageTurns = ImageTurns { live: 4, let_go: 2, apart: 2 };

fn story() -> &'static Told {
    static STORY: OnceLock<Told> = OnceLock::new();
    STORY.get_or_init(|| {
        Told::once(SEED, |life| {
            // What comes before it is no store.
            let made = life.disk.operations();
            play(life);
            life.come_to_its_end();
            life.witness.has_everything();
            made
        })
    })
}

/// In how many ways the host can crash.
pub(crate) fn crashes() -> u64 {
    story().crashes()
}

/// The host crashes at a point of the story, and goes on from what its disk kept.
pub(crate) fn crash(number: u64, tell: &mut dyn FnMut(&str)) -> (u64, Tally) {
    story().crash(number, |life| life.image_turns = IMAGE_TURNS, tell)
}

/// At how many points the disk can fail.
pub(crate) fn refusals() -> u64 {
    story().points() as u64
}

/// The disk fails at a point of the story: the host goes down, and goes on from what is left.
pub(crate) fn refusal(point: u64, tell: &mut dyn FnMut(&str)) -> (u64, Tally) {
    let disk = new_disk();
    disk.fail_at(disk.operations() + point as usize);
    let mut life = Life::on(disk, SEED, tell);
    play(&mut life);
    life.crash(Kept::All, None);
    life.come_to_its_end();
    judge::judge(life)
}

/// What happens in the story.
fn play(life: &mut Life<'_>) {
    life.image_turns = IMAGE_TURNS;
    life.open(Some(1));
    life.deploy();
    let two = json!([{ "step": work(0, 0) }, { "sleep": 301 }]);
    life.start_with("program", &program(&json!({ "all": two }), &[]), None);
    life.start_with("nap", &json!(700), Some("a nap".into()));
    life.settle();
    let held = |life: &mut Life<'_>| {
        let store = life.host().store.clone();
        let records = life.witness.runs.keys().filter_map(|run| store.run(*run).ok().flatten());
        records.filter(|record| matches!(record.standing, Standing::Blocked(_))).count()
    };
    // A disk that fails may have the host started again in between, with room for it.
    assert!(held(life) > 0 || life.has_crashed(), "the program wants more than there is room for");
    life.stop(None);
    life.settle();
    let retried = json!({ "each": [{ "step": work(0, 2) }, { "write": ["words", 1] }, { "take": [0, 2] }, { "step": work(2, 0) }] });
    life.start_with("program", &program(&retried, &[true]), Some("an order".into()));
    let raced = json!({ "first": [{ "take": [0, 1] }, { "each": [{ "sleep": 902 }, { "step": work(1, 9) }] }] });
    life.start_with("program", &program(&raced, &[false]), None);
    // Two who want one token, and each of them is told something.
    let asks = json!({ "each": [{ "hook": ["order-1", 1] }, { "signals": ["address", 2] }] });
    for _ in 0..2 {
        life.start_with("program", &program(&asks, &[]), None);
    }
    life.start_with(KEPT_WORKFLOW, &json!(ROUNDS), None);
    let tells = json!({ "id": 0, "sleeps": 300, "tells": "address" });
    let family = json!({ "each": [{ "write": ["told", 0] }, { "linger": false }, { "linger": true }, { "child": [tells, false] }, { "signals": ["address", 1] }] });
    life.start_with("program", &program(&family, &[]), None);
    life.settle();
    let told: Vec<_> = life.witness.unfinished().map(|(run, _)| run).take(2).collect();
    life.send_batch(vec![("nap", json!(100))], told, 2);
    for _ in 0..8 {
        life.make(Move::Call);
        life.make(Move::Signal);
        life.make(Move::Hook);
        life.make(Move::Stream);
        for _ in 0..4 {
            life.go_on();
        }
    }
    life.start_with("program", &program(&retried, &[true]), Some("an order".into()));
    life.start_with("nap", &json!(86_400_000), None);
    life.settle();
    life.cancel_last();
    let undo = |id, fails| json!({ "undo": [work(id, fails), false] });
    let saga = json!({ "each": [undo(0, 0), { "shield": { "each": [{ "step": work(1, 1) }, undo(2, 1)] } }, { "sleep": 86_400_003 }] });
    life.start_with("program", &program(&saga, &[]), None);
    life.settle();
    life.cancel_saga();
    life.settle();
    life.fork_first();
    life.settle();
    life.start_with("program", &program(&asks, &[]), None);
    life.settle();
    hold_up_and_let_go(life);
}

/// The host is paused, and many runs are by a job; one is moved; and all of it goes on.
fn hold_up_and_let_go(life: &mut Life<'_>) {
    life.pause_host_now(true);
    life.make(Move::Signal);
    life.do_to_many(JobKind::Pause, None);
    life.work_on_jobs();
    life.settle();
    life.make(Move::Elsewhere);
    // What was paused since a job was made is not resumed by it.
    let later = life.host().engine.now().plus_ms(1);
    life.with(|engine| engine.wait_until(later));
    life.do_to_many(JobKind::Resume, None);
    life.work_on_jobs();
    life.settle();
    life.pause_host_now(false);
    life.settle();
}

fn work(id: u64, fails: u32) -> serde_json::Value {
    json!({ "id": id, "fails": fails, "how": "error" })
}

fn program(act: &serde_json::Value, webhooks: &[bool]) -> serde_json::Value {
    json!({ "webhooks": webhooks, "act": act, "strict": false })
}

//! What can happen next in a life, and how often each of it does.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::faulty::Kept;

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Move {
    /// Somebody starts a run, perhaps with a key.
    Start,
    /// Somebody sends a batch of starts and signals, perhaps twice.
    Batch,
    /// Somebody calls a webhook.
    Call,
    /// Somebody sends a signal to a run.
    Signal,
    /// Somebody calls a hook.
    Hook,
    /// Somebody ends the sleeps of a run early.
    Wake,
    /// Many call the webhooks of runs of which something is held.
    Crowd,
    /// Somebody cancels a run.
    Cancel,
    /// Somebody ends a run at once.
    Kill,
    /// Somebody cancels a run whose shard does not answer.
    CancelWithoutShard,
    /// Somebody holds a run up.
    Pause,
    /// Somebody lets a run go on that is held up.
    Resume,
    /// Somebody wants a run to be on another module.
    Elsewhere,
    /// Somebody pauses the host, or lets it go on.
    PauseHost,
    /// Somebody has one thing done to many runs.
    Job,
    /// The jobs of the host come a page further.
    Page,
    /// Somebody tries a failed run again.
    Retry,
    /// Somebody forks a run.
    Fork,
    /// Somebody deletes a run.
    Delete,
    /// The host looks for what it keeps no longer.
    Sweep,
    /// Somebody deploys what is deployed already.
    Deploy,
    /// A shard handles its next message.
    Handle,
    /// The committer writes some of what waits.
    Write,
    /// The committer lets the first written draft go on.
    LetGo,
    /// The clock moves on.
    Wait,
    /// An attempt ends.
    End,
    /// An attempt writes to the streams of its run.
    Stream,
    /// A live guest is dropped.
    Evict,
    /// The disk refuses one of its next operations.
    Refuse,
    /// The host goes down without a word.
    Crash(Kept),
    /// The host is started where something is held, and goes down again before all of that is told.
    Falter,
    /// The host is stopped in an orderly way.
    Stop,
}

/// Each with its weight. What cannot happen just now changes nothing, and something else is drawn.
const WEIGHTS: [(u32, Move); 34] = [
    (12, Move::Start),
    (6, Move::Batch),
    (12, Move::Call),
    (8, Move::Signal),
    (6, Move::Hook),
    (2, Move::Wake),
    (3, Move::Crowd),
    (6, Move::Cancel),
    (1, Move::Kill),
    (1, Move::CancelWithoutShard),
    (3, Move::Pause),
    (6, Move::Resume),
    (4, Move::Elsewhere),
    (1, Move::PauseHost),
    (1, Move::Job),
    (6, Move::Page),
    (12, Move::Retry),
    (6, Move::Fork),
    (4, Move::Delete),
    (4, Move::Sweep),
    (1, Move::Deploy),
    (90, Move::Handle),
    (40, Move::Write),
    (80, Move::LetGo),
    (20, Move::Wait),
    (50, Move::End),
    (12, Move::Stream),
    (8, Move::Evict),
    (1, Move::Refuse),
    (2, Move::Crash(Kept::Nothing)),
    (1, Move::Crash(Kept::All)),
    (1, Move::Crash(Kept::Some(0))),
    (2, Move::Falter),
    (1, Move::Stop),
];

/// Draws what happens next.
pub(crate) fn draw(random: &mut ChaCha8Rng) -> Move {
    let whole = WEIGHTS.iter().map(|(weight, _)| weight).sum();
    let mut at = random.random_range(0..whole);
    for (weight, next) in WEIGHTS {
        if at < weight {
            return match next {
                Move::Crash(Kept::Some(_)) => Move::Crash(Kept::Some(random.random())),
                next => next,
            };
        }
        at -= weight;
    }
    Move::Handle
}

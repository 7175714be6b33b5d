//! How the shards are reached: what they are told, and which of them owns a run.

use segno_api::Wait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use segno_journal::retry::Attempt;
use segno_journal::{Digest, Event, Op, Request, RunId};
use tokio::sync::oneshot;

use crate::engine::admission::Admitted;
use crate::engine::comeback::Comeback;
use crate::engine::notes::Asker;
use crate::engine::reply::{Caller, Then};
use crate::engine::survey::Question;
use crate::engine::watch::Watch;
use crate::steps::{Attempted, Go, Running};
use crate::store::RunRecord;

/// What a shard is told.
pub(crate) enum Message {
    /// All shards have taken in their runs: set them going.
    GoOn { comeback: Arc<Comeback> },
    /// A new run, with its JSON input and the idempotency key that names it.
    Start { run: RunId, record: RunRecord, input: String, key: Option<String>, then: Then },
    /// Something happened to a run.
    Event { run: RunId, event: Event },
    /// Somebody called a webhook of a run.
    Request { run: RunId, op: Op, request: Request, caller: Caller },
    /// An attempt of a step failed, and the step is to be tried again.
    Attempt { run: RunId, op: Op, attempt: Attempt },
    /// An attempt of a step is over, which is why this is told. Its place is free once this is taken.
    Ended { message: Box<Self>, running: Running },
    /// An attempt of a watched step has its place, and is to begin once that is on disk.
    Begins { run: RunId, op: Op, go: Go },
    /// The next attempt of a step is due.
    Retry(Attempted),
    /// Events lie parked of a run that is parked no more.
    Unpark { run: RunId },
    /// Somebody cancels a run.
    Cancel { run: RunId, by: Asker, then: Then },
    /// Somebody lets a parked run go on, perhaps on another module.
    Resume { run: RunId, module: Option<Digest>, by: Asker, then: Then },
    /// Somebody wants the steps of a run that wait for their next attempt to be tried now.
    RetryNow { run: RunId, then: Then },
    /// Somebody wants to know how a run stands. It keeps its place even if it goes: the message is
    /// still in the line.
    Inspect { run: RunId, asker: oneshot::Sender<Option<Inspection>>, admitted: Admitted },
    /// Somebody wants to know why runs wait.
    Survey(Question),
    /// Guests hold more than they are counted for: some have to go.
    Shed,
    /// The host goes down.
    Stop,
}

impl Message {
    /// The run to which this happens, where it has to come after what happened to the run before. Who
    /// asks for a run, cancels it or has its steps tried need not wait for that.
    pub(crate) fn waits_its_turn(&self) -> Option<RunId> {
        match self {
            Self::Ended { message, .. } => message.waits_its_turn(),
            Self::Start { run, .. }
            | Self::Event { run, .. }
            | Self::Request { run, .. }
            | Self::Attempt { run, .. }
            | Self::Begins { run, .. }
            | Self::Retry(Attempted { run, .. })
            | Self::Unpark { run }
            | Self::Resume { run, .. } => Some(*run),
            Self::GoOn { .. }
            | Self::Cancel { .. }
            | Self::RetryNow { .. }
            | Self::Inspect { .. }
            | Self::Survey(_)
            | Self::Shed
            | Self::Stop => None,
        }
    }
}

/// How a run that has not ended stands.
pub(crate) struct Inspection {
    pub(crate) record: RunRecord,
    pub(crate) turns: u64,
    pub(crate) waits_for: Vec<Wait>,
}

/// Where the shards are reached, and what is seen of them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inboxes {
    shards: Arc<[Inbox]>,
    stopped: Arc<AtomicBool>,
}

struct Inbox {
    sender: Sender<Message>,
    watch: Arc<Watch>,
}

impl Inboxes {
    pub(crate) fn new(shards: impl IntoIterator<Item = (Sender<Message>, Arc<Watch>)>) -> Self {
        let shards = shards.into_iter().map(|(sender, watch)| Inbox { sender, watch }).collect();
        Self { shards, stopped: Arc::default() }
    }

    /// Hands a message to the shard that owns the run. A shard that is gone hears nothing.
    pub(crate) fn send(&self, run: RunId, message: Message) {
        self.of(run).send(message);
    }

    /// What is seen of the shard that owns the run.
    pub(crate) fn watch(&self, run: RunId) -> &Watch {
        &self.of(run).watch
    }

    /// What is seen of each shard.
    pub(crate) fn watches(&self) -> impl ExactSizeIterator<Item = &Watch> {
        self.shards.iter().map(|inbox| &*inbox.watch)
    }

    /// Tells all shards to set their runs going.
    pub(crate) fn go_on(&self, comeback: Comeback) {
        let comeback = Arc::new(comeback);
        self.shards
            .iter()
            .for_each(|inbox| inbox.send(Message::GoOn { comeback: Arc::clone(&comeback) }));
    }

    /// Tells all shards but the one of this watch to let guests go.
    pub(crate) fn shed_by_others(&self, of: &Watch) {
        let others = self.shards.iter().filter(|inbox| !std::ptr::eq(&*inbox.watch, of));
        others.for_each(|inbox| inbox.send(Message::Shed));
    }

    /// Tells all shards to stop.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.shards.iter().for_each(|inbox| inbox.send(Message::Stop));
    }

    /// Whether the shards were told to stop.
    pub(crate) fn are_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    fn of(&self, run: RunId) -> &Inbox {
        &self.shards[shard_of(run, self.shards.len())]
    }
}

impl Inbox {
    fn send(&self, message: Message) {
        self.watch.sent();
        let _gone = self.sender.send(message);
    }
}

/// Which of the shards owns a run: by the random part of its name.
pub(crate) fn shard_of(run: RunId, shards: usize) -> usize {
    let [.., a, b, c, d, e, f, g, h] = run.to_bytes();
    (u64::from_be_bytes([a, b, c, d, e, f, g, h]) % shards as u64) as usize
}

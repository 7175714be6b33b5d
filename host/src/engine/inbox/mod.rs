//! How the shards are reached: what they are told, which of them owns a run, and what is seen of them
//! from outside.

mod asker;
mod batch;
mod delivery;
mod family;
mod gate;
mod message;
mod recovery;
mod stream;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use segno_journal::RunId;

pub use crate::engine::inbox::asker::Asker;
pub use crate::engine::inbox::delivery::{Answered, Place, Reply};
pub use crate::engine::inbox::gate::Busy;
pub use crate::engine::inbox::message::CancelHow;

pub(crate) use crate::engine::inbox::batch::{Announced, Batched, OnItsWay, RoomFor};
pub(crate) use crate::engine::inbox::delivery::{Caller, Delivery, Report, Source, Then, Told};
pub(crate) use crate::engine::inbox::family::{Begun, FamilySignal};
pub(crate) use crate::engine::inbox::gate::{Gate, LOOK, News};
pub(crate) use crate::engine::inbox::message::{
    First, Inspection, Message, Question, Retrying, Said, Sleeps,
};
pub(crate) use crate::engine::inbox::recovery::{Found, Recovery};
pub(crate) use crate::engine::inbox::stream::StepWrite;

/// Where the shards are reached, and what is seen of them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inboxes {
    shards: Arc<[Inbox]>,
    stopped: Arc<AtomicBool>,
}

struct Inbox {
    sender: Sender<Message>,
    gate: Arc<Gate>,
}

impl Inboxes {
    pub(crate) fn new(shards: impl IntoIterator<Item = (Sender<Message>, Arc<Gate>)>) -> Self {
        let shards = shards.into_iter().map(|(sender, gate)| Inbox { sender, gate }).collect();
        Self { shards, stopped: Arc::default() }
    }

    /// Hands a message to the shard that owns the run. A shard that is gone hears nothing.
    pub(crate) fn send(&self, run: RunId, message: Message) {
        self.of(run).send(message);
    }

    /// What is seen of the shard that owns the run.
    pub(crate) fn gate(&self, run: RunId) -> &Gate {
        &self.of(run).gate
    }

    /// What is seen of each shard.
    pub(crate) fn gates(&self) -> impl ExactSizeIterator<Item = &Gate> {
        self.shards.iter().map(|inbox| &*inbox.gate)
    }

    /// Each shard that is at a message, and nothing of the others.
    pub(crate) fn busy(&self) -> impl Iterator<Item = Option<Busy>> {
        self.gates().enumerate().map(|(shard, gate)| {
            let time = gate.busy_for()?;
            Some(Busy { shard, time, computes: gate.computes() })
        })
    }

    /// Tells all shards to set their runs going.
    pub(crate) fn go_on(&self, recovery: Recovery) {
        let recovery = Arc::new(recovery);
        self.shards
            .iter()
            .for_each(|inbox| inbox.send(Message::GoOn { recovery: Arc::clone(&recovery) }));
    }

    /// Tells all shards that a run has ended of which nobody knows which children it had.
    pub(crate) fn parent_ended(&self, parent: RunId) {
        self.shards.iter().for_each(|inbox| inbox.send(Message::ParentEnded { parent }));
    }

    /// Tells all shards but the one of this watch to let guests go.
    pub(crate) fn shed_by_others(&self, of: &Gate) {
        let others = self.shards.iter().filter(|inbox| !std::ptr::eq(&*inbox.gate, of));
        others.for_each(|inbox| inbox.send(Message::Shed));
    }

    /// Tells all shards that the host is paused no more.
    pub(crate) fn host_goes_on(&self) {
        self.shards.iter().for_each(|inbox| inbox.send(Message::HostGoesOn));
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

    /// Which of the shards owns a run.
    pub(crate) fn shard_of(&self, run: RunId) -> usize {
        shard_of(run, self.shards.len())
    }

    fn of(&self, run: RunId) -> &Inbox {
        &self.shards[self.shard_of(run)]
    }
}

impl Inbox {
    fn send(&self, message: Message) {
        self.gate.sent();
        let _gone = self.sender.send(message);
    }
}

/// Which of the shards owns a run: by the random part of its name.
pub(crate) fn shard_of(run: RunId, shards: usize) -> usize {
    let [.., a, b, c, d, e, f, g, h] = run.to_bytes();
    (u64::from_be_bytes([a, b, c, d, e, f, g, h]) % shards as u64) as usize
}

//! What a shard is told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use segno_api::{CleanupView, Wait, Why};
use segno_journal::retry::Attempt;
use segno_journal::{Attributes, Digest, Event, Op, RunId, Signal};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::engine::admission::Admitted;
use crate::engine::inbox::asker::Asker;
use crate::engine::inbox::batch::{OnItsWay, RoomFor};
use crate::engine::inbox::delivery::{Caller, Then};
use crate::engine::inbox::family::{Begun, FamilySignal};
use crate::engine::inbox::recovery::Recovery;
use crate::engine::inbox::stream::StepWrite;
use crate::steps::{Go, Running, StepAttempt};
use crate::store::{Posted, RunRecord, StartKey};

/// What a shard is told.
pub(crate) enum Message {
    /// All shards have taken in their runs: set them going.
    GoOn { recovery: Arc<Recovery> },
    /// A new run, with its JSON input and what belongs to its first commit.
    Start { run: RunId, record: RunRecord, input: String, first: Box<First>, then: Then },
    /// A child, or a run of a batch, is on disk: its shard owns it from now on.
    Begin(Box<Begun>),
    /// A new run was not written, since its key has started another one; nor were its children.
    NeverWas { run: RunId, children: Vec<Begun> },
    /// A batch has sent a run a signal.
    Posted(Posted, OnItsWay),
    /// Somebody wants to know whether a run can take signals.
    Room(Box<RoomFor>),
    /// A run has ended of which nobody knows which children it had.
    ParentEnded { parent: RunId },
    /// The child that is this operation of a run may have ended.
    ChildEnded { run: RunId, op: Op },
    /// Somebody wants to know whether a run knows how this child of it has ended.
    HasHeard { run: RunId, op: Op, asker: oneshot::Sender<bool> },
    /// A run of its family sends a run a signal.
    FamilySignal(Box<FamilySignal>),
    /// Something happened to a run.
    Event { run: RunId, event: Event },
    /// Somebody called a webhook or a hook of a run, or sent it a signal. Of a signal they may wait for
    /// the answer; how a webhook is answered it says itself.
    Call { run: RunId, event: Event, waits: bool, caller: Caller },
    /// An attempt of a step failed, and the step is to be tried again.
    Attempt { run: RunId, op: Op, attempt: Attempt },
    /// An attempt of a step is over, which is why this is told. Its place is free once this is taken.
    Ended { message: Box<Self>, running: Running },
    /// A step that is under way has said how far it is.
    Heartbeat { run: RunId, op: Op, said: Said },
    /// An attempt of a step writes to the streams of its run.
    Write(Box<StepWrite>),
    /// An attempt of a watched step has its place, and is to begin once that is on disk.
    Begins { run: RunId, op: Op, go: Go },
    /// The next attempt of a step is due.
    Retry(StepAttempt),
    /// Events are held of a run that is blocked no more.
    DeliverHeld { run: RunId },
    /// Somebody cancels a run.
    Cancel { run: RunId, by: Asker, how: CancelHow, then: Then },
    /// Somebody holds a run up.
    Pause { run: RunId, by: Asker, then: Then },
    /// A moment of a run as a whole has come, perhaps: it begins, or its time is over.
    Due { run: RunId },
    /// Somebody ends sleeps of a run early.
    Wake { run: RunId, sleeps: Sleeps, by: Asker, then: Then },
    /// Somebody lets a blocked run go on, perhaps on another module.
    Resume { run: RunId, module: Option<Digest>, by: Asker, then: Then },
    /// Somebody wants a run to be on another module.
    Move { run: RunId, module: Digest, by: Asker, then: Then },
    /// Somebody wants a failed run to be tried again.
    TryAgain { run: RunId, how: Retrying, by: Asker, then: Then },
    /// Somebody wants the steps of a run that wait for their next attempt to be tried now.
    RetryNow { run: RunId, then: Then },
    /// Somebody wants to know how a run stands. It keeps its place even if it goes: the message is
    /// still in the line.
    Inspect { run: RunId, asker: oneshot::Sender<Option<Inspection>>, admitted: Admitted },
    /// Somebody wants to know why runs wait.
    Survey(Question),
    /// The host is paused no more.
    HostGoesOn,
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
            | Self::ChildEnded { run, .. }
            | Self::Call { run, .. }
            | Self::Attempt { run, .. }
            | Self::Heartbeat { run, .. }
            | Self::Begins { run, .. }
            | Self::Retry(StepAttempt { run, .. })
            | Self::DeliverHeld { run }
            | Self::Wake { run, .. }
            | Self::NeverWas { run, .. }
            | Self::Due { run }
            | Self::TryAgain { run, .. }
            | Self::Move { run, .. }
            | Self::Resume { run, .. } => Some(*run),
            Self::Posted(posted, _) => Some(posted.run),
            Self::Room(asked) => Some(asked.run),
            Self::Begin(begun) => Some(begun.run),
            Self::FamilySignal(signal) => Some(signal.run),
            Self::Write(write) => Some(write.run),
            Self::GoOn { .. }
            | Self::ParentEnded { .. }
            | Self::HasHeard { .. }
            | Self::Cancel { .. }
            | Self::Pause { .. }
            | Self::RetryNow { .. }
            | Self::Inspect { .. }
            | Self::Survey(_)
            | Self::HostGoesOn
            | Self::Shed
            | Self::Stop => None,
        }
    }
}

/// How a run is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelHow {
    /// It ends at once, and cleans nothing up.
    pub kill: bool,
    /// How long it may take to clean up, if it has to.
    pub within: Duration,
}

impl CancelHow {
    /// How long a run may take to clean up where nobody says.
    pub const WITHIN: Duration = Duration::from_secs(3_600);

    /// At once, whatever is left to be cleaned up.
    pub const KILL: Self = Self { kill: true, within: Self::WITHIN };
}

impl Default for CancelHow {
    fn default() -> Self {
        Self { kill: false, within: Self::WITHIN }
    }
}

/// How a failed run is tried again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retrying {
    /// The turn to go back to; where none is given, the one that delivered the failure.
    pub(crate) turn: Option<u64>,
    /// The module to go on with, if not its own.
    pub(crate) module: Option<Digest>,
}

/// What is written with the first turn of a run, or with its block.
#[derive(Debug, Default)]
pub(crate) struct First {
    /// The idempotency key that names the run.
    pub(crate) key: Option<StartKey>,
    /// The signals that it is sent with its start, no two with the same key.
    pub(crate) signals: Vec<Signal>,
    /// What it is found by.
    pub(crate) attributes: Attributes,
}

/// Which sleeps are ended early.
pub(crate) enum Sleeps {
    /// All that the run waits for.
    All,
    /// This one.
    One(Op),
    /// Those that are left of them. Each is a turn, and what others wait for comes in between.
    Left(VecDeque<Op>),
}

/// What an attempt last said of how far it is, as JSON. It is one message however often the attempt says
/// something until that is taken.
#[derive(Clone, Default)]
pub(crate) struct Said(Arc<Mutex<Option<String>>>);

impl Said {
    /// Says something; whether that is news to be told.
    pub(crate) fn put(&self, details: String) -> bool {
        self.0.lock().replace(details).is_none()
    }

    /// What was said last.
    pub(crate) fn take(&self) -> Option<String> {
        self.0.lock().take()
    }
}

/// How a run that has not ended stands.
pub(crate) struct Inspection {
    pub(crate) record: RunRecord,
    pub(crate) turns: u64,
    pub(crate) waits_for: Vec<Wait>,
    pub(crate) cleanup: Option<CleanupView>,
}

/// A question to a shard.
pub(crate) struct Question {
    pub(crate) runs: Vec<RunId>,
    /// Whether only those are wanted that are in trouble.
    pub(crate) only_trouble: bool,
    pub(crate) asker: oneshot::Sender<Vec<(RunId, Why)>>,
    /// AwaitingRoom until the shard has taken it.
    pub(crate) _place: OwnedSemaphorePermit,
}

//! The records that are not the journal's own.

use std::sync::Arc;

use segno_journal::{
    AttributeValue, BlockKind, Blocked, Digest, Event, Manifest, Op, Parent, RunId, Timestamp,
    grows,
};
use serde::{Deserialize, Serialize};

use crate::store::lineage::Lineage;

/// What is known of a run without reading its turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The name of its workflow.
    pub workflow: Arc<str>,
    /// Which code it runs.
    pub module: Digest,
    /// When it was started.
    pub started_at: Timestamp,
    /// What its random numbers grow from.
    pub seed: [u8; 32],
    /// Where it stands.
    pub standing: Standing,
    /// Whose child it is, if a run started it.
    pub parent: Option<Arc<Parent>>,
    /// The URL that is called when it has ended, if one is.
    pub on_end: Option<Arc<str>>,
    /// When it begins, if that was to be later than its start.
    pub begins_at: Option<Timestamp>,
    /// When its time is over, if it has a time-out.
    pub times_out_at: Option<Timestamp>,
    /// The idempotency key that started it, if it was started with one.
    pub key: Option<Arc<str>>,
    /// Since when its time counts, where that is later than its beginning: it was tried again.
    pub counts_from: Option<Timestamp>,
    /// Of which runs it has its first turns, if it is a fork.
    pub forked: Option<Arc<Lineage>>,
}

grows!(RunRecord { workflow, module, started_at, seed, standing; parent, on_end, begins_at, times_out_at, key, counts_from, forked });

impl RunRecord {
    /// The record of a run of which nothing else is said.
    #[must_use]
    pub const fn new(
        workflow: Arc<str>,
        module: Digest,
        started_at: Timestamp,
        seed: [u8; 32],
        standing: Standing,
    ) -> Self {
        Self {
            workflow,
            module,
            started_at,
            seed,
            standing,
            parent: None,
            on_end: None,
            begins_at: None,
            times_out_at: None,
            key: None,
            counts_from: None,
            forked: None,
        }
    }

    /// How long the run may take, in milliseconds, and since when that counts, if it has a time-out.
    #[must_use]
    pub fn timeout(&self) -> Option<(u64, Timestamp)> {
        let from = self.counts_from.or(self.begins_at).unwrap_or(self.started_at);
        self.times_out_at.map(|at| (at.since_ms(from), from))
    }

    /// The run that the family of this run is known by.
    #[must_use]
    pub fn root(&self, run: RunId) -> RunId {
        self.parent.as_ref().map_or(run, |parent| parent.root)
    }
}

/// Where a run stands, as far as a list of runs shows it. The order of the variants is the disk
/// format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It goes on by itself.
    Running,
    /// It is blocked.
    Blocked(Blocked),
    /// It returned, then.
    Completed(Timestamp),
    /// It failed, then.
    Failed(Timestamp),
    /// It was cancelled, then.
    Cancelled(Timestamp),
    /// It waits for the moment at which it begins.
    Pending,
    /// Somebody holds it up, since then.
    Paused(Timestamp),
}

impl Standing {
    /// Why the run is blocked, if it is.
    #[must_use]
    pub const fn blocked(&self) -> Option<&Blocked> {
        match self {
            Self::Blocked(blocked) => Some(blocked),
            Self::Running
            | Self::Pending
            | Self::Paused(_)
            | Self::Completed(_)
            | Self::Failed(_)
            | Self::Cancelled(_) => None,
        }
    }

    /// Which kind of trouble blocks the run, if one does.
    #[must_use]
    pub const fn blocked_by(&self) -> Option<BlockKind> {
        match self {
            Self::Blocked(blocked) => Some(blocked.kind),
            Self::Running
            | Self::Pending
            | Self::Paused(_)
            | Self::Completed(_)
            | Self::Failed(_)
            | Self::Cancelled(_) => None,
        }
    }

    /// Whether what happens to the run is held.
    #[must_use]
    pub const fn holds(&self) -> bool {
        matches!(self, Self::Blocked(_) | Self::Pending | Self::Paused(_))
    }

    /// How the run stands, without since when and why.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Running => Status::Running,
            Self::Blocked(_) => Status::Blocked,
            Self::Completed(_) => Status::Completed,
            Self::Failed(_) => Status::Failed,
            Self::Cancelled(_) => Status::Cancelled,
            Self::Pending => Status::Pending,
            Self::Paused(_) => Status::Paused,
        }
    }

    /// When the run ended, if it has.
    #[must_use]
    pub const fn ended_at(&self) -> Option<Timestamp> {
        match self {
            Self::Running | Self::Blocked(_) | Self::Pending | Self::Paused(_) => None,
            Self::Completed(at) | Self::Failed(at) | Self::Cancelled(at) => Some(*at),
        }
    }
}

/// How a run stands, without since when and why: what runs are found by. The numbers are the disk format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It goes on by itself.
    Running = 1,
    /// It is blocked.
    Blocked = 2,
    /// It returned.
    Completed = 3,
    /// It failed.
    Failed = 4,
    /// It was cancelled.
    Cancelled = 5,
    /// It waits for the moment at which it begins.
    Pending = 6,
    /// Somebody holds it up.
    Paused = 7,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Running,
        Self::Blocked,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Pending,
        Self::Paused,
    ];

    /// The one with this number, if there is one.
    pub(super) fn numbered(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| *status as u8 == number)
    }

    /// Whether nothing can happen to the run any more.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// The idempotency key of a start, and how long it leads to the run that it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartKey {
    /// As long as that run is kept.
    Once(String),
    /// Until that run has ended: then another one can be started with it.
    OneAtATime(String),
}

impl StartKey {
    /// The key itself.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Once(text) | Self::OneAtATime(text) => text,
        }
    }
}

/// A call that is owed, because a run has ended that was started with a URL to call then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndCall {
    /// How often it was made in vain.
    pub failed: u32,
    /// When it is made next; never, where it was given up.
    pub due: Option<Timestamp>,
    /// What went wrong last.
    pub error: Option<String>,
}

grows!(EndCall { failed, due, error });

/// An event that waits for a blocked run to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldEvent {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

grows!(HeldEvent { at, event });

/// What was done to a run from outside, or what kept it from going on: its turns do not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How many turns the run had had: the note stands before the turn of this position.
    pub turn: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: Noted,
}

grows!(Note { turn, at, what });

/// What a note is of. Who asked is a name, where it is known. The order of the variants is the disk
/// format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Noted {
    /// The run was blocked.
    Blocked {
        /// Why.
        blocked: Blocked,
        /// What it could not be given, in words; nothing where it was only replayed.
        event: Option<String>,
    },
    /// Somebody let it go on.
    Resumed {
        /// Who.
        by: Option<String>,
    },
    /// Somebody moved it to another module.
    Moved {
        /// Who.
        by: Option<String>,
        /// The module that it was on.
        from: Digest,
        /// The module that it is on from then on.
        to: Digest,
    },
    /// Somebody cancelled it.
    Cancelled {
        /// Who.
        by: Option<String>,
    },
    /// Somebody holds the run up.
    Paused {
        /// Who.
        by: Option<String>,
    },
}

/// An attribute of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its value.
    pub value: AttributeValue,
    /// Whether it came with the start of the run, and its workflow has not set it since.
    pub given: bool,
}

grows!(Attribute { value, given });

/// Where a webhook token leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookRecord {
    /// The run, as 16 bytes.
    run: [u8; 16],
    /// The operation.
    pub op: Op,
}

grows!(WebhookRecord { run, op });

impl WebhookRecord {
    /// A token that leads to this operation of this run.
    #[must_use]
    pub const fn new(run: RunId, op: Op) -> Self {
        Self { run: run.to_bytes(), op }
    }

    /// The run.
    #[must_use]
    pub const fn run(&self) -> RunId {
        RunId::from_bytes(self.run)
    }
}

/// The hook that has a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRecord {
    /// The run, as 16 bytes.
    run: [u8; 16],
    /// The operation.
    pub op: Op,
    /// When the workflow opened it.
    pub since: Timestamp,
    /// What the workflow says of it, as JSON.
    pub metadata: Option<String>,
}

grows!(HookRecord { run, op, since, metadata });

impl HookRecord {
    /// The hook that is this operation of this run.
    #[must_use]
    pub const fn new(run: RunId, op: Op, since: Timestamp, metadata: Option<String>) -> Self {
        Self { run: run.to_bytes(), op, since, metadata }
    }

    /// The run.
    #[must_use]
    pub const fn run(&self) -> RunId {
        RunId::from_bytes(self.run)
    }
}

/// What the family of a run has to know of an operation of it. The order of the variants is the disk format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FamilyRow {
    /// A signal, which the other run has.
    Told,
    /// A child, which is to be cancelled: this one.
    Cancels(RunId),
}

/// A batch that came with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRecord {
    /// When it was stored.
    pub at: Timestamp,
    /// What its starts and signals come down to, by which the same batch is known.
    pub fingerprint: u64,
    /// The runs of its starts, in their order.
    pub runs: Vec<RunId>,
}

grows!(BatchRecord { at, fingerprint, runs });

/// What is known of a module without its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRecord {
    /// What is in it.
    pub manifest: Manifest,
    /// Its size, in bytes.
    pub size: u64,
    /// When it was first deployed.
    pub deployed_at: Timestamp,
}

grows!(ModuleRecord { manifest, size, deployed_at });

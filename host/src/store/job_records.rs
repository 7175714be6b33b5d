//! What is on disk of a job.

use segno_journal::{Digest, RunId, Timestamp, grows};
use serde::{Deserialize, Serialize};

/// What a job does to each run. The order of the variants is the disk format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobAction {
    /// It cancels it.
    Cancel {
        /// At once: nothing is undone.
        kill: bool,
        /// How long it may take to undo what it registered, in milliseconds.
        within_ms: u64,
    },
    /// It holds it up.
    Pause,
    /// It lets it go on.
    Resume {
        /// On this module, if not on its own.
        module: Option<Digest>,
    },
    /// It has it tried again from where it failed.
    Retry {
        /// On this module, if not on its own.
        module: Option<Digest>,
    },
    /// It deletes it.
    Delete,
    /// It moves it to another module.
    Move {
        /// This one.
        module: Digest,
    },
}

/// A job: what it is to do, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecord {
    /// When it was made. Runs that were started later are none of its own.
    pub made_at: Timestamp,
    /// Who made it.
    pub by: Option<String>,
    /// What it does.
    pub action: JobAction,
    /// Which runs it means: the parameters of a list.
    pub filter: Vec<(String, String)>,
    /// How many that were when it was made.
    pub matched: u64,
    /// Whether there may have been more: only so many are counted.
    pub more: bool,
    /// It has come to this run: those before it are left. At first that is all that there are.
    pub at: RunId,
    /// To how many runs it has done it.
    pub done: u64,
    /// With how many there was nothing to do any more.
    pub unchanged: u64,
    /// How many did not take it.
    pub refused: u64,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// Who stopped it, if somebody did.
    pub stopped: Option<StoppedBy>,
}

grows!(JobRecord {
    made_at,
    by,
    action,
    filter,
    matched,
    more,
    at,
    done,
    unchanged,
    refused,
    ended_at,
    stopped
});

/// Who has stopped a job, where that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedBy(pub Option<String>);

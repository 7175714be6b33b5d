//! Why a job was not made, or cannot be looked at or stopped.

use segno_api::{JobKind, RunStatus};
use segno_journal::JobId;

use crate::name::name;

/// What is wrong with what was asked of jobs. Nothing was made, and nothing done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// No job has this ID.
    #[error("there is no job {0}; `{me} jobs` lists those that there are", me = name())]
    Unknown(JobId),
    /// It has ended, so it cannot be stopped.
    #[error("job {0} has ended, so it cannot be stopped")]
    Ended(JobId),
    /// As many jobs go on as the host has room for.
    #[error("{0} jobs go on, and the host takes no more at once; wait for one to end, or stop one")]
    TooMany(usize),
    /// The filter is empty, and it is not said that all runs are meant.
    #[error("the filter is empty: say which runs are meant, or with `all` that all of them are")]
    NoFilter,
    /// It is said that all runs are meant, and there is a filter.
    #[error(
        "`all` says that all runs are meant, and the filter that only some are: say one of them"
    )]
    AllAndFilter,
    /// Runs in trouble can be listed only.
    #[error("what is in trouble can be listed, and is no filter of a job")]
    Trouble,
    /// An option belongs to another action.
    #[error("`{option}` says nothing to the action `{action}`")]
    OtherOption {
        /// The option.
        option: &'static str,
        /// The action.
        action: JobKind,
    },
    /// To move runs, a module is needed.
    #[error("to which `module` the runs are to be moved is not said")]
    NoModule,
    /// To no run that stands so can it be done.
    #[error(
        "no run of the filter can take the action `{action}`: only one can that is {}",
        either(action.takes())
    )]
    NoSuchRuns {
        /// The action.
        action: JobKind,
    },
}

/// Statuses, as a sentence has them.
fn either(statuses: &[RunStatus]) -> String {
    let words: Vec<_> = statuses.iter().map(|status| status.word()).collect();
    match &words[..] {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        words => words.concat(),
    }
}

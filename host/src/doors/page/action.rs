//! What can be done to a run from the page: each thing with what it will do.

use segno_api::{RunStatus, RunView, Wait};

/// Something that can be done to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Resume,
    RetryNow,
    Wake,
    Pause,
    Retry,
    Fork,
    RunAgain,
    Cancel,
    Kill,
    Delete,
}

impl Action {
    /// All of them: first what lets a run go on, then what ends it.
    const ALL: [Self; 10] = [
        Self::Resume,
        Self::RetryNow,
        Self::Wake,
        Self::Pause,
        Self::Retry,
        Self::Fork,
        Self::RunAgain,
        Self::Cancel,
        Self::Kill,
        Self::Delete,
    ];

    /// The one of this word.
    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.word() == word)
    }

    /// Those that can be done to a run as it stands.
    pub(super) fn of(view: &RunView) -> Vec<Self> {
        Self::ALL.into_iter().filter(|action| action.fits(view)).collect()
    }

    /// The word for it, as in a path and on the command line.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::RetryNow => "retry-now",
            Self::Wake => "wake",
            Self::Pause => "pause",
            Self::Retry => "retry",
            Self::Fork => "fork",
            Self::RunAgain => "run-again",
            Self::Cancel => "cancel",
            Self::Kill => "kill",
            Self::Delete => "delete",
        }
    }

    /// What stands on its button.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Resume => "Resume",
            Self::RetryNow => "Retry now",
            Self::Wake => "Wake",
            Self::Pause => "Pause",
            Self::Retry => "Retry",
            Self::Fork => "Fork",
            Self::RunAgain => "Run again",
            Self::Cancel => "Cancel",
            Self::Kill => "Kill",
            Self::Delete => "Delete",
        }
    }

    /// What it will do to a run that stands so.
    pub(super) const fn does(self, status: RunStatus) -> &'static str {
        match self {
            Self::Cancel if matches!(status, RunStatus::Blocked | RunStatus::Paused) => {
                "The workflow is told to end as soon as it goes on: resume it then. What it has registered to undo is undone, \
                 last first; then the run is cancelled. A run that has nothing to undo ends at once."
            }
            Self::Resume => {
                "The run goes on where it was, on its own module, with all that happened meanwhile. If it was blocked \
                 and what blocked it is not mended, it is blocked again."
            }
            Self::RetryNow => {
                "The steps that wait for their next attempt are tried now. That uses up no attempt: it is the one that \
                 would have come later."
            }
            Self::Wake => "All sleeps that the run waits for end now, before their time.",
            Self::Pause => {
                "The run gets no turn until it is resumed. Steps that are under way come to their ends, and all that \
                 happens meanwhile is kept."
            }
            Self::Retry => {
                "The run goes on from where it failed. The turn that delivered the failure is set aside, and the step \
                 gets new attempts, under the ID that it had."
            }
            Self::Fork => {
                "A new run has what this one has done, up to where it failed if it has, and goes on by itself. Steps \
                 whose results are known are not done again. This run stays as it is."
            }
            Self::RunAgain => {
                "A new run is started with the same input, on the module that starts new runs. All of its steps are \
                 done again."
            }
            Self::Cancel => {
                "The workflow is told to end. What it has registered to undo is undone, last first, within an hour; then \
                 the run is cancelled. A run that has nothing to undo ends at once."
            }
            Self::Kill => {
                "The run ends at once. Nothing that it has registered is undone, and nothing is waited for. Its children \
                 are cancelled, and clean up."
            }
            Self::Delete => {
                "All that the host has of the run is deleted: its history, its streams, and its idempotency key."
            }
        }
    }

    /// Whether something of the run is lost by it for good.
    pub(super) const fn is_final(self) -> bool {
        matches!(self, Self::Cancel | Self::Kill | Self::Delete)
    }

    /// Whether it is meant for what the run waits for just now, and not for what it waits for later.
    pub(super) const fn is_of_its_turn(self) -> bool {
        matches!(self, Self::Wake | Self::RetryNow | Self::Retry)
    }

    /// Whether it can be done to a run as it stands.
    pub(super) fn fits(self, view: &RunView) -> bool {
        use RunStatus as S;
        let has_ended = view.status.has_ended();
        match self {
            Self::Resume => matches!(view.status, S::Blocked | S::Paused),
            Self::RetryNow => {
                let waits = |wait: &Wait| matches!(wait, Wait::Step { retry_at: Some(_), .. });
                view.status == S::Running && view.waits_for.iter().any(waits)
            }
            Self::Wake => {
                let sleeps = |wait: &Wait| matches!(wait, Wait::Sleep { .. });
                view.status == S::Running && view.waits_for.iter().any(sleeps)
            }
            Self::Pause => matches!(view.status, S::Running | S::Pending),
            Self::Retry => view.status == S::Failed,
            Self::Fork => view.status != S::Pending,
            Self::RunAgain | Self::Delete => has_ended,
            Self::Cancel | Self::Kill => !has_ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_is_known_by_its_word_alone() {
        for action in Action::ALL {
            assert_eq!(Action::named(action.word()), Some(action));
            for status in RunStatus::ALL {
                assert!(action.does(status).ends_with('.'), "{action:?}");
            }
        }
        for other in ["", "input", "output", "Cancel", "retry now"] {
            assert_eq!(Action::named(other), None, "{other}");
        }
    }
}

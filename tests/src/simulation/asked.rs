//! What the world asks of the host in a life, and what it makes of the answers.

use segno_host::engine::{
    Answered, Asked, Batched, Deployed, EngineError, HookView, HostPauseView, JobMade, Reply,
    RunStatus, RunView, Started, Swept,
};
use segno_journal::{Op, RunId};
use tokio::sync::oneshot;

use crate::simulation::batches::Sent;

/// Something that was asked, and is not answered.
pub(crate) enum Call {
    /// A run, with its key, since when the module that it is started on may be current, and what it is
    /// signalled with its start.
    Start(Asked<Started>, Option<String>, usize, Option<String>),
    /// A batch, with what it brings.
    Batch(Asked<Batched>, Sent),
    /// A webhook, by its token, with the text of the request.
    Request(Asked<Reply>, String, String),
    /// A signal to a run, with what it brings.
    Signal(Asked<Reply>, RunId, String),
    /// A signal to a run that had ended when it was sent.
    LateSignal(Asked<Reply>),
    /// A hook, with what it is sent.
    Hook(Asked<HookView>, String),
    /// That the sleeps of a run end.
    Wake(Asked<RunView>),
    /// The end of a run, which may clean up first.
    Cancel(Asked<RunView>),
    /// The end of a run, at once.
    Kill(Asked<RunView>),
    /// The end of a run, behind the back of its shard.
    End(Asked<()>),
    /// That a run is held up.
    Pause(Asked<RunView>),
    /// That a run goes on which is held up.
    Resume(Asked<RunView>),
    /// That a run is on another module.
    Move(Asked<RunView>),
    /// That the host is paused, or goes on.
    HostPause(Asked<HostPauseView>),
    /// One thing that is done to many runs.
    Job(Asked<JobMade>),
    /// That jobs come a page further.
    Page(Asked<bool>),
    /// That a failed run is tried again.
    Retry(Asked<RunView>),
    /// A run that has the turns of another one.
    Fork(Asked<Started>),
    /// That a run is deleted.
    Delete(Asked<()>),
    /// That goes what is kept no longer.
    Sweep(Asked<Swept>),
    /// A deploy.
    Deploy(Asked<Deployed>),
}

/// An answer that matters.
pub(crate) enum Answer {
    /// None yet.
    None,
    /// It is of no matter any more.
    Done,
    /// A run was started, with this key; if it is new, since when its module may be current; and what it was
    /// signalled.
    Started(RunId, Option<String>, Option<usize>, Option<String>),
    /// A batch that brought this is stored.
    Batched(Batched, Sent),
    /// A module was deployed.
    Deployed(Deployed),
    /// A request was taken.
    Replied(Reply, String, String),
    /// A signal was taken in.
    Signalled(Reply, RunId, String),
    /// A hook of a run received this.
    Received(RunId, Op, String),
    /// There is no webhook with this token.
    Unknown(String),
}

impl Call {
    /// The answer, if there is one. Panics at an answer that cannot be.
    pub(crate) fn answer(&mut self) -> Answer {
        match self {
            Self::Start(asked, key, since, said) => match asked.answer() {
                None => Answer::None,
                Some(Ok(Started { run_id, created, .. })) => {
                    Answer::Started(run_id, key.take(), created.then_some(*since), said.take())
                }
                Some(Err(error)) if somebody_was_first(&error) => Answer::Done,
                Some(Err(error)) => refused(&error),
            },
            Self::Batch(asked, sent) => match asked.answer() {
                None => Answer::None,
                Some(Ok(batched)) => Answer::Batched(batched, sent.clone()),
                Some(Err(EngineError::InBatch { error, .. })) if somebody_was_first(&error) => {
                    Answer::Done
                }
                Some(Err(error)) => refused(&error),
            },
            Self::Request(asked, token, text) => match asked.answer() {
                None => Answer::None,
                Some(Ok(reply)) => {
                    Answer::Replied(reply, std::mem::take(token), std::mem::take(text))
                }
                Some(Err(EngineError::InboxClosed | EngineError::InboxFull)) => Answer::Done,
                Some(Err(EngineError::UnknownWebhook)) => Answer::Unknown(std::mem::take(token)),
                Some(Err(error)) => refused(&error),
            },
            Self::Signal(asked, run, payload) => match asked.answer() {
                None => Answer::None,
                Some(Ok(reply)) => Answer::Signalled(reply, *run, std::mem::take(payload)),
                // Busy: its shard has not heard of the run yet.
                Some(Err(
                    EngineError::SignalTooLate(_) | EngineError::InboxFull | EngineError::Busy,
                )) => Answer::Done,
                Some(Err(error)) => refused(&error),
            },
            Self::LateSignal(asked) => too_late(asked),
            Self::Hook(asked, payload) => received(asked, payload),
            Self::Wake(asked) => done(asked, nothing_was_woken),
            Self::Cancel(asked) => cancelled(asked, true),
            Self::Kill(asked) => cancelled(asked, false),
            // Busy: its shard is at work, and is not to be gone round.
            Self::End(asked) => done(asked, |error| matches!(error, EngineError::Busy)),
            Self::Pause(asked) => done(asked, nothing_was_paused),
            Self::Move(asked) => done(asked, was_not_moved),
            Self::HostPause(asked) => done(asked, |_| false),
            Self::Job(asked) => done(asked, was_not_made),
            Self::Page(asked) => done(asked, |_| false),
            Self::Retry(asked) => done(asked, was_not_tried),
            Self::Fork(asked) => forked(asked),
            Self::Resume(asked) => done(asked, did_not_go_on),
            Self::Delete(asked) => done(asked, nothing_was_deleted),
            Self::Sweep(asked) => done(asked, |_| false),
            Self::Deploy(asked) => deployed(asked),
        }
    }
}

/// The answer to who has forked a run.
fn forked(asked: &mut Asked<Started>) -> Answer {
    match asked.answer() {
        None => Answer::None,
        Some(Ok(Started { run_id, .. })) => Answer::Started(run_id, None, None, None),
        Some(Err(error)) if was_not_forked(&error) => Answer::Done,
        Some(Err(error)) => refused(&error),
    }
}

/// The answer to who has called a hook with this.
fn received(asked: &mut Asked<HookView>, payload: &mut String) -> Answer {
    match asked.answer() {
        None => Answer::None,
        Some(Ok(hook)) => Answer::Received(hook.run_id, Op(hook.op), std::mem::take(payload)),
        Some(Err(EngineError::UnknownHook { .. } | EngineError::InboxFull | EngineError::Busy)) => {
            Answer::Done
        }
        Some(Err(error)) => refused(&error),
    }
}

/// The answer to who has deployed a module.
fn deployed(asked: &mut Asked<Deployed>) -> Answer {
    match asked.answer() {
        None => Answer::None,
        Some(Ok(deployed)) => Answer::Deployed(deployed),
        Some(Err(error)) => refused(&error),
    }
}

/// The answer to who has cancelled a run.
fn cancelled(asked: &mut Asked<RunView>, may_clean_up: bool) -> Answer {
    match asked.answer() {
        None => Answer::None,
        Some(Ok(view)) => {
            // Where the host is paused, it is told when that goes on.
            let was_told = view
                .cleanup
                .as_ref()
                .is_some_and(|cleanup| cleanup.told_at.is_some() || cleanup.cancel_waits);
            let is_as_asked = match view.status {
                RunStatus::Cancelled => true,
                RunStatus::Running => may_clean_up && was_told,
                // It will be told when it goes on, or it has ended since, and could not undo all.
                RunStatus::Blocked | RunStatus::Failed => may_clean_up,
                RunStatus::Paused => may_clean_up,
                RunStatus::Completed | RunStatus::Pending => false,
            };
            assert!(is_as_asked, "{view:?}");
            Answer::Done
        }
        Some(Err(EngineError::AlreadyEnded(_) | EngineError::Busy)) => Answer::Done,
        Some(Err(error)) => refused(&error),
    }
}

/// Whether a start, alone or in a batch, may be refused in this way: somebody else has its key, or the run that
/// has it takes no signal or is not known to its shard yet.
fn somebody_was_first(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::OtherInput(_)
            | EngineError::AlreadyRunning(_)
            | EngineError::StillEnding(_)
            | EngineError::CannotCleanUp(_)
            | EngineError::SignalTooLate(_)
            | EngineError::InboxFull
            | EngineError::SameKey
            | EngineError::Busy
    )
}

/// Whether a failed run may be refused to be tried again in this way.
fn was_not_tried(error: &EngineError) -> bool {
    matches!(error, EngineError::NotFailed(_) | EngineError::CannotRetry { .. } | EngineError::Busy)
}

/// Whether a fork may be refused in this way.
fn was_not_forked(error: &EngineError) -> bool {
    matches!(error, EngineError::CannotFork { .. } | EngineError::Busy)
}

/// Whether a job may be refused in this way: nothing is on its module any more.
fn was_not_made(error: &EngineError) -> bool {
    matches!(error, EngineError::UnknownModule(_))
}

/// Whether a resume may be refused in this way.
fn did_not_go_on(error: &EngineError) -> bool {
    matches!(error, EngineError::NotBlocked(_) | EngineError::UnknownModule(_))
}

/// Whether a move may be refused in this way: of a run whose turns are forgotten, nobody can say whether it fits.
fn was_not_moved(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::HasEnded(_)
            | EngineError::NotBlocked(_)
            | EngineError::DoesNotFit { .. }
            | EngineError::UnknownModule(_)
            | EngineError::Busy
    )
}

/// Whether a pause may be refused in this way.
fn nothing_was_paused(error: &EngineError) -> bool {
    matches!(error, EngineError::HasEnded(_) | EngineError::IsBlocked(_) | EngineError::Busy)
}

/// Whether a deletion may be refused in this way.
fn nothing_was_deleted(error: &EngineError) -> bool {
    matches!(error, EngineError::NotEnded(_) | EngineError::StillNeeded { .. } | EngineError::Busy)
}

/// Whether a wake may be refused in this way.
fn nothing_was_woken(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::NothingToWake(_)
            | EngineError::AlreadyEnded(_)
            | EngineError::IsBlocked(_)
            | EngineError::Busy
    )
}

/// The answer to a signal that nobody can take any more: it is not acknowledged.
fn too_late(asked: &mut Asked<Reply>) -> Answer {
    match asked.answer() {
        None => Answer::None,
        Some(Ok(reply)) => panic!("a signal to a run that has ended is acknowledged: {reply:?}"),
        Some(Err(EngineError::SignalTooLate(_))) => Answer::Done,
        Some(Err(error)) => refused(&error),
    }
}

/// The answer to something of which only that it was answered is of matter; these errors are fine.
fn done<T>(asked: &mut Asked<T>, is_fine: impl Fn(&EngineError) -> bool) -> Answer {
    match asked.answer() {
        None => Answer::None,
        Some(Err(error)) if !is_fine(&error) => refused(&error),
        Some(_) => Answer::Done,
    }
}

/// Only a host that is in trouble or goes down refuses what should be; and somebody may have deleted the run.
fn refused(error: &EngineError) -> Answer {
    let of_part = match error {
        EngineError::InBatch { error, .. } => error,
        error => error,
    };
    let in_trouble = matches!(of_part, EngineError::Stopping | EngineError::Store(_));
    let is_gone = matches!(of_part, EngineError::UnknownRun(_) | EngineError::BatchForgotten(_));
    assert!(in_trouble || is_gone, "refused: {error}");
    Answer::Done
}

/// A caller who waits for the workflow's answer.
pub(crate) struct Waiting {
    pub(crate) answer: oneshot::Receiver<Answered>,
    pub(crate) text: String,
}

impl Waiting {
    /// Whether there is nothing more to wait for. Panics at the answer to another request.
    pub(crate) fn is_over(&mut self) -> bool {
        match self.answer.try_recv() {
            Err(oneshot::error::TryRecvError::Empty) => false,
            Err(oneshot::error::TryRecvError::Closed) | Ok(Err(_)) => true,
            Ok(Ok(response)) => {
                let text = String::from_utf8_lossy(&response.body).into_owned();
                let ours = [
                    self.text.clone(),
                    format!("heard {}", self.text),
                    format!("{} heard", self.text),
                ];
                let by_number =
                    text.strip_suffix(" heard").is_some_and(|n| n.parse::<u64>().is_ok());
                assert!(ours.contains(&text) || by_number, "{} was answered by {text}", self.text);
                true
            }
        }
    }
}

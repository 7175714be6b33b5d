//! The errors of the engine as problems: the one place where they get a status.

use std::error::Error;

use segno_api::Problem;

use crate::doors::refusal::{Kind, Refusal};
use crate::engine::{EngineError, JobError};
use crate::sandbox::ModuleError;
use crate::store::StoreError;

impl Refusal {
    /// The problem as those who run the host may see it: with all its causes.
    pub(super) fn whole(error: &EngineError) -> Self {
        Self::of(error, chain(error))
    }

    /// The problem as the public may see it: what happened, but not where on this host.
    pub(super) fn public(error: &EngineError) -> Self {
        Self::of(error, error.to_string())
    }

    fn of(error: &EngineError, detail: String) -> Self {
        let problem = Self::new(kind(error), detail);
        match error {
            EngineError::StartLacksSteps { missing, .. }
            | EngineError::DeployLacksSteps { missing } => problem.lacking(missing.clone()),
            EngineError::UnknownRun(run)
            | EngineError::AlreadyEnded(run)
            | EngineError::HasEnded(run)
            | EngineError::NotEnded(run)
            | EngineError::StillNeeded { run, .. }
            | EngineError::BatchForgotten(run)
            | EngineError::CannotCleanUp(run)
            | EngineError::DoesNotFit { run, .. }
            | EngineError::NotBlocked(run)
            | EngineError::NotFailed(run)
            | EngineError::CannotRetry { run, .. }
            | EngineError::CannotFork { run, .. }
            | EngineError::NothingToRetry(run)
            | EngineError::NothingToWake(run)
            | EngineError::IsBlocked(run)
            | EngineError::OtherInput(run)
            | EngineError::AlreadyRunning(run)
            | EngineError::StillEnding(run)
            | EngineError::SignalTooLate(run)
            | EngineError::SignalUnanswered(run)
            | EngineError::AnswerForgotten(run)
            | EngineError::QueryRefused { run, .. }
            | EngineError::QueryFailed { run, .. }
            | EngineError::NoCopy { run, .. }
            | EngineError::NoSuchTurn { run, .. }
            | EngineError::OtherSignal(run) => problem.about_run(*run),
            EngineError::InBatch { error, .. } => {
                let Self(of_part) = Self::of(error, String::new());
                Self(Problem { detail: problem.0.detail, ..of_part })
            }
            _ => problem,
        }
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        Self::whole(&error)
    }
}

const fn kind(error: &EngineError) -> &'static Kind {
    match error {
        EngineError::UnknownWorkflow { .. } => &Kind::UNKNOWN_WORKFLOW,
        EngineError::UnknownRun(_) => &Kind::UNKNOWN_RUN,
        EngineError::UnknownWebhook => &Kind::UNKNOWN_WEBHOOK,
        EngineError::UnknownHook { .. } => &Kind::UNKNOWN_HOOK,
        EngineError::InboxClosed => &Kind::WEBHOOK_CLOSED,
        EngineError::InboxFull => &Kind::INBOX_FULL,
        EngineError::SignalTooLate(_) => &Kind::SIGNAL_TOO_LATE,
        EngineError::SignalUnanswered(_) => &Kind::SIGNAL_UNANSWERED,
        EngineError::AnswerForgotten(_) => &Kind::ANSWER_FORGOTTEN,
        EngineError::OtherSignal(_) => &Kind::OTHER_SIGNAL,
        EngineError::BadWord { .. } => &Kind::BAD_NAME,
        EngineError::UnknownQuery { .. } => &Kind::UNKNOWN_QUERY,
        EngineError::UnknownStream { .. } => &Kind::UNKNOWN_STREAM,
        EngineError::ForgottenChunks => &Kind::FORGOTTEN_CHUNKS,
        EngineError::CannotCall => &Kind::CANNOT_CALL,
        EngineError::BadUrl => &Kind::BAD_URL,
        EngineError::QueryRefused { .. } => &Kind::QUERY_REFUSED,
        EngineError::QueryFailed { .. } => &Kind::QUERY_FAILED,
        EngineError::NoCopy { .. } => &Kind::NO_COPY,
        EngineError::NoSuchTurn { .. } => &Kind::NO_SUCH_TURN,
        EngineError::AlreadyEnded(_) | EngineError::HasEnded(_) => &Kind::ALREADY_ENDED,
        EngineError::NotEnded(_) => &Kind::NOT_ENDED,
        EngineError::StillNeeded { .. } => &Kind::STILL_NEEDED,
        EngineError::BatchForgotten(_) => &Kind::BATCH_FORGOTTEN,
        EngineError::CannotCleanUp(_) => &Kind::CANNOT_CLEAN_UP,
        EngineError::DoesNotFit { .. } => &Kind::DOES_NOT_FIT,
        EngineError::NotBlocked(_) => &Kind::NOT_BLOCKED,
        EngineError::NotFailed(_) => &Kind::NOT_FAILED,
        EngineError::CannotRetry { .. } => &Kind::CANNOT_RETRY,
        EngineError::CannotFork { .. } => &Kind::CANNOT_FORK,
        EngineError::NothingToRetry(_) => &Kind::NOTHING_TO_RETRY,
        EngineError::NothingToWake(_) => &Kind::NOTHING_TO_WAKE,
        EngineError::IsBlocked(_) => &Kind::IS_BLOCKED,
        EngineError::Job(error) => job_kind(error),
        EngineError::UnknownModule(_) | EngineError::AmbiguousModule { .. } => {
            &Kind::UNKNOWN_MODULE
        }
        EngineError::TooLarge { .. } => &Kind::TOO_LARGE,
        EngineError::BadKey { .. } | EngineError::NoKey => &Kind::BAD_KEY,
        EngineError::BadAttribute(_) => &Kind::BAD_ATTRIBUTE,
        EngineError::OtherInput(_) => &Kind::OTHER_INPUT,
        EngineError::AlreadyRunning(_) => &Kind::ALREADY_RUNNING,
        EngineError::StillEnding(_) => &Kind::STILL_ENDING,
        EngineError::OtherBatch => &Kind::OTHER_BATCH,
        EngineError::BadBatch { .. } | EngineError::SameKey | EngineError::CancelInBatch => {
            &Kind::BAD_BATCH
        }
        EngineError::InBatch { error, .. } => kind(error),
        EngineError::RefusedInput { .. } => &Kind::REFUSED_INPUT,
        EngineError::UnreadableInput(_) => &Kind::MALFORMED_JSON,
        EngineError::Module(error) => module_kind(error),
        EngineError::Store(error) => store_kind(error),
        EngineError::StartLacksSteps { .. } => &Kind::START_LACKS_STEPS,
        EngineError::DeployLacksSteps { .. } => &Kind::DEPLOY_LACKS_STEPS,
        EngineError::Busy | EngineError::NoRoomToWait | EngineError::LeftOut => &Kind::BUSY,
        EngineError::BackupUnderWay => &Kind::BACKUP_UNDER_WAY,
        EngineError::Stopping => &Kind::STOPPING,
    }
}

const fn job_kind(error: &JobError) -> &'static Kind {
    match error {
        JobError::Unknown(_) => &Kind::UNKNOWN_JOB,
        JobError::Ended(_) => &Kind::JOB_ENDED,
        JobError::TooMany(_) => &Kind::TOO_MANY_JOBS,
        JobError::NoFilter
        | JobError::AllAndFilter
        | JobError::Trouble
        | JobError::OtherOption { .. }
        | JobError::NoModule
        | JobError::NoSuchRuns { .. } => &Kind::BAD_JOB,
    }
}

const fn module_kind(error: &ModuleError) -> &'static Kind {
    match error {
        ModuleError::NotWasm => &Kind::NOT_WASM,
        ModuleError::CoreModule => &Kind::CORE_MODULE,
        ModuleError::Invalid { .. } | ModuleError::TooCostly { .. } => &Kind::INVALID_MODULE,
        ModuleError::NoCompiler { .. } => &Kind::BUSY,
        ModuleError::UnknownImport { .. } => &Kind::UNKNOWN_IMPORT,
        ModuleError::MissingExport { .. }
        | ModuleError::Mismatch { .. }
        | ModuleError::Describe { .. }
        | ModuleError::Schemas { .. }
        | ModuleError::NoWorkflows
        | ModuleError::BadName { .. } => &Kind::NOT_A_WORKFLOW,
    }
}

const fn store_kind(error: &StoreError) -> &'static Kind {
    match error {
        StoreError::Record { .. } | StoreError::Corrupt { .. } => &Kind::STORE_DAMAGED,
        StoreError::InUse { .. }
        | StoreError::Directory { .. }
        | StoreError::Newer { .. }
        | StoreError::Log { .. }
        | StoreError::Io { .. }
        | StoreError::Moved { .. }
        | StoreError::Fenced { .. }
        | StoreError::Unmet(_)
        | StoreError::Panicked
        | StoreError::Closed => &Kind::STORE_TROUBLE,
    }
}

/// An error and its causes, joined by `": "`.
pub(super) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use segno_journal::{RunId, Timestamp};

    use super::*;
    use crate::engine::KeptFor;

    fn check(error: &EngineError, status: u16, kind: &str) {
        let problem = Refusal::whole(error);
        assert_eq!(problem.0.status, status, "{error}");
        assert_eq!(problem.0.kind, format!("urn:segno:problem:{kind}"));
        assert!(problem.0.detail.starts_with(&error.to_string()), "{}", problem.0.detail);
    }

    #[test]
    fn what_cannot_be_said_to_a_run_or_asked_of_it_has_its_status() {
        let run = RunId::from_parts(Timestamp(0), 0);
        check(&EngineError::UnknownHook { token: "t".into() }, 404, "unknown-hook");
        check(&EngineError::InboxClosed, 410, "webhook-closed");
        check(&EngineError::InboxFull, 429, "inbox-full");
        check(&EngineError::SignalTooLate(run), 409, "signal-too-late");
        check(&EngineError::SignalUnanswered(run), 409, "signal-unanswered");
        check(&EngineError::AnswerForgotten(run), 410, "answer-forgotten");
        check(&EngineError::OtherSignal(run), 422, "other-signal");
        let (name, reason) = ("q".to_owned(), "why".to_owned());
        check(&EngineError::UnknownQuery { name, known: vec![] }, 404, "unknown-query");
        let name = "x".to_owned();
        check(&EngineError::ForgottenChunks, 410, "forgotten-chunks");
        check(&EngineError::CannotCall, 422, "cannot-call");
        check(&EngineError::BadUrl, 400, "bad-url");
        check(&EngineError::UnknownStream { name, known: vec![] }, 404, "unknown-stream");
        check(&EngineError::QueryRefused { run, reason: reason.clone() }, 422, "query-refused");
        check(&EngineError::NoCopy { run, reason: reason.clone() }, 410, "no-copy");
        check(&EngineError::QueryFailed { run, reason }, 500, "query-failed");
        check(&EngineError::NoSuchTurn { run, turns: 3 }, 404, "no-such-turn");
        check(&EngineError::BadWord { what: "the name", limit: 1 }, 400, "bad-name");
    }

    #[test]
    fn what_cannot_be_done_to_a_run_is_a_conflict_with_a_kind_of_its_own() {
        let run = RunId::from_parts(Timestamp(0), 0);
        check(&EngineError::AlreadyEnded(run), 409, "already-ended");
        check(&EngineError::HasEnded(run), 409, "already-ended");
        check(&EngineError::NotEnded(run), 409, "not-ended");
        let why = KeptFor::Parent(run);
        check(&EngineError::StillNeeded { run, why }, 409, "still-needed");
        check(&EngineError::CannotCleanUp(run), 409, "cannot-clean-up");
        check(&EngineError::NotFailed(run), 409, "not-failed");
        check(&EngineError::CannotRetry { run, reason: "no".into() }, 409, "cannot-retry");
        check(&EngineError::CannotFork { run, reason: "no".into() }, 409, "cannot-fork");
        check(&EngineError::DoesNotFit { run, reason: "no".into() }, 409, "does-not-fit");
        check(&EngineError::NotBlocked(run), 409, "not-blocked");
        check(&EngineError::NothingToRetry(run), 409, "nothing-to-retry");
        check(&EngineError::NothingToWake(run), 409, "nothing-to-wake");
        check(&EngineError::IsBlocked(run), 409, "is-blocked");
    }

    #[test]
    fn every_other_error_of_the_engine_has_its_status() {
        let run = RunId::from_parts(Timestamp(0), 0);
        check(
            &EngineError::UnknownWorkflow { name: "x".into(), known: vec![] },
            404,
            "unknown-workflow",
        );
        check(&EngineError::UnknownRun(run), 404, "unknown-run");
        check(&EngineError::UnknownWebhook, 404, "unknown-webhook");
        check(&EngineError::BatchForgotten(run), 410, "batch-forgotten");
        check(&EngineError::UnknownModule("sha256:0".into()), 422, "unknown-module");
        check(&EngineError::LeftOut, 503, "busy");
        check(&EngineError::TooLarge { what: "the input", size: 2, limit: 1 }, 413, "too-large");
        check(&EngineError::BadKey { size: 0, limit: 1 }, 400, "bad-idempotency-key");
        check(&EngineError::BadAttribute(String::new()), 400, "bad-attribute");
        check(&EngineError::OtherInput(run), 422, "other-input");
        check(&EngineError::AlreadyRunning(run), 409, "already-running");
        check(&EngineError::StillEnding(run), 409, "still-ending");
        check(&EngineError::NoKey, 400, "bad-idempotency-key");
        check(&EngineError::CancelInBatch, 400, "bad-batch");
        check(&EngineError::refused_input("w", "no"), 422, "refused-input");
        let unreadable = serde_json::from_str::<f64>("1e999").unwrap_err();
        check(&EngineError::UnreadableInput(unreadable), 400, "malformed-json");
        check(&ModuleError::NotWasm.into(), 422, "not-webassembly");
        check(&ModuleError::CoreModule.into(), 422, "core-module");
        check(&ModuleError::Invalid { detail: "cut".into() }.into(), 422, "invalid-module");
        check(&ModuleError::UnknownImport { import: "a:b/c".into() }.into(), 422, "unknown-import");
        check(&ModuleError::NoWorkflows.into(), 422, "not-a-workflow");
        check(&StoreError::Closed.into(), 503, "store-trouble");
        check(&StoreError::Moved { path: "/srv".into() }.into(), 503, "store-trouble");
        check(
            &StoreError::Record { table: "runs".into(), detail: "bad".into() }.into(),
            500,
            "store-damaged",
        );
        let missing = vec!["ship".to_owned()];
        let lacks =
            EngineError::StartLacksSteps { workflow: "order".into(), missing: missing.clone() };
        check(&lacks, 503, "missing-steps");
        check(&EngineError::DeployLacksSteps { missing }, 409, "missing-steps-at-deploy");
        assert_eq!(
            Refusal::whole(&lacks).0.missing_steps.as_deref(),
            Some(["ship".to_owned()].as_slice())
        );
        check(&EngineError::Busy, 503, "busy");
        check(&EngineError::NoRoomToWait, 503, "busy");
        check(&EngineError::BackupUnderWay, 429, "backup-under-way");
        check(&EngineError::Stopping, 503, "stopping");
    }

    #[test]
    fn a_problem_with_a_run_names_the_run() {
        let run = RunId::from_parts(Timestamp(0), 0);
        let problem = Refusal::whole(&EngineError::UnknownRun(run));
        assert_eq!(problem.0.instance.as_deref(), Some(&*format!("/v1/runs/{run}")));
        assert_eq!(problem.0.run_id.as_deref(), Some(&*run.to_string()));
        let problem = Refusal::whole(&EngineError::Busy);
        assert_eq!((problem.0.instance, problem.0.run_id), (None, None));
    }

    #[test]
    fn the_public_is_not_told_where_the_store_lies() {
        let error = EngineError::from(StoreError::Directory {
            path: "/srv/secret".into(),
            detail: "?".into(),
        });
        assert!(Refusal::whole(&error).0.detail.contains("/srv/secret"));
        assert!(!Refusal::public(&error).0.detail.contains("/srv/secret"));
    }
}

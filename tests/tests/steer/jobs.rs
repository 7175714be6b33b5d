//! One thing that is done to many runs.

use segno_host::engine::{
    Asker, Engine, EngineError, JobError, JobKind, JobMade, JobProgress, JobStatus, JobView,
    NewJob, NewRun, NewSignal, RunFilter, RunStatus,
};
use segno_journal::{JobId, RunId};
use segno_tests::{Host, edition, patiently, raw, rogue};
use serde_json::{Value, json};

fn job(action: JobKind) -> NewJob {
    NewJob { action, kill: false, within: None, module: None, all: false, dry_run: false }
}

fn of(parameters: &[(&str, &str)]) -> RunFilter {
    let mut filter = RunFilter::default();
    for (name, value) in parameters {
        assert!(filter.take(name, value).expect("it can be used"), "{name}");
    }
    filter
}

async fn made(engine: &Engine, asked: NewJob, filter: RunFilter) -> Result<JobMade, EngineError> {
    engine.make_job(asked, filter, Asker::named("ops")).await
}

/// Has it done, and waits until it is.
async fn done(engine: &Engine, asked: NewJob, parameters: &[(&str, &str)]) -> JobView {
    let made = made(engine, asked, of(parameters)).await.expect("it is made");
    ended(engine, made.job.expect("it is no dry run").job_id).await
}

async fn ended(engine: &Engine, job: JobId) -> JobView {
    patiently(async {
        loop {
            let view = engine.job(job).await.expect("it is known");
            if view.status != JobStatus::Running {
                return view;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

fn waits() -> Value {
    json!({ "webhooks": [], "act": { "signals": ["stop", 1] }, "strict": false })
}

/// Runs that wait for a signal, each found by the attribute `of`.
async fn waiting(host: &Host, shop: &str, count: usize) -> Vec<RunId> {
    let mut runs = Vec::new();
    for _ in 0..count {
        let shop = segno_journal::AttributeValue::Text(shop.to_owned());
        let new = NewRun { attributes: [("shop".to_owned(), shop)].into(), ..NewRun::default() };
        let started = host.engine.start_with("program", raw(&waits()), new).await;
        runs.push(started.expect("it starts").run_id);
    }
    runs
}

async fn statuses(host: &Host, runs: &[RunId]) -> Vec<RunStatus> {
    let mut statuses = Vec::new();
    for run in runs {
        statuses.push(host.engine.run(*run).await.expect("it is known").status);
    }
    statuses
}

const fn progress(matched: u64, done: u64, unchanged: u64, refused: u64) -> JobProgress {
    JobProgress { matched, more: false, done, unchanged, refused }
}

#[tokio::test]
async fn a_dry_run_counts_and_a_job_does_it_to_the_runs_of_its_filter_and_to_no_others() {
    let host = Host::new().await;
    let (elm, oak) = (waiting(&host, "elm", 5).await, waiting(&host, "oak", 2).await);
    let dry = NewJob { dry_run: true, ..job(JobKind::Pause) };
    let counted =
        made(&host.engine, dry, of(&[("attr.shop", "elm")])).await.expect("they are counted");
    assert_eq!((counted.runs.total, counted.job.is_none()), (5, true));
    assert!(host.engine.jobs(None, 10).await.expect("they are listed").jobs.is_empty());

    let paused = done(&host.engine, job(JobKind::Pause), &[("attr.shop", "elm")]).await;
    assert_eq!((paused.runs, paused.by.as_deref()), (progress(5, 5, 0, 0), Some("ops")));
    assert_eq!(statuses(&host, &elm).await, [RunStatus::Paused; 5]);
    assert_eq!(statuses(&host, &oak).await, [RunStatus::Running; 2]);
    let history = host.engine.history(elm[0], 0, 100).await.expect("it is known").events;
    let by = format!("ops with {}", paused.job_id);
    assert!(format!("{history:?}").contains(&by), "{history:?}");

    let resumed = done(&host.engine, job(JobKind::Resume), &[("workflow", "program")]).await;
    assert_eq!(resumed.runs, progress(5, 5, 0, 0));
    let cancelled = NewJob { all: true, kill: true, ..job(JobKind::Cancel) };
    let cancelled = done(&host.engine, cancelled, &[]).await;
    assert_eq!((cancelled.runs, cancelled.kill), (progress(7, 7, 0, 0), Some(true)));
    assert_eq!(statuses(&host, &oak).await, [RunStatus::Cancelled; 2]);
    let deleted = done(&host.engine, job(JobKind::Delete), &[("attr.shop", "elm")]).await;
    assert_eq!(deleted.runs, progress(5, 5, 0, 0));
    let gone = host.engine.run(elm[0]).await;
    assert!(matches!(gone, Err(EngineError::UnknownRun(_))), "{gone:?}");

    let page = host.engine.jobs(None, 2).await.expect("they are listed");
    let kinds: Vec<_> = page.jobs.iter().map(|job| job.action).collect();
    assert_eq!(kinds, [JobKind::Delete, JobKind::Cancel], "newest first");
    let next = page.next.expect("there are more").parse().expect("it is a job");
    let page = host.engine.jobs(Some(next), 2).await.expect("they are listed");
    assert_eq!((page.jobs.len(), page.jobs[1].job_id, page.next), (2, paused.job_id, None));
}

#[tokio::test]
async fn runs_that_do_not_fit_a_module_stay_and_a_job_says_which_and_why() {
    let host = Host::new().await;
    let runs = waiting(&host, "elm", 3).await;
    for run in &runs {
        host.until(*run, |view| (!view.waits_for.is_empty()).then_some(())).await;
    }
    let foreign = host.engine.deploy(rogue()).await.expect("the module is good").digest;
    let to = |module: &str| NewJob { module: Some(module.to_owned()), ..job(JobKind::Move) };
    let refused = done(&host.engine, to(&foreign), &[("workflow", "program")]).await;
    assert_eq!((refused.runs, &refused.module), (progress(3, 0, 0, 3), &Some(foreign)));
    let page = host.engine.refusals(refused.job_id, None, 2).await.expect("they are listed");
    let listed: Vec<_> = page.refusals.iter().map(|refusal| refusal.run_id).collect();
    assert_eq!(listed, [runs[2], runs[1]], "newest first");
    assert!(page.refusals[0].reason.contains("does not fit the module"), "{page:?}");
    let before = page.next.expect("there is one more").parse().expect("it is a run");
    let page =
        host.engine.refusals(refused.job_id, Some(before), 2).await.expect("they are listed");
    assert_eq!((page.refusals.len(), page.refusals[0].run_id), (1, runs[0]));

    let other = host.engine.deploy(edition(2)).await.expect("the module is good").digest;
    host.engine.move_by(runs[1], &other, Asker::unknown()).await.expect("it fits");
    let moved = done(&host.engine, to(&other), &[("workflow", "program")]).await;
    assert_eq!(moved.runs, progress(3, 2, 1, 0), "one was there already");
    for run in &runs {
        let stop = NewSignal { name: "stop".into(), payload: "1".into(), key: None };
        host.engine.signal(*run, stop, false).await.expect("it waits for that");
        let view = host.end(*run).await;
        assert_eq!((view.status, &view.module), (RunStatus::Completed, &other));
    }
}

#[tokio::test]
async fn a_run_that_fails_again_is_not_tried_again_by_the_same_job() {
    let host = Host::new().await;
    let needed = host.directory().join("needed");
    let run = host.start("needs_file", json!(needed)).await;
    assert_eq!(host.end(run).await.status, RunStatus::Failed);
    let retried = done(&host.engine, job(JobKind::Retry), &[("status", "failed")]).await;
    assert_eq!(retried.runs, progress(1, 1, 0, 0));
    assert_eq!(host.end(run).await.status, RunStatus::Failed);
    std::fs::write(&needed, "").expect("there is room");
    let again = done(&host.engine, job(JobKind::Retry), &[("workflow", "needs_file")]).await;
    assert_eq!(again.runs, progress(1, 1, 0, 0), "another job does");
    assert_eq!(host.end(run).await.status, RunStatus::Completed);
}

#[tokio::test]
async fn a_job_goes_on_after_the_host_and_one_that_is_stopped_does_no_more() {
    let host = Host::new().await;
    // None of its runs has anything to wait for while the host is paused, so it waits in memory only.
    let runs = waiting(&host, "elm", 20).await;
    let asked = made(&host.engine, job(JobKind::Cancel), of(&[("attr.shop", "elm")])).await;
    let id = asked.expect("it is made").job.expect("it is no dry run").job_id;
    let host = host.restart(|_config| {}).await;
    let view = ended(&host.engine, id).await;
    assert_eq!((view.runs.matched, view.runs.refused), (20, 0));
    assert_eq!(view.runs.done + view.runs.unchanged, 20, "{view:?}");
    assert_eq!(statuses(&host, &runs).await, [RunStatus::Cancelled; 20]);
    let stopped = host.engine.stop_job(id, Asker::unknown()).await;
    assert!(
        matches!(stopped, Err(EngineError::Job(JobError::Ended(of))) if of == id),
        "{stopped:?}"
    );
    let unknown = JobId::from_parts(segno_journal::Timestamp(1), 1);
    let stopped = host.engine.stop_job(unknown, Asker::unknown()).await;
    assert!(matches!(stopped, Err(EngineError::Job(JobError::Unknown(_)))), "{stopped:?}");
}

#[tokio::test]
async fn what_cannot_be_a_job_is_refused_with_a_sentence() {
    let host = Host::new().await;
    let module = || Some("sha256:0000".to_owned());
    let refused = [
        (job(JobKind::Cancel), &[][..], "the filter is empty"),
        (NewJob { kill: true, ..job(JobKind::Pause) }, &[("workflow", "a")], "`kill` says nothing"),
        (NewJob { module: module(), ..job(JobKind::Pause) }, &[("workflow", "a")], "`module` says"),
        (
            NewJob { module: module(), ..job(JobKind::Move) },
            &[("workflow", "a")],
            "there is no module",
        ),
        (job(JobKind::Move), &[("workflow", "a")], "to which `module` the runs are to be moved"),
        (job(JobKind::Retry), &[("status", "running")], "no run of the filter can take"),
    ];
    for (asked, parameters, expected) in refused {
        let refused = made(&host.engine, asked, of(parameters)).await.expect_err(expected);
        assert!(refused.to_string().starts_with(expected), "{refused}");
    }
}

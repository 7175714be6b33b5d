//! Doing one thing to many runs, moving runs, and pausing the host: over HTTP, and on the command line of a real
//! process that is killed.

use std::path::Path;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, with_steps};
use crate::support::{Host, basics, problem, rogue};

/// How many runs there are of which the host is killed while it ends them.
const MANY: u64 = 3_000;

fn waits() -> Value {
    json!({ "webhooks": [], "act": { "signals": ["stop", 1] }, "strict": false })
}

impl Host {
    async fn job(&self, query: &str, body: &Value) -> Response {
        let request = self.request(Method::POST, &format!("/v1/jobs?{query}"));
        request.json(body).send().await.unwrap()
    }

    /// A job when it has ended.
    async fn ended(&self, job: &str) -> Value {
        loop {
            let view = self.get(&format!("/v1/jobs/{job}")).await;
            if view["status"] != "running" {
                return view;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn posted(&self, path: &str) -> Value {
        let response = self.request(Method::POST, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }
}

#[tokio::test]
async fn a_job_is_counted_made_and_looked_at_over_http() {
    let host = Host::new().await;
    for _ in 0..3 {
        host.start("program", waits()).await;
    }
    let dry = host.job("workflow=program", &json!({ "action": "cancel", "dry_run": true })).await;
    assert_eq!(dry.status(), 200);
    let dry: Value = dry.json().await.unwrap();
    assert_eq!((&dry["job"], &dry["runs"]["total"]), (&Value::Null, &json!(3)));
    let body = json!({ "action": "cancel", "within": "2h" });
    let made = host.job("workflow=program&status=running,paused", &body).await;
    assert_eq!(made.status(), 201);
    let location = made.headers()["location"].to_str().unwrap().to_owned();
    let made: Value = made.json().await.unwrap();
    let id = made["job"]["job_id"].as_str().unwrap();
    assert_eq!(location, format!("/v1/jobs/{id}"));
    let view = host.ended(id).await;
    assert_eq!(view["status"], "completed");
    assert_eq!(
        view["runs"],
        json!({ "matched": 3, "more": false, "done": 3, "unchanged": 0, "refused": 0 })
    );
    assert_eq!(view["filter"], json!(["workflow=program", "status=running,paused"]));
    assert_eq!((&view["kill"], &view["within_ms"]), (&json!(false), &json!(7_200_000)));
    assert_eq!(host.get("/v1/jobs?limit=1").await["jobs"][0], view);
    let stop = host.request(Method::POST, &format!("{location}/stop")).send().await.unwrap();
    problem(stop, 409, "job-ended").await;
    let refusals = host.get(&format!("{location}/refusals")).await;
    assert_eq!(refusals, json!({ "refusals": [], "next": null }));
}

#[tokio::test]
async fn what_cannot_be_a_job_is_a_problem_that_says_what_to_do() {
    let host = Host::new().await;
    let detail = problem(host.job("", &json!({ "action": "cancel" })).await, 400, "bad-job").await;
    assert!(detail.starts_with("the filter is empty"), "{detail}");
    let all = json!({ "action": "cancel", "all": true });
    problem(host.job("workflow=a", &all).await, 400, "bad-job").await;
    let moved = json!({ "action": "move", "module": "sha256:0" });
    problem(host.job("workflow=a", &moved).await, 422, "unknown-module").await;
    problem(host.job("workflow=a", &json!({ "action": "shout" })).await, 400, "malformed-json")
        .await;
    problem(host.job("workflow=a", &json!({})).await, 400, "malformed-json").await;
    problem(host.job("limit=5", &all).await, 400, "bad-query").await;
    let soon = json!({ "action": "cancel", "within": "soon" });
    problem(host.job("workflow=a", &soon).await, 400, "malformed-json").await;
    let empty = host.request(Method::POST, "/v1/jobs?workflow=a").send().await.unwrap();
    problem(empty, 415, "not-json").await;
    let get = |path: &str| host.request(Method::GET, path).send();
    let unknown = "/v1/jobs/job_01JAB3CD4EF5GH6JK7MN8PQ9RS";
    problem(get(unknown).await.unwrap(), 404, "unknown-job").await;
    problem(get(&format!("{unknown}/refusals")).await.unwrap(), 404, "unknown-job").await;
    problem(get("/v1/jobs/run_01JAB3CD4EF5GH6JK7MN8PQ9RS").await.unwrap(), 400, "bad-path").await;
}

#[tokio::test]
async fn a_run_is_moved_over_http_or_stays_with_the_difference() {
    let host = Host::new().await;
    let run = host.start("program", waits()).await;
    let foreign = std::fs::read(rogue()).unwrap();
    let deployed = host.server.engine().deploy(foreign.into()).await.unwrap();
    let to = |module: &str| {
        let request = host.request(Method::POST, &format!("/v1/runs/{run}/move"));
        request.json(&json!({ "module": module })).send()
    };
    let detail = problem(to(&deployed.digest).await.unwrap(), 409, "does-not-fit").await;
    assert!(detail.contains("stays as it is"), "{detail}");
    problem(to("sha256:0").await.unwrap(), 422, "unknown-module").await;
    let view = host.get(&format!("/v1/runs/{run}")).await;
    let same: Value = to(view["module"].as_str().unwrap()).await.unwrap().json().await.unwrap();
    assert_eq!((&same["status"], &same["module"]), (&json!("running"), &view["module"]));
    host.request(Method::POST, &format!("/v1/runs/{run}/cancel")).send().await.unwrap();
    problem(to(&deployed.digest).await.unwrap(), 409, "already-ended").await;
}

#[tokio::test]
async fn a_host_is_paused_and_says_so_and_goes_on() {
    let host = Host::new().await;
    let paused = host.posted("/v1/pause").await;
    assert!(paused["paused"] == json!(true) && paused["since"].is_string(), "{paused}");
    assert_eq!(host.posted("/v1/pause").await, paused, "twice is once");
    let run = host.start("add_steps", json!(1)).await;
    let view = host.get(&format!("/v1/runs/{run}")).await;
    assert_eq!((&view["status"], &view["turns"]), (&json!("running"), &json!(0)));
    let health = host.get("/v1/health").await;
    assert_eq!(health["problems"][0]["kind"], "paused");
    let resumed = host.posted("/v1/resume").await;
    assert_eq!(resumed, json!({ "paused": false, "since": null, "by": null }));
    assert_eq!(host.end(&run).await["status"], "completed");
}

/// A host that says little, since nobody listens: there is a line in its log for each run that is cancelled.
fn quiet(data: &Path) -> Process {
    Process::start(with_steps().env("RUST_LOG", "warn").arg("serve").arg("--data").arg(data))
}

/// Many runs that wait, which a batch starts.
fn start_many(host: &Process, directory: &Path) {
    let start = json!({ "workflow": "program", "input": waits(), "attributes": { "shop": "elm" } });
    let starts: Vec<_> = (0..1_000).map(|_| &start).collect();
    let file = directory.join("batch.json");
    std::fs::write(&file, json!({ "starts": starts }).to_string()).unwrap();
    for _ in 0..MANY / 1_000 {
        host.must(&["batch", file.to_str().unwrap()]);
    }
}

#[test]
fn a_job_goes_on_through_kills_and_says_where_it_is_and_does_each_thing_once() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let host = quiet(&data);
    host.must(&["deploy", basics().to_str().unwrap()]);
    start_many(&host, directory.path());
    let of = ["--workflow", "program", "--attr", "shop=elm"];
    let counted = host.must(&[&["cancel", "--dry-run"][..], &of].concat());
    assert!(counted.starts_with(&format!("{MANY} runs")), "{counted}");
    let job = host.must(&[&["cancel"][..], &of].concat()).trim().to_owned();
    drop(host);
    let mut host = quiet(&data);
    let mut done = 0;
    loop {
        let view: Value = serde_json::from_str(&host.must(&["job", &job, "--json"])).unwrap();
        let so_far = view["runs"]["done"].as_u64().unwrap();
        assert!(so_far >= done, "it knows what it has done: {view}");
        let has_come_further = so_far > done;
        done = so_far;
        if view["status"] != "running" {
            break;
        }
        // It is killed each time that it has come further.
        if has_come_further {
            drop(host);
            host = quiet(&data);
        }
    }
    let view: Value = serde_json::from_str(&host.must(&["job", &job, "--json"])).unwrap();
    // What was done last before a kill is not counted, since it is not found again.
    assert!(done <= MANY && view["runs"]["refused"] == json!(0), "{view}");
    let counted = host.must(&["runs", "--count", "--status", "cancelled"]);
    assert!(counted.starts_with(&format!("{MANY} runs")), "{counted}");
    assert!(host.must(&["jobs"]).contains(&job));
    let (code, _, stderr) = host.ask(&["stop-job", &job]);
    assert!(code == Some(1) && stderr.contains("has ended"), "{stderr}");
    let (code, shown, _) = host.ask(&[&["delete", "--wait"][..], &of].concat());
    assert!(code == Some(0) && shown.contains(&format!("done       {MANY}")), "{shown}");
}

#[test]
fn the_command_line_pauses_a_host_and_moves_runs_and_says_which_do_not_fit() {
    let directory = TempDir::new().unwrap();
    let host = Process::serve(directory.path());
    host.must(&["deploy", basics().to_str().unwrap()]);
    assert_eq!(host.must(&["pause-host"]).trim(), "the host is paused");
    let (code, health, _) = host.ask(&["health"]);
    assert!(code == Some(1) && health.contains("resume-host"), "{health}");
    assert_eq!(host.must(&["resume-host"]).trim(), "the host goes on");
    let run = host.must(&["start", "program", "--input", &waits().to_string()]);
    let run = run.trim();
    let deployed = host.must(&["deploy", rogue().to_str().unwrap(), "--json"]);
    let deployed: Value = serde_json::from_str(&deployed).unwrap();
    let to = deployed["digest"].as_str().unwrap();
    let (code, _, stderr) = host.ask(&["move", run, "--to", to]);
    assert!(code == Some(1) && stderr.contains("does not fit the module"), "{stderr}");
    let (code, shown, stderr) = host.ask(&["move", "--all", "--to", to, "--wait"]);
    assert!(code == Some(4) && shown.contains("refused    1"), "{shown}{stderr}");
    let job = shown.split_whitespace().next().unwrap();
    let refused = host.must(&["job", job, "--refused"]);
    assert!(refused.contains(run) && refused.contains("does not fit"), "{refused}");
    for wrong in [
        &["cancel"][..],
        &["cancel", run, "--workflow", "program"],
        &["cancel", run, "--dry-run"],
        &["cancel", "--all", "--workflow", "program"],
        &["retry", "--workflow", "program", "--turn", "3"],
    ] {
        let (code, _, stderr) = host.ask(wrong);
        assert_eq!(code, Some(2), "{wrong:?}: {stderr}");
    }
    assert_eq!(host.must(&["pause", run]).trim(), format!("{run} paused"));
}

//! Hooks and signals over HTTP, and on the command line of a real process.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Process;
use crate::support::{Host, basics, problem};

impl Host {
    async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }

    /// Waits until a run has opened a hook with this token.
    async fn opened(&self, token: &str) -> Value {
        loop {
            let path = format!("/v1/hooks/{token}");
            let response = self.request(Method::GET, &path).send().await.unwrap();
            if response.status() == 200 {
                return response.json().await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_hook_is_looked_up_listed_and_called_by_its_token() {
    let host = Host::new().await;
    let run = host.start("approve", json!("order 42/7")).await;
    let path = "/v1/hooks/order%2042%2F7";
    let hook = host.opened("order%2042%2F7").await;
    assert_eq!(hook["token"], "order 42/7");
    assert_eq!((&hook["run_id"], &hook["op"]), (&json!(run), &json!(0)));
    assert_eq!(hook["metadata"], json!({ "asks": "order 42/7" }));
    let page = host.get("/v1/hooks?limit=1").await;
    assert_eq!((&page["hooks"], &page["next"]), (&json!([hook]), &json!("order 42/7")));
    assert_eq!(host.get("/v1/hooks?cursor=order%2042%2F7").await["hooks"], json!([]));
    let called = host.post(path, &json!({ "by": "ada", "granted": true })).await;
    assert_eq!(called.status(), 202);
    assert_eq!(called.json::<Value>().await.unwrap(), hook);
    assert_eq!(host.end(&run).await["output"], json!({ "by": "ada", "granted": true }));
    let late = host.post(path, &json!(1)).await;
    let detail = problem(late, 404, "unknown-hook").await;
    assert!(detail.starts_with("no hook has the token `order 42/7`: "), "{detail}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_a_sentence() {
    let host = Host::new().await;
    let run = host.start("approve", json!("t")).await;
    host.opened("t").await;
    for path in ["/v1/hooks/t".to_owned(), format!("/v1/runs/{run}/signals/note")] {
        let send = |body: Vec<u8>| {
            let request = host.request(Method::POST, &path).body(body);
            request.header("content-type", "application/json").send()
        };
        problem(send(b"{".to_vec()).await.unwrap(), 400, "malformed-json").await;
        let deep = [vec![b'['; 101], vec![b']'; 101]].concat();
        problem(send(deep).await.unwrap(), 400, "malformed-json").await;
        problem(send(vec![b'1'; (1 << 20) + 1]).await.unwrap(), 413, "too-large").await;
        let plain = host.request(Method::POST, &path).body("1").send().await.unwrap();
        problem(plain, 415, "not-json").await;
    }
    let empty = host.request(Method::POST, "/v1/hooks/t").send().await.unwrap();
    assert_eq!(empty.status(), 202, "an empty body is null");
    let name = "x".repeat(129);
    let long = host.post(&format!("/v1/runs/{run}/signals/{name}"), &json!(1)).await;
    problem(long, 400, "bad-name").await;
    let nobody = host.post("/v1/runs/run_00000000000000000000000000/signals/a", &json!(1)).await;
    problem(nobody, 404, "unknown-run").await;
    let no_run = host.post("/v1/runs/x/signals/a", &json!(1)).await;
    problem(no_run, 400, "bad-path").await;
}

#[tokio::test]
async fn a_signal_is_stored_answered_or_refused() {
    let host = Host::new().await;
    let run = host.start("order", json!("Elm Street 1")).await;
    let path = |query: &str| format!("/v1/runs/{run}/signals/{query}");
    let stored = host.post(&path("change_address"), &json!("Oak Street 2")).await;
    assert_eq!((stored.status().as_u16(), stored.text().await.unwrap()), (202, String::new()));
    let answered = host.post(&path("change_address?wait=60s"), &json!("Birch Street 3")).await;
    assert_eq!(answered.status(), 200);
    assert_eq!(answered.headers()["content-type"], "application/json");
    assert_eq!(answered.json::<Value>().await.unwrap(), json!({ "before": "Oak Street 2" }));
    let unfit = host.post(&path("change_address?wait=60s"), &json!(7)).await;
    problem(unfit, 422, "signal-refused").await;
    assert_eq!(host.post(&path("ship?wait=60s"), &json!(null)).await.status(), 200);
    let refused = host.post(&path("change_address?wait=60s"), &json!("Ash Street 4")).await;
    let detail = problem(refused, 409, "signal-refused").await;
    assert_eq!(detail, "the parcel is on its way");
    assert_eq!(host.end(&run).await["output"], "Birch Street 3");
    problem(host.post(&path("ship"), &json!(null)).await, 409, "signal-too-late").await;
}

#[tokio::test]
async fn who_waits_for_an_answer_that_does_not_come_hears_that_the_signal_is_stored() {
    let host = Host::new().await;
    let run = host.start("deaf", json!(null)).await;
    let path = format!("/v1/runs/{run}/signals/other?wait=1ms");
    assert_eq!(host.post(&path, &json!(1)).await.status(), 202);
    let path = format!("/v1/runs/{run}/signals/other?wait=60s");
    let one = json!(1);
    let waiting = host.post(&path, &one);
    let cancel = async {
        // Until both are there.
        while host.get(&format!("/v1/runs/{run}")).await["turns"] != 3 {
            tokio::task::yield_now().await;
        }
        host.post(&format!("/v1/runs/{run}/cancel"), &json!({})).await
    };
    let (told, _cancelled) = tokio::join!(waiting, cancel);
    problem(told, 409, "signal-unanswered").await;
    let unknown = host.post(&format!("{path}&x=1"), &json!(1)).await;
    problem(unknown, 400, "bad-query").await;
}

#[tokio::test]
async fn a_key_makes_a_signal_come_once() {
    let host = Host::new().await;
    let run = host.start("order", json!("Elm Street 1")).await;
    let send = |name: &str, key: &str| {
        let path = format!("/v1/runs/{run}/signals/{name}?wait=60s");
        let request = host.request(Method::POST, &path).header("idempotency-key", key);
        request.json(&json!("Oak Street 2")).send()
    };
    for _ in 0..3 {
        let answer = send("change_address", "k").await.unwrap();
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "before": "Elm Street 1" }));
    }
    problem(send("ship", "k").await.unwrap(), 422, "other-signal").await;
    problem(send("ship", "").await.unwrap(), 400, "bad-idempotency-key").await;
}

#[tokio::test]
async fn a_run_is_asked_now_and_as_it_was() {
    let host = Host::new().await;
    let run = host.start("sums", json!(9)).await;
    for number in [3, 4] {
        let path = format!("/v1/runs/{run}/signals/add");
        assert_eq!(host.post(&path, &json!(number)).await.status(), 202);
    }
    let path = |query: &str| format!("/v1/runs/{run}/queries/{query}");
    assert_eq!(host.get(&path("sum")).await, 7);
    assert_eq!(host.get(&path("sum?input=1")).await, 3);
    assert_eq!(host.get(&path("sum?at=1")).await, 3);
    assert_eq!(host.get(&path("count")).await, 2);
    let ask = async |query: &str| host.request(Method::GET, &path(query)).send().await.unwrap();
    let detail = problem(ask("other").await, 404, "unknown-query").await;
    assert_eq!(detail, "nobody answers to the query `other`; known are `bad`, `sum`");
    problem(ask("sum?at=3").await, 404, "no-such-turn").await;
    problem(ask("sum?at=x").await, 400, "bad-query").await;
    problem(ask("sum?input={").await, 400, "bad-query").await;
    let longest = "%22".repeat(1 << 13);
    problem(ask(&format!("sum?input={longest}")).await, 400, "bad-query").await;
    problem(ask(&format!("sum?input={longest}%22")).await, 413, "too-large").await;
    problem(ask("sum?at=99").await, 404, "no-such-turn").await;
    problem(ask("sum?input=%22two%22").await, 422, "query-refused").await;
    problem(ask("bad?input=%22panic%22").await, 500, "query-failed").await;
}

#[tokio::test]
async fn a_run_is_started_and_signalled_in_one_request_and_shows_its_children() {
    let host = Host::new().await;
    let path = "/v1/workflows/listens/runs";
    let signals = json!([{ "name": "tell", "payload": 7 }, { "name": "tell" }]);
    let started = host.post(path, &json!({ "signals": signals })).await;
    assert_eq!(started.status(), 201);
    let run = started.json::<Value>().await.unwrap()["run_id"].as_str().unwrap().to_owned();
    assert_eq!(host.end(&run).await["output"], json!([7]));
    let many = vec![json!({ "name": "tell" }); 101];
    problem(host.post(path, &json!({ "signals": many })).await, 400, "malformed-json").await;
    let nameless = json!({ "signals": [{ "name": "" }] });
    problem(host.post(path, &nameless).await, 400, "bad-name").await;
    let run = host.start("parent", json!(2)).await;
    host.end(&run).await;
    let history = host.get(&format!("/v1/runs/{run}/events")).await;
    let child = history["events"].as_array().unwrap().iter().find_map(|event| {
        let event = &event["event"];
        (event["type"] == "child_started").then(|| event["run_id"].as_str().unwrap().to_owned())
    });
    let child = host.get(&format!("/v1/runs/{}", child.unwrap())).await;
    assert_eq!(child["parent"]["run_id"], run);
}

#[tokio::test]
async fn a_sleep_is_ended_early() {
    let host = Host::new().await;
    let run = host.start("sleeper", json!(null)).await;
    let path = format!("/v1/runs/{run}/wake");
    problem(host.post(&path, &json!({ "op": 7 })).await, 409, "nothing-to-wake").await;
    problem(host.post(&path, &json!({ "x": 7 })).await, 400, "malformed-json").await;
    let woken = host.post(&path, &json!({ "op": 0 })).await;
    assert_eq!(woken.json::<Value>().await.unwrap()["waits_for"][0]["op"], 1);
    let all = host.request(Method::POST, &path).send().await.unwrap();
    assert_eq!(all.status(), 200);
    assert_eq!(host.end(&run).await["output"], true);
    problem(host.post(&path, &json!({})).await, 409, "already-ended").await;
}

#[test]
fn a_run_is_started_and_signalled_on_the_command_line() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(data.path());
    host.must(&["deploy", basics().to_str().unwrap()]);
    let told = host.must(&["start", "listens", "--signal", "tell=7", "--signal", "tell", "--wait"]);
    assert!(told.contains("[7]"), "{told}");
    let (code, _, stderr) = host.ask(&["start", "listens", "--signal", "tell={"]);
    assert_eq!(code, Some(2), "{stderr}");
}

#[test]
fn runs_are_talked_to_on_the_command_line() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(data.path());
    host.must(&["deploy", basics().to_str().unwrap()]);
    let run = host.must(&["start", "order", "--input", r#""Elm Street 1""#]);
    let run = run.trim();
    assert_eq!(host.must(&["signal", run, "change_address", r#""Oak Street 2""#]), "");
    let answer = host.must(&["signal", run, "change_address", r#""Ash Street 3""#, "--wait"]);
    assert_eq!(answer, "{\"before\":\"Oak Street 2\"}\n");
    let (code, _, stderr) = host.ask(&["signal", run, "other", "--wait=10ms"]);
    assert_eq!(code, Some(5), "{stderr}");
    assert!(
        stderr.starts_with("stored, and not answered in time; ask again with --key "),
        "{stderr}"
    );
    let (code, _, stderr) = host.ask(&["signal", run, "change_address", "{"]);
    assert_eq!(code, Some(2), "{stderr}");
    host.must(&["signal", run, "ship", "--wait"]);
    let (code, _, stderr) = host.ask(&["signal", run, "change_address", "\"x\"", "--wait"]);
    assert_eq!((code, stderr.trim()), (Some(1), "error: the parcel is on its way"));
    let told = host.must(&["run", run]);
    assert!(told.contains(r#"signal 0 change_address came with "Oak Street 2""#), "{told}");
    assert!(told.contains("signal #0 change_address"), "{told}");

    let sums = host.must(&["start", "sums", "--input", "9"]);
    let sums = sums.trim();
    for number in ["3", "4"] {
        host.must(&["signal", sums, "add", number]);
    }
    assert_eq!(host.must(&["query", sums, "sum"]), "7\n");
    assert_eq!(host.must(&["query", sums, "sum", "1"]), "3\n");
    assert_eq!(host.must(&["query", sums, "count", "--at", "1"]), "1\n");
    assert!(host.must(&["run", sums]).contains("published count 2"));
    let (code, _, stderr) = host.ask(&["query", sums, "other"]);
    assert_eq!(code, Some(1), "{stderr}");

    let sleeper = host.must(&["start", "sleeper"]);
    let sleeper = sleeper.trim();
    let woken = host.must(&["wake", sleeper, "--op", "1"]);
    assert_eq!(woken, format!("{sleeper} running\n"));
    host.must(&["wake", sleeper]);
    let told = host.must(&["run", sleeper, "--wait"]);
    assert!(told.contains("sleep #1 was ended early by "), "{told}");
    let (code, _, stderr) = host.ask(&["wake", sleeper]);
    assert_eq!(code, Some(1), "{stderr}");

    assert_eq!(host.must(&["hooks"]), "no hooks\n");
    let run = host.must(&["start", "approve", "--input", r#""approval-42""#]);
    let run = run.trim();
    while !host.must(&["hooks"]).contains("approval-42") {
        std::thread::yield_now();
    }
    assert!(host.must(&["hook", "approval-42"]).contains(run));
    assert!(host.must(&["runs"]).contains("hook approval-42 since"), "why it waits");
    let approval = r#"{"by":"ada","granted":true}"#;
    let stored = host.must(&["resume-hook", "approval-42", approval]);
    assert_eq!(stored, format!("stored: {run} takes it\n"));
    let told = host.must(&["run", run, "--wait"]);
    assert!(told.contains(&format!("hook #0 was sent {approval}")), "{told}");
    let (code, _, stderr) = host.ask(&["resume-hook", "approval-42"]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: no hook has the token `approval-42`: "), "{stderr}");
}

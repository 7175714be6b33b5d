//! Streams over HTTP, and on the command line of a real process.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Process;
use crate::support::{Host, basics, problem};

impl Host {
    async fn stream(&self, run: &str, name_and_query: &str, accept: &str) -> Response {
        let path = format!("/v1/runs/{run}/streams/{name_and_query}");
        let request = self.request(Method::GET, &path).header("accept", accept);
        request.send().await.unwrap()
    }
}

const EVENTS: &str = "text/event-stream";

/// The kind, the ID and the data of each event of an answer that has come to its end.
async fn events(response: Response) -> Vec<(String, String, Value)> {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], EVENTS);
    let text = response.text().await.unwrap();
    let events = text.split_terminator("\n\n").map(|event| {
        let field = |name: &str| {
            let mut lines = event.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(of, _)| *of == name).map_or("", |(_, value)| value).to_owned()
        };
        (field("event"), field("id"), serde_json::from_str(&field("data")).unwrap())
    });
    events.collect()
}

#[tokio::test]
async fn a_stream_is_followed_as_events_or_as_bytes_to_its_end() {
    let host = Host::new().await;
    let run = host.start("dictates", json!([2, 1])).await;
    let events = events(host.stream(&run, "words?follow", EVENTS).await).await;
    let (kinds, rest): (Vec<_>, Vec<_>) =
        events.into_iter().map(|(kind, id, data)| (kind, (id, data))).unzip();
    assert_eq!(kinds, ["chunk", "chunk", "chunk", "chunk", "chunk", "chunk", "end"]);
    let words = ["begin", "1.0", "1.1", "2.0", "2.1", "end"];
    for (index, ((id, data), word)) in rest.iter().zip(words).enumerate() {
        assert_eq!(
            (id, &data["index"], &data["text"]),
            (&index.to_string(), &json!(index), &json!(word))
        );
    }
    assert_eq!((&rest[1].1["op"], &rest[1].1["attempt"]), (&json!(0), &json!(1)));
    assert_eq!((rest[0].1.get("op"), rest[0].1.get("base64")), (None, None));
    assert_eq!(rest[6].1, json!({ "next": 6, "closed": true }));
    let raw = host.stream(&run, "words?from=3&follow=true", "*/*").await;
    assert_eq!(raw.headers()["content-type"], "application/octet-stream");
    assert_eq!(raw.text().await.unwrap(), "2.02.1end");
}

#[tokio::test]
async fn a_stream_is_read_as_far_as_it_is_and_taken_up_again() {
    let host = Host::new().await;
    let run = host.start("narrates", json!(5)).await;
    host.end(&run).await;
    let streams = host.get(&format!("/v1/runs/{run}/streams")).await;
    let told = json!({ "name": "told", "first": 0, "next": 5, "bytes": 35, "closed": true });
    assert_eq!(streams, json!({ "streams": [told] }));
    let tail = host.stream(&run, "told?from=-2", "*/*").await;
    assert_eq!(tail.headers()["segno-next"], "5");
    assert_eq!(tail.text().await.unwrap(), "line 3\nline 4\n");
    let path = format!("/v1/runs/{run}/streams/told?from=0");
    let resume = |last: &'static str| {
        let request = host.request(Method::GET, &path).header("accept", EVENTS);
        request.header("last-event-id", last).send()
    };
    let resumed = events(resume("3").await.unwrap()).await;
    assert_eq!((resumed.len(), &resumed[0].2["text"]), (2, &json!("line 4\n")));
    problem(resume("x").await.unwrap(), 400, "bad-query").await;
    problem(host.stream(&run, "told?from=x", "*/*").await, 400, "bad-query").await;
    problem(host.stream(&run, "told?follow=perhaps", "*/*").await, 400, "bad-query").await;
    let unknown = problem(host.stream(&run, "tole", "*/*").await, 404, "unknown-stream").await;
    assert_eq!(unknown, "the run has no stream `tole`; it has `told`");
    let nobody = host.stream("run_00000000000000000000000000", "told", "*/*").await;
    problem(nobody, 404, "unknown-run").await;
}

#[tokio::test]
async fn who_asks_for_chunks_that_are_forgotten_is_told_which() {
    let host = Host::with(guest_basics::steps(), |options| options.limits.stream = 100_000).await;
    let run = host.start("floods", json!([1, 10_000, 30])).await;
    host.end(&run).await;
    let streams = host.get(&format!("/v1/runs/{run}/streams")).await;
    let first = streams["streams"][0]["first"].as_u64().unwrap();
    assert!(first > 0);
    let events = events(host.stream(&run, "stream%200?from=0", EVENTS).await).await;
    assert_eq!((&*events[0].0, &events[0].2), ("skipped", &json!({ "from": 0, "to": first })));
    assert_eq!(events[1].1, first.to_string());
}

#[test]
fn the_command_line_prints_a_stream_and_lists_those_of_a_run() {
    let data = TempDir::new().unwrap();
    let host = Process::serve(data.path());
    host.must(&["deploy", basics().to_str().unwrap()]);
    let run = host.must(&["start", "narrates", "--input", "3", "--wait"]);
    let run = run.split_whitespace().find(|word| word.starts_with("run_")).unwrap().to_owned();
    assert_eq!(host.must(&["stream", &run, "told"]), "line 0\nline 1\nline 2\n");
    assert_eq!(host.must(&["stream", &run, "told", "--from", "-1", "--follow"]), "line 2\n");
    let listed = host.must(&["stream", &run]);
    assert_eq!(listed, "told: chunks 0 to 2, 21 B, closed\n");
    let json = host.must(&["--json", "stream", &run, "told"]);
    let chunks: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((chunks.len(), &chunks[2]["text"]), (3, &json!("line 2\n")));
    let (code, _, error) = host.ask(&["stream", &run, "tole"]);
    assert_eq!((code, &*error), (Some(1), "error: the run has no stream `tole`; it has `told`\n"));
}

//! Who gets in, and what there is behind the door.

use reqwest::Method;
use serde_json::{Value, json};

use crate::management::UNKNOWN;
use crate::support::{Host, problem};

/// Methods and paths, and the right that each needs.
fn routes() -> [(Method, &'static str, &'static str); 8] {
    [
        (Method::GET, "/v1/runs", "read"),
        (Method::GET, UNKNOWN, "read"),
        (Method::GET, "/openapi.json", "read"),
        (Method::GET, "/metrics", "read"),
        (Method::GET, "/nothing", "read"),
        (Method::POST, "/v1/workflows/nothing/runs", "operate"),
        (Method::DELETE, "/v1/runs", "operate"),
        (Method::PUT, "/v1/modules", "deploy"),
    ]
}

#[tokio::test]
async fn without_a_token_nothing_but_the_health_is_open() {
    let host = Host::new().await;
    let health = host.strange_request(Method::GET, "/healthz").send().await.unwrap();
    assert_eq!(health.json::<Value>().await.unwrap(), json!({ "status": "ok" }));
    for (method, path, _) in routes() {
        let response = host.strange_request(method.clone(), path).send().await.unwrap();
        assert_eq!(response.headers()["www-authenticate"], "Bearer realm=\"segno\"");
        problem(response, 401, "unauthorized").await;
        let wrong = host.strange_request(method, path).bearer_auth("s3cre").send().await.unwrap();
        problem(wrong, 401, "unauthorized").await;
    }
    assert_eq!(host.get("/v1/runs").await["runs"], json!([]));
}

#[tokio::test]
async fn a_token_opens_what_it_has_the_right_to_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tokens");
    let rights = ["read", "operate", "deploy"];
    let lines = rights.map(|right| format!("only-{right} {right} t-{right}\n")).concat();
    std::fs::write(&file, lines + "boss read,operate,deploy t-all\n").unwrap();
    let host = Host::with(guest_basics::steps(), |options| options.token_file = Some(file)).await;
    for (method, path, needed) in routes() {
        for right in rights {
            let token = format!("t-{right}");
            let request = host.strange_request(method.clone(), path).bearer_auth(token);
            let response = request.send().await.unwrap();
            if right == needed {
                assert!(
                    ![401, 403].contains(&response.status().as_u16()),
                    "{right} {method} {path}"
                );
                continue;
            }
            let detail = problem(response, 403, "forbidden").await;
            assert_eq!(
                detail,
                format!(
                    "the token `only-{right}` does not have the right `{needed}`, which this needs; whoever runs the \
                     host can give it"
                )
            );
        }
        let request = host.strange_request(method, path).bearer_auth("t-all");
        assert!(![401, 403].contains(&request.send().await.unwrap().status().as_u16()));
    }
}

#[tokio::test]
async fn a_token_is_changed_while_the_host_runs() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tokens");
    std::fs::write(&file, "old all one\n").unwrap();
    let tokens = file.clone();
    let host = Host::with(guest_basics::steps(), |options| options.token_file = Some(tokens)).await;
    let status = async |token: &str| {
        let request = host.strange_request(Method::GET, "/v1/runs").bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((status("one").await, status("two").await), (200, 401));
    // Both are good while those who use it are told.
    for (lines, opens, is_shut) in
        [("old all one\nnew all two\n", "two", "three"), ("new all two\n", "two", "one")]
    {
        std::fs::write(&file, lines).unwrap();
        while (status(opens).await, status(is_shut).await) != (200, 401) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn every_route_that_is_described_is_there() {
    let host = Host::new().await;
    let description = host.get("/openapi.json").await;
    for (path, item) in description["paths"].as_object().unwrap() {
        let concrete =
            path.replace("{id}", "run_01JAB3CD4EF5GH6JK7MN8PQ9RS").replace("{name}", "nothing");
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let body =
                host.request(method.clone(), &concrete).send().await.unwrap().text().await.unwrap();
            let missing =
                body.contains("problem:unknown-route") || body.contains("problem:unknown-method");
            assert!(!missing, "{method} {path}: {body}");
        }
    }
}

#[tokio::test]
async fn the_management_api_serves_no_webhooks() {
    let host = Host::new().await;
    let (_, url) = host.hook("hook", 1).await;
    let path = url.strip_prefix(&format!("http://{}", host.server.webhook_addr())).unwrap();
    let response = host.request(Method::POST, path).send().await.unwrap();
    problem(response, 404, "unknown-route").await;
}

#[tokio::test]
async fn a_backup_has_everything_and_needs_every_right() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tokens");
    std::fs::write(&file, "most read,operate t-most\nboss read,operate,deploy t-all\n").unwrap();
    let host = Host::with(guest_basics::steps(), |options| options.token_file = Some(file)).await;
    let ask = |token| host.strange_request(Method::POST, "/v1/backup").bearer_auth(token).send();
    let detail = problem(ask("t-most").await.unwrap(), 403, "forbidden").await;
    assert!(detail.contains("`deploy`"), "{detail}");
    let stream = ask("t-all").await.unwrap().error_for_status().unwrap().bytes().await.unwrap();
    assert!(stream.starts_with(b"segno backup\n"));
}

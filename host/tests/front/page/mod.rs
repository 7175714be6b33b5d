//! The page: who may look at it, what it shows, and that nothing of what it shows does anything.

mod actions;
mod browser;
mod chromium;

use reqwest::header::{CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::page::browser::{Browser, filled, leads_to};

/// What stands in payloads that are to do nothing.
const HOSTILE: &str = "</bdi></pre><script src=\"//evil.example\"></script>\u{202e}\u{7}&amp;";

#[tokio::test]
async fn who_has_no_login_is_asked_for_a_token_and_led_on() {
    let mut browser = Browser::new(|_options| {}).await;
    for path in ["/", "/runs?status=failed", "/runs/run_1", "/runs/run_1/input"] {
        assert!(leads_to(&browser.get(path).await).starts_with("/login?next=%2F"), "{path}");
    }
    let form = browser.see("/login?next=%2Fruns%3Fstatus%3Dfailed").await;
    assert!(form.contains("value=\"/runs?status=failed\""), "{form}");

    let refused = browser.post("/login", &[("token", "wrong"), ("next", "/runs")]).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.headers().get(SET_COOKIE).is_none());
    assert!(refused.text().await.unwrap().contains("no token of this host"));

    let token = browser.token();
    let sent = [("token", &*token), ("next", "/runs?status=failed")];
    let response = browser.post("/login", &sent).await;
    assert_eq!(leads_to(&response), "/runs?status=failed");
    browser.keep_login(&response);
    assert!(browser.see("/").await.contains("<h1>Overview</h1>"));

    let elsewhere = browser.post("/login", &[("token", &*token), ("next", "//evil.example")]).await;
    assert_eq!(leads_to(&elsewhere), "/");
    let out = browser.post("/logout", &[]).await;
    assert_eq!(leads_to(&out), "/login");
    assert!(out.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn the_link_of_a_host_opens_one_login() {
    let mut browser = Browser::new(|_options| {}).await;
    let link = browser.host.server.page_link().unwrap();
    let head = browser.client.head(&link).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK, "to look at it spends nothing");
    let first = browser.use_link(&link).await;
    assert_eq!(leads_to(&first), "/");
    let again = browser.use_link(&link).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
    assert!(again.text().await.unwrap().contains("This link was used"));
    browser.keep_login(&first);
    assert!(browser.see("/").await.contains("<h1>Overview</h1>"));
}

#[tokio::test]
async fn a_login_opens_the_page_and_not_the_api() {
    let browser = Browser::opened().await;
    for path in ["/v1/runs", "/metrics", "/openapi.json"] {
        assert_eq!(browser.get(path).await.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn a_token_that_may_not_read_does_not_look() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = directory.path().join("tokens");
    std::fs::write(&tokens, "ci deploy s3cret\n").unwrap();
    let browser = Browser::new(|options| options.token_file = Some(tokens)).await;
    let refused = browser.post("/login", &[("token", "s3cret")]).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.headers().get(SET_COOKIE).is_none());
    let text = refused.text().await.unwrap();
    assert!(text.contains("does not have the right `read`"), "{text}");
    let linked = browser.follow_link().await;
    assert_eq!(linked.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_login_that_a_browser_did_not_send_from_elsewhere_is_sent_on_the_way() {
    let browser = Browser::new(|_options| {}).await;
    let request = browser.request(Method::GET, "/runs?status=failed");
    let onward = request.header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(onward.status(), StatusCode::OK);
    let text = onward.text().await.unwrap();
    assert!(text.contains("content=\"0; url=/runs?status=failed\""), "{text}");
}

#[tokio::test]
async fn a_webhook_hears_nothing_of_a_login_and_sets_none() {
    let browser = Browser::opened().await;
    let (run, url) = browser.host.hook("hook", 1).await;
    let login = browser.request(Method::GET, "/").build().unwrap().headers()[COOKIE].clone();
    let call = browser.client.post(&url).header(COOKIE, login);
    assert!(call.send().await.unwrap().status().is_success());
    let ended = browser.host.end(&run).await.to_string();
    assert!(!ended.contains("segno_login"), "{ended}");
    let history = browser.host.get(&format!("/v1/runs/{run}/events")).await.to_string();
    assert!(!history.contains("segno_login"), "{history}");
}

#[tokio::test]
async fn what_a_path_does_not_take_is_refused_as_a_page() {
    let browser = Browser::opened().await;
    for (method, path) in [(Method::GET, "/logout"), (Method::DELETE, "/runs")] {
        let request = browser.request(method, path).header(ORIGIN, browser.origin());
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert!(refused.text().await.unwrap().contains("<h1>"), "{path}");
    }
}

#[tokio::test]
async fn what_another_page_sends_has_no_effect() {
    let browser = Browser::opened().await;
    let token = browser.token();
    for origin in [None, Some("null"), Some("https://evil.example")] {
        for (path, form) in [("/login", vec![("token", &*token)]), ("/logout", vec![])] {
            let mut request = filled(browser.request(Method::POST, path), &form);
            if let Some(origin) = origin {
                request = request.header(ORIGIN, origin);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path} {origin:?}");
            assert!(response.headers().get(SET_COOKIE).is_none());
        }
    }
}

#[tokio::test]
async fn everything_says_what_a_browser_may_do_with_it() {
    let browser = Browser::opened().await;
    for path in ["/", "/runs", "/runs/none", "/login", "/assets/page.css", "/runs?status=odd"] {
        let response = browser.get(path).await;
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "same-origin", "{path}");
        let kind = headers[CONTENT_TYPE].to_str().unwrap().to_owned();
        assert!(kind.starts_with("text/html") || path.starts_with("/assets"), "{path}: {kind}");
        let text = response.text().await.unwrap();
        for foreign in ["<script", "<style", " style=", " onclick=", "src=\"http", "href=\"http"] {
            assert!(!text.contains(foreign), "{path} has {foreign}");
        }
    }
}

#[tokio::test]
async fn what_a_run_was_given_stays_text() {
    let browser = Browser::opened().await;
    let run = browser.host.start("echo", json!(HOSTILE)).await;
    browser.host.end(&run).await;
    let failed = browser.host.start("fails", json!(HOSTILE)).await;
    browser.host.end(&failed).await;
    let path = "/v1/workflows/step_fails/runs";
    let body = json!({ "input": { "fatal": HOSTILE }, "attributes": { "note": HOSTILE } });
    let started = browser.host.request(Method::POST, path).json(&body).send().await.unwrap();
    let marked =
        started.json::<serde_json::Value>().await.unwrap()["run_id"].as_str().unwrap().to_owned();
    browser.host.end(&marked).await;
    for run in [&run, &failed, &marked] {
        let text = browser.see(&format!("/runs/{run}")).await;
        assert!(text.contains("script src"), "it is shown: {text}");
        assert!(!text.contains("<script"), "{text}");
        assert!(!text.contains("</bdi></pre><"), "{text}");
        assert!(!text.contains('\u{202e}'), "it does not turn what is read: {text}");
    }
    let text = browser.see(&format!("/runs/{run}")).await;
    assert!(text.contains("&lt;script") || text.contains("&#60;script"), "it is shown: {text}");
}

#[tokio::test]
async fn of_a_large_value_the_beginning_is_shown_and_the_whole_is_a_file() {
    let browser = Browser::opened().await;
    let large = "<b>".repeat(10_000);
    let run = browser.host.start("echo", json!(large)).await;
    browser.host.end(&run).await;
    let text = browser.see(&format!("/runs/{run}")).await;
    assert!(text.len() < 50_000, "{} bytes", text.len());
    for (what, name) in [("input", "input"), ("output", "output")] {
        let path = format!("/runs/{run}/{what}");
        assert!(text.contains(&format!("href=\"{path}\"")), "{text}");
        let file = browser.get(&path).await;
        let kept = file.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert_eq!(kept, format!("attachment; filename=\"{run}-{name}.json\""));
        assert_eq!(file.json::<String>().await.unwrap(), large);
    }
    let none = browser.host.start("nap", json!(3_600_000)).await;
    let refused = browser.get(&format!("/runs/{none}/output")).await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_run_that_waits_says_for_what_and_since_when() {
    let browser = Browser::opened().await;
    let (run, url) = browser.host.hook("hook", 1).await;
    let text = browser.see(&format!("/runs/{run}")).await;
    assert!(text.contains("Why it waits") && text.contains(&url), "{text}");
    let list = browser.see("/runs?status=running").await;
    assert!(list.contains(&run) && list.contains("webhook since"), "{list}");
    let overview = browser.see("/").await;
    assert!(overview.contains("Nothing does."), "{overview}");
    assert!(overview.contains("href=\"/runs?workflow=hook&#38;status=running\""), "{overview}");
}

#[tokio::test]
async fn a_blocked_run_is_what_needs_somebody() {
    let browser = Browser::opened().await;
    let run = browser.host.start("sleeps_and_panics", json!(null)).await;
    let told = browser.host.request(Method::POST, &format!("/v1/runs/{run}/signals/panic"));
    assert!(told.send().await.unwrap().status().is_success());
    browser.host.end(&run).await;
    let overview = browser.see("/").await;
    assert!(!overview.contains("Nothing does."), "{overview}");
    assert!(overview.contains(&run) && overview.contains("class=\"trouble\""), "{overview}");
    let text = browser.see(&format!("/runs/{run}")).await;
    assert!(text.contains("blocked (trap)") && text.contains("panicked"), "{text}");
}

#[tokio::test]
async fn a_list_is_what_its_form_says_and_its_link_says_the_same() {
    let browser = Browser::opened().await;
    let mut runs = Vec::new();
    for number in 0..3 {
        let body = json!({ "input": number, "attributes": { "customer": "a b&c" } });
        let request = browser.host.request(Method::POST, "/v1/workflows/echo/runs");
        let started: serde_json::Value =
            request.json(&body).send().await.unwrap().json().await.unwrap();
        let run = started["run_id"].as_str().unwrap().to_owned();
        browser.host.end(&run).await;
        runs.push(run);
    }
    let other = browser.host.start("echo", json!(1)).await;
    browser.host.end(&other).await;
    let asked = "workflow=echo&status=completed&status=failed&attr=customer%3Da+b%26c&attr=\
                 &started_after=&started_before=&limit=2";
    let first = browser.see(&format!("/runs?{asked}")).await;
    assert!(first.contains("3 runs, newest first."), "{first}");
    assert!(first.contains(&runs[2]) && first.contains(&runs[1]), "{first}");
    assert!(!first.contains(&runs[0]) && !first.contains(&other), "{first}");
    assert!(first.contains("value=\"completed\" checked"), "{first}");
    assert!(first.contains("value=\"customer=a b&#38;c\""), "{first}");
    let next = first.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let second = browser.see(&next.replace("&#38;", "&")).await;
    assert!(second.contains(&runs[0]) && !second.contains(&runs[1]), "{second}");
    assert!(!second.contains(&other) && second.contains(">Newest</a>"), "{second}");

    for odd in ["status=odd", "started_after=yesterday", "attr=nothing", "cursor=x"] {
        let refused = browser.get(&format!("/runs?{odd}")).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{odd}");
    }
}

#[tokio::test]
async fn of_a_long_history_a_part_is_shown_and_the_ways_to_the_others() {
    let browser = Browser::opened().await;
    let run = browser.host.start("add_steps", json!(250)).await;
    browser.host.end(&run).await;
    let last = browser.see(&format!("/runs/{run}")).await;
    assert!(last.contains("the run completed with") && !last.contains("the run began"), "{last}");
    assert!(last.contains(&format!("href=\"/runs/{run}?turn=0#history\"")), "{last}");
    let first = browser.see(&format!("/runs/{run}?turn=0")).await;
    assert!(first.contains("the run began") && !first.contains("the run completed"), "{first}");
    assert!(first.contains(&format!("href=\"/runs/{run}?turn=100#history\"")), "{first}");
}

#[tokio::test]
async fn too_much_is_sent_to_a_login_in_vain() {
    let browser = Browser::new(|_options| {}).await;
    let refused = browser.post("/login", &[("token", &"x".repeat(100_000))]).await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let odd = browser.request(Method::POST, "/login").header(ORIGIN, browser.origin());
    let odd = odd.header(CONTENT_TYPE, "application/json").body("{}").send().await.unwrap();
    assert_eq!(odd.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_host_can_have_no_page() {
    let browser = Browser::new(|options| options.page = false).await;
    assert_eq!(browser.host.server.page_link(), None);
    for path in ["/", "/runs", "/login", "/assets/page.css"] {
        let refused = browser.get(path).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

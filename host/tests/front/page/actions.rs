//! What can be done to a run from the page.

use reqwest::{Response, StatusCode};
use serde_json::json;

use crate::page::browser::{Browser, leads_to};

/// What stands in a field of a form.
fn field(form: &str, name: &str) -> String {
    let value = form.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
    value.split('"').next().unwrap().to_owned()
}

/// What a form sends that asks for something to be done.
fn filled(form: &str) -> [(&'static str, String); 2] {
    ["key", "turns"].map(|name| (name, field(form, name)))
}

impl Browser {
    /// Reads what will be done to a run, and does it; gives where that leads.
    async fn does(&self, run: &str, action: &str) -> String {
        let view = self.see(&format!("/runs/{run}")).await;
        let path = format!("/runs/{run}/{action}");
        assert!(view.contains(&format!("href=\"{path}\"")), "{action} is not offered: {view}");
        let form = self.see(&path).await;
        leads_to(&self.press(&path, &form).await).to_owned()
    }

    /// Presses the button of a form.
    async fn press(&self, path: &str, form: &str) -> Response {
        let filled = filled(form);
        let sent = filled.each_ref().map(|(name, value)| (*name, &**value));
        self.post(path, &sent).await
    }

    async fn status(&self, run: &str) -> String {
        let view = self.host.get(&format!("/v1/runs/{run}")).await;
        view["status"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_run_is_paused_resumed_woken_and_deleted() {
    let browser = Browser::opened().await;
    let run = browser.host.start("nap", json!(3_600_000)).await;
    let here = format!("/runs/{run}");
    assert_eq!(browser.does(&run, "pause").await, here);
    assert_eq!(browser.status(&run).await, "paused");
    assert_eq!(browser.does(&run, "resume").await, here);
    assert_eq!(browser.does(&run, "wake").await, here);
    assert_eq!(browser.host.end(&run).await["status"], "completed");
    let history = browser.see(&here).await;
    assert!(history.contains("the run was paused by token"), "who did it stands there: {history}");
    assert_eq!(browser.does(&run, "delete").await, "/runs");
    assert_eq!(browser.get(&here).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_run_is_cancelled_or_killed_and_it_is_said_that_this_is_final() {
    let browser = Browser::opened().await;
    for action in ["cancel", "kill"] {
        let run = browser.host.start("nap", json!(3_600_000)).await;
        let form = browser.see(&format!("/runs/{run}/{action}")).await;
        assert!(form.contains("This cannot be taken back."), "{form}");
        browser.does(&run, action).await;
        assert_eq!(browser.host.end(&run).await["status"], "cancelled");
        let view = browser.see(&format!("/runs/{run}")).await;
        assert!(!view.contains(&format!("/runs/{run}/{action}")), "it is over: {view}");
        let sent = [("key", "x"), ("turns", "1")];
        let again = browser.post(&format!("/runs/{run}/pause"), &sent).await;
        assert_eq!(again.status(), StatusCode::CONFLICT);
        assert!(again.text().await.unwrap().contains("the run has already ended"));
        let late = browser.get(&format!("/runs/{run}/pause")).await;
        assert_eq!(late.status(), StatusCode::CONFLICT, "it is not offered any more");
    }
}

#[tokio::test]
async fn a_failed_run_is_tried_again_and_what_makes_a_new_one_makes_it_once() {
    let browser = Browser::opened().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("there");
    let run = browser.host.start("needs_file", json!(file)).await;
    assert_eq!(browser.host.end(&run).await["status"], "failed");
    std::fs::write(&file, "").unwrap();
    for action in ["fork", "run-again"] {
        let path = format!("/runs/{run}/{action}");
        let form = browser.see(&path).await;
        let first = leads_to(&browser.press(&path, &form).await).to_owned();
        assert_eq!(leads_to(&browser.press(&path, &form).await), first, "sent twice");
        let new = first.strip_prefix("/runs/").unwrap();
        assert_ne!(new, run);
        assert_eq!(browser.host.end(new).await["status"], "completed");
    }
    browser.does(&run, "retry").await;
    assert_eq!(browser.host.end(&run).await["status"], "completed");
}

#[tokio::test]
async fn who_may_only_look_is_offered_nothing_and_can_do_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = directory.path().join("tokens");
    std::fs::write(&tokens, "look read s3cret\nops all other\n").unwrap();
    let mut browser = Browser::new(|options| options.token_file = Some(tokens)).await;
    let response = browser.post("/login", &[("token", "s3cret")]).await;
    browser.keep_login(&response);
    let run = browser.host.start("nap", json!(3_600_000)).await;
    let view = browser.see(&format!("/runs/{run}")).await;
    assert!(!view.contains(&format!("/runs/{run}/cancel")), "{view}");
    let refused =
        browser.post(&format!("/runs/{run}/cancel"), &[("key", "x"), ("turns", "1")]).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let form = browser.get(&format!("/runs/{run}/cancel")).await;
    assert_eq!(form.status(), StatusCode::FORBIDDEN);
    assert_eq!(browser.status(&run).await, "running");
    let unknown = browser.get(&format!("/runs/{run}/dance")).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_or_late_does_what_it_said_and_no_more() {
    let browser = Browser::opened().await;
    let act = json!({ "each": [{ "sleep": 3_600_000 }, { "sleep": 3_600_000 }] });
    let program = json!({ "webhooks": [], "act": act, "strict": false });
    let run = browser.host.start("program", program).await;
    let waits = async |since: u64| loop {
        let view = browser.host.get(&format!("/v1/runs/{run}")).await;
        let sleeps = view["waits_for"].as_array().unwrap().iter().any(|it| it["type"] == "sleep");
        if sleeps && view["turns"].as_u64().unwrap() >= since {
            return view["turns"].as_u64().unwrap();
        }
        tokio::task::yield_now().await;
    };
    let turns = waits(0).await;
    let path = format!("/runs/{run}/wake");
    let form = browser.see(&path).await;
    assert_eq!(leads_to(&browser.press(&path, &form).await), format!("/runs/{run}"));
    waits(turns + 1).await;
    let twice = browser.press(&path, &form).await;
    assert_eq!(leads_to(&twice), format!("/runs/{run}"), "it was done before");
    let late = browser.post(&path, &[("key", "another"), ("turns", &turns.to_string())]).await;
    assert_eq!(late.status(), StatusCode::CONFLICT);
    assert!(late.text().await.unwrap().contains("look at it again"));
}

#[tokio::test]
async fn a_key_that_is_none_of_the_page_is_refused() {
    let browser = Browser::opened().await;
    let run = browser.host.start("nap", json!(3_600_000)).await;
    let key = "k".repeat(65);
    let sent = [("key", &*key), ("turns", "1")];
    let refused = browser.post(&format!("/runs/{run}/pause"), &sent).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(browser.status(&run).await, "running");
}

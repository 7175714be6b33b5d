//! What a real browser says of the page. It needs Chromium, Node, and what `npm ci` brings to `host/tests/page`:
//! `.ci/run page` has all of that.

use std::path::Path;

use serde_json::json;
use tokio::process::Command;

use crate::page::HOSTILE;
use crate::page::browser::Browser;

#[tokio::test]
#[ignore = "it needs a browser: `just page` installs what is missing"]
async fn each_view_can_be_used_by_all_and_breaks_no_rule_of_its_policy() {
    let browser = Browser::new(|_options| {}).await;
    let hostile = browser.host.start("echo", json!(HOSTILE)).await;
    let large = browser.host.start("echo", json!("<b>\u{202e}".repeat(500_000))).await;
    let failed = browser.host.start("fails", json!(HOSTILE)).await;
    let long = browser.host.start("add_steps", json!(250)).await;
    for run in [&hostile, &large, &failed, &long] {
        browser.host.end(run).await;
    }
    let (waits, _url) = browser.host.hook("hook", 1).await;
    let blocked = browser.host.start("sleeps_and_panics", json!(null)).await;
    let told =
        browser.host.request(reqwest::Method::POST, &format!("/v1/runs/{blocked}/signals/panic"));
    assert!(told.send().await.unwrap().status().is_success());
    browser.host.end(&blocked).await;

    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page");
    let runs = [hostile, large, failed, long, waits, blocked].join(" ");
    let mut command = Command::new("node");
    command.arg("check.mjs").current_dir(check).env("URL", browser.origin());
    command.env("TOKEN", browser.token()).env("RUNS", runs);
    let output = command.output().await.expect("node is there");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

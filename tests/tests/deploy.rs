//! Deploying while the host works: new runs run the new code, old ones end on the old.

use bytes::Bytes;
use segno_host::engine::{EngineError, MissingSteps, RunStatus};
use segno_tests::{Host, basics, blocked, output, post};
use serde_json::json;

/// The same component with another digit in one text: other code, with another digest.
fn edition(number: u8) -> Bytes {
    let mut wasm = basics().to_vec();
    let text = b"this is edition 1";
    let at = wasm
        .windows(text.len())
        .position(|window| window == text)
        .expect("the text is in the component");
    wasm[at + text.len() - 1] = b'0' + number;
    wasm.into()
}

#[tokio::test]
async fn a_hundred_runs_in_flight_end_on_the_code_that_they_were_started_with() {
    let host = Host::new().await;
    let mut old = Vec::new();
    for _ in 0..100 {
        old.push(host.start("edition", json!(null)).await);
    }
    let deploy = async {
        let deployed = host.engine.deploy(edition(2)).await.expect("the module is good");
        assert!(!deployed.unchanged);
    };
    // While the module is deployed, runs are started and none is refused.
    let starts = async {
        let mut meanwhile = Vec::new();
        for n in 0..200 {
            meanwhile.push((n, host.start("echo", json!(n)).await));
        }
        meanwhile
    };
    let ((), meanwhile) = tokio::join!(deploy, starts);
    for (n, run) in meanwhile {
        assert_eq!(output(&host.end(run).await), json!(n));
    }
    let new = host.start("edition", json!(null)).await;
    assert_eq!(host.engine.modules().await.expect("modules are known").len(), 2);
    for (run, says) in
        old.iter().map(|run| (*run, "this is edition 1")).chain([(new, "this is edition 2")])
    {
        let token = host.token(run).await;
        host.engine.call_webhook(&token, post("go")).await.expect("it is stored");
        assert_eq!(output(&host.end(run).await), json!(says));
    }
    let modules = host.engine.modules().await.expect("modules are known");
    assert_eq!(modules.len(), 1, "the old module is needed no more");
}

#[tokio::test]
async fn a_run_comes_back_on_its_own_module_after_a_restart() {
    let host = Host::new().await;
    let run = host.start("edition", json!(null)).await;
    let token = host.token(run).await;
    host.engine.deploy(edition(2)).await.expect("the module is good");
    let host = host.restart(|_config| {}).await;
    host.engine.call_webhook(&token, post("go")).await.expect("it is stored");
    assert_eq!(output(&host.end(run).await), json!("this is edition 1"));
}

#[tokio::test]
async fn the_same_module_again_changes_nothing() {
    let host = Host::new().await;
    assert!(host.engine.deploy(basics()).await.expect("the module is good").unchanged);
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_and_changes_nothing() {
    let host = Host::new().await;
    let truncated = basics().slice(..basics().len() / 2);
    let core = wat::parse_str("(module)").expect("it is a module");
    let empty = wat::parse_str("(component)").expect("it is a component");
    let other = r#"(component (instance $i) (export "segno:workflow/guest@0.1.0" (instance $i)))"#;
    let other = wat::parse_str(other).expect("it is a component");
    let stranger = wat::parse_str(r#"(component (import "acme:db/sql@1.0.0" (instance)))"#)
        .expect("it is one");
    let cases: [(Bytes, &str); 7] = [
        (Bytes::new(), "this is not WebAssembly"),
        (Bytes::from_static(b"<html>"), "this is not WebAssembly"),
        (truncated, "this component is damaged or cut short"),
        (core.into(), "this is a core WebAssembly module, not a component"),
        (empty.into(), "does not export `segno:workflow/guest@0.2.0`"),
        (
            other.into(),
            "another version of the segno interface: it exports `segno:workflow/guest@0.1.0`",
        ),
        (stranger.into(), "imports `acme:db/sql@1.0.0`, which this host does not offer"),
    ];
    for (wasm, expected) in cases {
        let error = host.engine.deploy(wasm).await.expect_err(expected);
        assert!(matches!(error, EngineError::Module(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(output(&host.run("echo", json!(1)).await), json!(1));
}

#[tokio::test]
async fn a_module_whose_steps_the_host_has_not_is_refused_or_deployed_with_a_warning() {
    let host = Host::without_steps().await;
    let refused = host.engine.deploy(edition(3)).await.expect_err("the host lacks steps");
    assert!(
        matches!(&refused, EngineError::DeployLacksSteps { missing } if missing.contains(&"add".to_owned()))
    );
    let deployed =
        host.engine.deploy_with(edition(3), MissingSteps::Allowed).await.expect("it is allowed");
    assert!(
        deployed.warnings.iter().any(|warning| warning.contains("this host has no step `add`"))
    );
}

#[tokio::test]
async fn a_blocked_run_goes_on_on_a_module_that_agrees_and_only_on_such_a_one() {
    let host = Host::with(|config| config.limits.open_operations = 10).await;
    let run = host.start("fan_out", json!(20)).await;
    let first = host.end(run).await;
    assert_eq!(first.status, RunStatus::Blocked);
    let other = host.engine.deploy(segno_tests::rogue()).await.expect("the module is good").digest;
    let view = host.engine.resume(run, Some(other.clone())).await.expect("it is blocked");
    assert!(blocked(&host.end(view.run_id).await).contains("fan_out"), "{view:?}");
    let known = [&first.module, &other];
    let mut beginnings = (0..=u8::MAX).map(|byte| format!("sha256:{byte:02x}"));
    let beginning = beginnings.find(|beginning| !known.iter().any(|of| of.starts_with(beginning)));
    let beginning = beginning.expect("two modules have two beginnings");
    for unknown in [beginning, format!("sha256:{}", "0".repeat(64))] {
        let expected = format!("there is no module {}", &unknown[.."sha256:00".len()]);
        let error =
            host.engine.resume(run, Some(unknown)).await.expect_err("there is no such module");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    let agrees = host.engine.deploy(edition(2)).await.expect("the module is good").digest;
    let host = host.restart(|_config| {}).await;
    // A restart does not try a panic again.
    assert_eq!(host.end(run).await.status, RunStatus::Blocked);
    host.engine.resume(run, Some(agrees)).await.expect("it is blocked");
    assert_eq!(output(&host.end(run).await), json!(210));
}

#[tokio::test]
async fn a_module_that_no_longer_does_what_it_did_blocks_the_run_with_both_sides() {
    let host = Host::new().await;
    let run = host.start("edition", json!(null)).await;
    let token = host.token(run).await;
    host.engine.call_webhook(&token, post("panic")).await.expect("it is stored");
    assert!(blocked(&host.end(run).await).contains("told to panic"));
    let other = host.engine.deploy(edition(2)).await.expect("the module is good").digest;
    host.engine.resume(run, Some(other)).await.expect("it is blocked");
    let view = host.end(run).await;
    let record = r#"{"text":"this is edition 1"}"#;
    let code = r#"{"text":"this is edition 2"}"#;
    assert!(
        blocked(&view).contains(&format!("the record says step `note` with input {record}")),
        "{view:?}"
    );
    assert!(
        blocked(&view).contains(&format!("the code says step `note` with input {code}")),
        "{view:?}"
    );
    assert_eq!(view.blocked.expect("it is blocked").kind, segno_journal::BlockKind::Divergence);
}

//! `hooks`, `hook` and `resume-hook`: which hooks there are, whose they are, and calling one.

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use segno_api::{HookPage, HookView, Json};

use crate::cli::args::{HookArgs, HooksArgs, ResumeHookArgs};
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::{text, value};

pub(super) async fn list(args: HooksArgs, output: Output) -> anyhow::Result<Exit> {
    let HooksArgs { limit, cursor, host } = args;
    let limit = limit.to_string();
    let mut query = vec![("limit", &*limit)];
    query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
    let answer = Client::new(host)?.get(&["v1", "hooks"], &query).await?;
    let page: HookPage = answer.read()?;
    output.show(&answer.json, || table(&page, Timestamp::now()))?;
    if let (Some(next), false) = (&page.next, output.is_json()) {
        output::note(&format!(
            "there may be more: --cursor '{}'",
            text::printable(next, usize::MAX)
        ));
    }
    Ok(Exit::Done)
}

pub(super) async fn show(args: HookArgs, output: Output) -> anyhow::Result<Exit> {
    let answer = Client::new(args.host)?.get(&["v1", "hooks", &args.hook], &[]).await?;
    let hook: HookView = answer.read()?;
    let page = HookPage { hooks: vec![hook], next: None };
    output.show(&answer.json, || table(&page, Timestamp::now()))?;
    Ok(Exit::Done)
}

pub(super) async fn resume(args: ResumeHookArgs, output: Output) -> anyhow::Result<Exit> {
    let payload = value::written_or_piped(args.payload.as_deref(), "what is sent").await?;
    let json = payload.get().to_owned();
    let path = ["v1", "hooks", &args.hook];
    let answer = Client::new(args.host)?.post(&path, json, HeaderMap::new()).await?;
    let hook: HookView = answer.read()?;
    output.show(&answer.json, || format!("stored: {} takes it", hook.run_id))?;
    Ok(Exit::Done)
}

fn table(page: &HookPage, now: Timestamp) -> String {
    if page.hooks.is_empty() {
        return "no hooks".to_owned();
    }
    let rows = page.hooks.iter().map(|hook| {
        let metadata = hook.metadata.as_ref().map_or("", Json::as_str);
        [
            text::printable(&hook.token, usize::MAX),
            hook.run_id.to_string(),
            text::moment(hook.since, now),
            text::printable(metadata, usize::MAX),
        ]
    });
    text::columns(["TOKEN", "RUN", "OPENED", "METADATA"], rows)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use segno_journal::RunId;

    use super::*;

    #[test]
    fn hooks_are_a_table_that_does_nothing_to_a_terminal() {
        let hook = |token: &str, metadata: Option<&str>| HookView {
            token: token.into(),
            run_id: RunId::from_parts(segno_journal::Timestamp(0), 1),
            op: 0,
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
            metadata: metadata.map(|json| Json::of(json.into())),
        };
        let hooks = vec![hook("approval-42", Some(r#"{"order":42}"#)), hook("\u{202e}x", None)];
        let page = HookPage { hooks, next: None };
        expect![[r#"
            TOKEN        RUN                             OPENED                            METADATA
            approval-42  run_00000000000000000000000001  2026-01-01T00:00:00Z (1m 0s ago)  {"order":42}
            \u{202e}x    run_00000000000000000000000001  2026-01-01T00:00:00Z (1m 0s ago)"#]]
        .assert_eq(&table(&page, "2026-01-01T00:01:00Z".parse().unwrap()));
    }
}

//! `start`: a run begins.

use segno_api::Started;
use std::path::Path;

use anyhow::Context;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::value::RawValue;

use crate::cli::args::StartArgs;
use crate::cli::client::Client;
use crate::cli::exit::{Exit, UsageError};
use crate::cli::output::{self, Output};
use crate::cli::wait;

pub(super) async fn run(args: StartArgs, output: Output) -> anyhow::Result<Exit> {
    let input = input(args.input, args.input_file.as_deref()).await?;
    let client = Client::new(args.host)?;
    let path = ["v1", "workflows", &args.workflow, "runs"];
    let answer = client.post(&path, format!("{{\"input\":{input}}}"), headers(args.key)?).await?;
    let started: Started = answer.read()?;
    let run = started.run_id.to_string();
    if !answer.is_created() {
        output::note("the key is known: this is the run that it started");
    }
    match args.wait.bound() {
        None => {
            output.show(&answer.json, || run)?;
            Ok(Exit::Done)
        }
        Some(bound) => {
            // A script reads the ID from the answer; who watches wants it before.
            if !output.is_json() {
                output::line(&run)?;
            }
            let waited = wait::wait(&client, &run, bound).await?;
            output.show(&waited.answer.json, || wait::outcome(&waited.view))?;
            Ok(waited.exit())
        }
    }
}

fn headers(key: Option<String>) -> Result<HeaderMap, UsageError> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let value = HeaderValue::from_bytes(key.as_bytes()).map_err(|_| {
            UsageError("--key must be a text without control characters".to_owned())
        })?;
        headers.insert("idempotency-key", value);
    }
    Ok(headers)
}

/// The input, checked before anybody is asked: a mistake in it is the user's own.
async fn input(text: Option<String>, file: Option<&Path>) -> anyhow::Result<Box<RawValue>> {
    let (text, from) = match (text, file) {
        (Some(text), _) => (text, "--input".to_owned()),
        (None, None) => return Ok(RawValue::NULL.to_owned()),
        (None, Some(path)) if path == Path::new("-") => {
            let read =
                tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin())).await?;
            (read.context("cannot read standard input")?, "standard input".to_owned())
        }
        (None, Some(path)) => {
            let shown = path.display();
            let text = tokio::fs::read_to_string(path)
                .await
                .with_context(|| format!("cannot read {shown}"))?;
            (text, shown.to_string())
        }
    };
    serde_json::from_str(&text)
        .map_err(|error| UsageError(format!("{from} is not JSON: {error}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_input_is_handed_on_as_it_was_written() {
        let input =
            input(Some(r#" {"b": 1.50, "a": 12345678901234567890} "#.into()), None).await.unwrap();
        assert_eq!(input.get(), r#"{"b": 1.50, "a": 12345678901234567890}"#);
    }

    #[tokio::test]
    async fn an_input_that_is_not_json_is_the_users_mistake() {
        let error = input(Some("{".into()), None).await.unwrap_err();
        assert!(error.is::<UsageError>());
        assert_eq!(
            error.to_string(),
            "--input is not JSON: EOF while parsing an object at line 1 column 1"
        );
    }

    #[tokio::test]
    async fn a_workflow_that_takes_nothing_is_given_null() {
        assert_eq!(input(None, None).await.unwrap().get(), "null");
    }
}

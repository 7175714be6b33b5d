//! `start`: a run begins.

use segno_api::{IfRunning, Started};

use crate::cli::args::StartArgs;
use crate::cli::client::{Client, idempotency};
use crate::cli::exit::{Exit, UsageError};
use crate::cli::output::{self, Output};
use crate::cli::{value, wait};

pub(super) async fn run(args: StartArgs, output: Output) -> anyhow::Result<Exit> {
    let input = match args.input_file.as_deref() {
        Some(path) => value::in_file(path).await?,
        None => value::written(args.input.as_deref(), "--input")?,
    };
    let client = Client::new(args.host)?;
    let path = ["v1", "workflows", &args.workflow, "runs"];
    let key = args.signal_key.as_deref();
    let keyed = args.signal.iter().enumerate();
    let signals = keyed.map(|(number, signal)| written_signal(signal, (key, number)));
    let signals = signals.collect::<anyhow::Result<Vec<_>>>()?.join(",");
    let on_end = serde_json::to_string(&args.on_end)?;
    let start_at = serde_json::to_string(&args.at)?;
    let [after, timeout] = [args.after, args.timeout].map(|time| {
        time.map_or_else(|| "null".to_owned(), |time| format!("\"{}ms\"", time.as_millis()))
    });
    let attributes = args.attributes.iter().map(|attribute| written_attribute(attribute));
    let attributes = attributes.collect::<anyhow::Result<Vec<_>>>()?.join(",");
    let if_running = args.if_running.map(IfRunning::from);
    let says_what_then = if_running.is_some();
    let if_running = serde_json::to_string(&if_running)?;
    let body = format!(
        "{{\"input\":{input},\"signals\":[{signals}],\"on_end\":{on_end},\"start_at\":{start_at},\
         \"start_after\":{after},\"timeout\":{timeout},\"attributes\":{{{attributes}}},\
         \"if_running\":{if_running}}}"
    );
    let answer = client.post(&path, body, idempotency(args.key)?).await?;
    let started: Started = answer.read()?;
    let run = started.run_id.to_string();
    if !answer.is_created() {
        output::note(match says_what_then {
            true => "a run of this key goes on: it is this one",
            false => "the key is known: this is the run that it started",
        });
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

/// An attribute as the API takes it: a text stands behind the first `=`, or JSON behind a `:=`.
fn written_attribute(text: &str) -> anyhow::Result<String> {
    let no_value = || UsageError(format!("--attr {text}: write NAME=TEXT or NAME:=JSON"));
    let (name, value) = text.split_once('=').ok_or_else(no_value)?;
    let (name, value) = match name.strip_suffix(':') {
        Some(name) => (name, value::written(Some(value), "--attr")?.get().to_owned()),
        None => (name, serde_json::to_string(value)?),
    };
    Ok(format!("{}:{value}", serde_json::to_string(name)?))
}

/// A signal as the API takes it: the name stands before the first `=`, and JSON behind it.
fn written_signal(text: &str, (key, number): (Option<&str>, usize)) -> anyhow::Result<String> {
    let (name, payload) = match text.split_once('=') {
        Some((name, payload)) => (name, Some(payload)),
        None => (text, None),
    };
    let payload = value::written(payload, "--signal")?;
    let key = match (key, number) {
        (Some(key), 0) => serde_json::to_string(key)?,
        (Some(key), number) => serde_json::to_string(&format!("{key}.{number}"))?,
        (None, _) => "null".to_owned(),
    };
    let name = serde_json::to_string(name)?;
    Ok(format!("{{\"name\":{name},\"payload\":{payload},\"key\":{key}}}"))
}

//! `fork`: a new run that has the turns of another one up to some turn.

use std::collections::BTreeMap;

use segno_api::Started;
use serde_json::json;
use serde_json::value::RawValue;

use crate::cli::args::ForkArgs;
use crate::cli::client::{Client, idempotency};
use crate::cli::exit::{Exit, UsageError};
use crate::cli::output::Output;

/// Forks a run, and prints the ID of the new one.
pub(super) async fn fork(args: ForkArgs, output: Output) -> anyhow::Result<Exit> {
    let ForkArgs { id, turn, module, inputs: given, key, host } = args;
    let mut inputs = BTreeMap::new();
    for (op, input) in given {
        if inputs.insert(op, RawValue::from_string(input)?).is_some() {
            let twice =
                format!("--input says twice what operation #{op} is given; nothing was done");
            return Err(UsageError(twice).into());
        }
    }
    let body = json!({ "turn": turn, "module": module, "inputs": inputs }).to_string();
    let client = Client::new(host)?;
    let path = ["v1", "runs", &id.to_string(), "fork"];
    let answer = client.post(&path, body, idempotency(key)?).await?;
    let started: Started = answer.read()?;
    output.show(&answer.json, || started.run_id.to_string())?;
    Ok(Exit::Done)
}

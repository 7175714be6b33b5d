//! `start`: a run begins.

use segno_api::Started;

use crate::cli::args::StartArgs;
use crate::cli::client::{Client, idempotency};
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::{value, wait};

pub(super) async fn run(args: StartArgs, output: Output) -> anyhow::Result<Exit> {
    let input = match args.input_file.as_deref() {
        Some(path) => value::in_file(path).await?,
        None => value::written(args.input.as_deref(), "--input")?,
    };
    let client = Client::new(args.host)?;
    let path = ["v1", "workflows", &args.workflow, "runs"];
    let answer =
        client.post(&path, format!("{{\"input\":{input}}}"), idempotency(args.key)?).await?;
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

//! `batch`: several starts and signals, all of them or none.

use segno_api::Batched;

use crate::cli::args::BatchArgs;
use crate::cli::client::{Client, idempotency};
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::value;

pub(super) async fn run(args: BatchArgs, output: Output) -> anyhow::Result<Exit> {
    let batch = value::in_file(&args.file).await?;
    let client = Client::new(args.host)?;
    let body = <Box<str>>::from(batch).into_string();
    let answer = client.post(&["v1", "batch"], body, idempotency(args.key)?).await?;
    let batched: Batched = answer.read()?;
    if !answer.is_created() {
        output::note("the key is known: this is what came of the batch");
    }
    let runs = || {
        let runs = batched.starts.iter().map(|start| start.run_id.to_string());
        runs.collect::<Vec<_>>().join("\n")
    };
    if output.is_json() || !batched.starts.is_empty() {
        output.show(&answer.json, runs)?;
    } else {
        output::note("stored");
    }
    Ok(Exit::Done)
}

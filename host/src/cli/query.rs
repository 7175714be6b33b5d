//! `query`: a run is asked something.

use crate::cli::args::QueryArgs;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::value;

pub(super) async fn run(args: QueryArgs, output: Output) -> anyhow::Result<Exit> {
    let QueryArgs { id, name, input, at, host } = args;
    let input = value::written_or_piped(input.as_deref(), "what is asked").await?;
    let at = at.map(|at| at.to_string());
    let mut query = vec![("input", input.get())];
    query.extend(at.as_deref().map(|at| ("at", at)));
    let path = ["v1", "runs", &id.to_string(), "queries", &name];
    let answer = Client::new(host)?.get(&path, &query).await?;
    output.show(&answer.json, || answer.json.clone())?;
    Ok(Exit::Done)
}

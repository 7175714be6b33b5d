//! `query`: a run is asked something.

use std::time::Duration;

use anyhow::ensure;

use crate::cli::args::QueryArgs;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::value;
use crate::doors::MAX_QUERY_INPUT;

/// How long a copy of the run may take to answer, and to have its place.
const ANSWERED_IN: Duration = Duration::from_secs(60);

pub(super) async fn run(args: QueryArgs, output: Output) -> anyhow::Result<Exit> {
    let QueryArgs { id, name, input, at, host } = args;
    let input = value::written_or_piped(input.as_deref(), "what is asked").await?;
    ensure!(
        input.get().len() <= MAX_QUERY_INPUT,
        "what is asked has {} bytes, but at most {MAX_QUERY_INPUT} are allowed",
        input.get().len()
    );
    let at = at.map(|at| at.to_string());
    let mut query = vec![("input", input.get())];
    query.extend(at.as_deref().map(|at| ("at", at)));
    let path = ["v1", "runs", &id.to_string(), "queries", &name];
    let answer = Client::new(host)?.get_waiting(&path, &query, ANSWERED_IN).await?;
    output.show(&answer.json, || answer.json.clone())?;
    Ok(Exit::Done)
}

//! `workflow`: what a workflow takes and returns.

use segno_api::{Json, WorkflowView};
use serde_json::Value;

use crate::cli::args::WorkflowArgs;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::text;

pub(super) async fn run(args: WorkflowArgs, output: Output) -> anyhow::Result<Exit> {
    let answer = Client::new(args.host)?.get(&["v1", "workflows", &args.name], &[]).await?;
    let workflow: WorkflowView = answer.read()?;
    output.show(&answer.json, || block(&workflow))?;
    Ok(Exit::Done)
}

fn block(workflow: &WorkflowView) -> String {
    let history = workflow.keep.map_or_else(|| "all".to_owned(), |turns| format!("keep {turns}"));
    format!(
        "{}\n  module   {}\n  history  {history}\n  input    {}\n  output   {}",
        workflow.name,
        text::digest(&workflow.module),
        schema(workflow.input.as_ref()),
        schema(workflow.output.as_ref()),
    )
}

/// A schema over several lines, indented as far as its label.
fn schema(schema: Option<&Json>) -> String {
    let Some(schema) = schema else { return "its module has no schema".to_owned() };
    let value: Value = serde_json::from_str(schema.as_str()).unwrap_or_default();
    text::printable_lines(&format!("{value:#}")).replace('\n', "\n           ")
}

//! `modules`: what is deployed on a host.

use jiff::Timestamp;
use segno_api::{ModuleList, ModuleView};

use crate::cli::args::ModulesArgs;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::{size, text};

pub(super) async fn run(args: ModulesArgs, output: Output) -> anyhow::Result<Exit> {
    let answer = Client::new(args.host)?.get(&["v1", "modules"], &[]).await?;
    let list: ModuleList = answer.read()?;
    let now = Timestamp::now();
    output.show(&answer.json, || {
        if list.modules.is_empty() {
            return "no modules; deploy one with `deploy FILE`".to_owned();
        }
        let blocks: Vec<_> = list.modules.iter().map(|module| block(module, now)).collect();
        blocks.join("\n\n")
    })?;
    Ok(Exit::Done)
}

fn block(module: &ModuleView, now: Timestamp) -> String {
    let workflow = |name: &String| match module.current_for.contains(name) {
        true => format!("{name} (current)"),
        false => name.clone(),
    };
    let workflows: Vec<_> = module.workflows.iter().map(workflow).collect();
    format!(
        "{}\n  workflows  {}\n  steps      {}\n  runs       {}\n  size       {}\n  built by   {}\n  deployed   {}",
        text::digest(&module.digest),
        listed(&workflows),
        text::printable(&listed(&module.steps), usize::MAX),
        module.runs,
        size::show(module.size),
        text::printable(&module.sdk, text::SHOWN),
        text::moment(module.deployed_at, now),
    )
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

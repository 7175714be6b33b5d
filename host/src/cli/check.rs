//! `check`: what is wrong with the store of a stopped host.

use serde_json::json;

use crate::cli::args::CheckArgs;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::text;
use crate::engine::offline::{self, Checked};

pub(super) async fn run(args: CheckArgs, output: Output) -> anyhow::Result<Exit> {
    let checked = tokio::task::spawn_blocking(move || {
        // As it is found: a large store takes its time.
        offline::check(&args.data, &mut |finding| output::note(&text::printable_lines(&finding)))
    });
    let checked = checked.await??;
    let Checked { runs, turns, payloads, modules, findings } = checked;
    let json = json!({ "runs": runs, "turns": turns, "payloads": payloads, "modules": modules, "findings": findings });
    output.show(&json.to_string(), || sentence(checked))?;
    Ok(if findings == 0 { Exit::Done } else { Exit::Failed })
}

fn sentence(checked: Checked) -> String {
    let Checked { runs, turns, payloads, modules, findings } = checked;
    let verdict = match findings {
        0 => "the store is whole".to_owned(),
        findings => format!("findings: {findings}; restore the store from a backup"),
    };
    format!(
        "{verdict}\nread: runs {runs}, turns {turns}, large payloads {payloads}, modules {modules}"
    )
}

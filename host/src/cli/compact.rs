//! `compact`: the file of a stopped host becomes as small as it can be.

use serde_json::json;

use crate::cli::args::CompactArgs;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::size::Size;
use crate::engine::offline::{self, Compacted};

pub(super) async fn run(args: CompactArgs, output: Output) -> anyhow::Result<Exit> {
    output::note("moving what is left together; it may be stopped at any time, and be begun again");
    let compacted = tokio::task::spawn_blocking(move || offline::compact(&args.data)).await??;
    let Compacted { before, after } = compacted;
    let json = json!({ "before": before, "after": after });
    let size = |bytes: u64| Size(usize::try_from(bytes).unwrap_or(usize::MAX));
    output.show(&json.to_string(), || format!("{} before, {} after", size(before), size(after)))?;
    Ok(Exit::Done)
}

//! `compact`: the file of a stopped host becomes as small as it can be.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::cli::args::CompactArgs;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::size::Size;
use crate::engine::offline::{self, Compacted};

/// How often it is told how far it is.
const NEWS: Duration = Duration::from_secs(5);

pub(super) async fn run(args: CompactArgs, output: Output) -> anyhow::Result<Exit> {
    output::note("moving what is left together; it may be stopped at any time, and be begun again");
    let store = args.data.clone();
    let mut moving = tokio::task::spawn_blocking(move || offline::compact(&args.data));
    let compacted = loop {
        match tokio::time::timeout(NEWS, &mut moving).await {
            Ok(compacted) => break compacted??,
            Err(_so_long) => tell_size(&store),
        }
    };
    let Compacted { before, after } = compacted;
    let json = json!({ "before": before, "after": after });
    output.show(&json.to_string(), || format!("{} before, {} after", size(before), size(after)))?;
    Ok(Exit::Done)
}

/// Tells how large the file is by now: it becomes smaller step by step, as what is at its end is moved.
fn tell_size(store: &Path) {
    if let Ok(bytes) = offline::size(store) {
        output::note(&format!("the store is {} by now", size(bytes)));
    }
}

fn size(bytes: u64) -> Size {
    Size(usize::try_from(bytes).unwrap_or(usize::MAX))
}

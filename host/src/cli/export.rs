//! `export`: all that the store of a stopped host has of a run.

use crate::cli::args::ExportArgs;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::engine::offline;

pub(super) async fn run(args: ExportArgs) -> anyhow::Result<Exit> {
    let exported = tokio::task::spawn_blocking(move || {
        let mut printed = Ok(());
        offline::export(&args.data, args.run, &mut |line| {
            // Who closed the pipe has read enough.
            if printed.is_ok() {
                printed = output::line(&line);
            }
        })?;
        anyhow::Ok(printed?)
    });
    exported.await??;
    Ok(Exit::Done)
}

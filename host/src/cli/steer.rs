//! `cancel`, `pause`, `resume`, `retry`, `delete` and `move`: to runs that are named, one after the other, or to all that
//! a filter means, by a job of the host.

use reqwest::header::HeaderMap;
use segno_journal::RunId;
use serde_json::{Value, json};

use crate::cli::args::{
    CancelArgs, HostArgs, ManyArgs, MoveArgs, ResumeArgs, RetryArgs, SteerArgs,
};
use crate::cli::client::Answer;
use crate::cli::exit::{Exit, UsageError};
use crate::cli::output::Output;
use crate::cli::run::{Asked, DELETE, act, each};
use crate::cli::{filter, jobs};

pub(super) async fn cancel(args: CancelArgs, output: Output) -> anyhow::Result<Exit> {
    let within = args.within.map(|within| format!("{}ms", within.as_millis()));
    let options = json!({ "kill": args.kill, "within": within });
    steer(args.host, args.many, ("cancel", options), output).await
}

pub(super) async fn pause(args: SteerArgs, output: Output) -> anyhow::Result<Exit> {
    steer(args.host, args.many, ("pause", json!({})), output).await
}

/// A run that is blocked again at once does not go on, which a script is told.
pub(super) async fn resume(args: ResumeArgs, output: Output) -> anyhow::Result<Exit> {
    steer(args.host, args.many, ("resume", json!({ "module": args.module })), output).await
}

pub(super) async fn retry(args: RetryArgs, output: Output) -> anyhow::Result<Exit> {
    let options = match args.turn {
        // Clap lets it be said of runs that are named only.
        Some(turn) => json!({ "turn": turn, "module": args.module }),
        None => json!({ "module": args.module }),
    };
    steer(args.host, args.many, ("retry", options), output).await
}

pub(super) async fn move_to(args: MoveArgs, output: Output) -> anyhow::Result<Exit> {
    steer(args.host, args.many, ("move", json!({ "module": args.to })), output).await
}

/// Deletes runs that have ended. There is nothing to say of them any more but that.
pub(super) async fn delete(args: SteerArgs, output: Output) -> anyhow::Result<Exit> {
    if args.many.ids.is_empty() {
        return steer(args.host, args.many, ("delete", json!({})), output).await;
    }
    are_named(&args.many)?;
    let show = |id: RunId, _: &Answer| {
        output.show(&json!({ "run_id": id }).to_string(), || format!("{id} deleted"))?;
        Ok(Exit::Done)
    };
    let asked = Asked { verb: DELETE, body: String::new(), headers: HeaderMap::new() };
    each(args.host, &args.many.ids, asked, output, show).await
}

/// Does it to the runs that are named; or has a job do it to all that the filter means.
async fn steer(
    host: HostArgs,
    many: ManyArgs,
    (verb, options): (&str, Value),
    output: Output,
) -> anyhow::Result<Exit> {
    if many.ids.is_empty() {
        return jobs::make(host, &many, (verb, options), output).await;
    }
    are_named(&many)?;
    act(host, &many.ids, (verb, options.to_string()), output).await
}

/// That runs are named and no filter is said.
fn are_named(many: &ManyArgs) -> anyhow::Result<()> {
    if filter::parameters(&many.filter)?.is_empty() {
        return Ok(());
    }
    let message = "runs are named, and a filter is said: say one of them; nothing was done";
    Err(UsageError(message.to_owned()).into())
}

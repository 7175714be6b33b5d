//! `pause-host` and `resume-host`: all runs of a host at once.

use reqwest::header::HeaderMap;
use segno_api::HostPauseView;

use crate::cli::args::HostArgs;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::output::Output;

pub(super) async fn pause(host: HostArgs, output: Output) -> anyhow::Result<Exit> {
    ask(host, "pause", output).await
}

pub(super) async fn resume(host: HostArgs, output: Output) -> anyhow::Result<Exit> {
    ask(host, "resume", output).await
}

async fn ask(host: HostArgs, what: &str, output: Output) -> anyhow::Result<Exit> {
    let client = Client::new(host)?;
    let answer = client.post(&["v1", what], "{}".to_owned(), HeaderMap::new()).await?;
    let view: HostPauseView = answer.read()?;
    output.show(&answer.json, || {
        if view.paused { "the host is paused" } else { "the host goes on" }.to_owned()
    })?;
    Ok(Exit::Done)
}

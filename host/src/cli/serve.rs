//! `serve`: a host, until it is told to stop.

use std::pin::pin;

use segno::Steps;
use serde::Serialize;

use crate::cli::args::ServeArgs;
use crate::cli::exit::Exit;
use crate::cli::local::Registered;
use crate::cli::output::{self, Output};
use crate::cli::{LogFormat, ServeOptions, Server, local, logging, service};

pub(super) async fn run(args: ServeArgs, steps: Steps, output: Output) -> anyhow::Result<Exit> {
    logging::init(args.listen.log_format)?;
    let output = output.or_json(args.listen.log_format == LogFormat::Json);
    // Before anything is listened to: a signal that comes early is not lost.
    let mut signal = pin!(shutdown_signal());
    let data = args.data.display().to_string();
    let mut options = args.listen.into_options(args.data);
    options.park = args.park.into_iter().collect();
    let Some(server) = start(options, steps, signal.as_mut()).await? else {
        return Ok(Exit::Done);
    };
    let _registered = register(&server);
    announce(&server, &data, output);
    service::ready();
    signal.await;
    stop(server).await
}

/// Starts a host, unless the process is asked to stop before it has recovered all runs. What was
/// recovered until then is recovered again at the next start.
pub(super) async fn start(
    options: ServeOptions,
    steps: Steps,
    signal: impl Future<Output = ()>,
) -> anyhow::Result<Option<Server>> {
    tokio::select! {
        biased;
        started = Server::start(options, steps) => started.map(Some),
        () = signal => {
            output::note("stopped while the host was recovering; every run goes on at the next start");
            Ok(None)
        }
    }
}

/// Says where a host listens. That nobody reads it does not stop the host.
pub(super) fn announce(server: &Server, data: &str, output: Output) {
    let engine = server.engine();
    let ready = Ready {
        management: format!("http://{}", server.management_addr()),
        webhooks: format!("http://{}", server.webhook_addr()),
        public_url: &engine.config().public_url,
        data,
        token_file: server.token_file().map(|file| file.display().to_string()),
    };
    let json = serde_json::to_string(&ready).expect("a struct of strings is JSON");
    let _ = output.show(&json, || {
        let Ready { management, webhooks, data, .. } = &ready;
        let text = format!(
            "segno is ready: management API at {management}, webhooks at {webhooks}, data in {data}"
        );
        match &ready.token_file {
            Some(file) => format!("{text}, token in {file}"),
            None => text,
        }
    });
    // Whoever sees the terminal may look; a log that is kept elsewhere is to open nothing.
    if output::is_watched()
        && let Some(link) = server.page_link()
    {
        output::note(&format!("the page is at {link}, which opens it once"));
    }
}

/// What is said when a host is ready.
#[derive(Serialize)]
struct Ready<'a> {
    management: String,
    webhooks: String,
    public_url: &'a str,
    data: &'a str,
    /// Where the tokens of the management API are, unless one was given by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_file: Option<String>,
}

/// Lets the clients of this user on this machine find the token of a host, for as long as this is
/// held.
pub(super) fn register(server: &Server) -> Option<Registered> {
    let address = server.management_addr();
    let is_found = address.ip().is_loopback() || address.ip().is_unspecified();
    server.token_file().filter(|_| is_found).and_then(|file| local::register(address.port(), file))
}

/// Stops a host; a second signal does not wait for it.
pub(super) async fn stop(server: Server) -> anyhow::Result<Exit> {
    service::stopping();
    output::note("stopping; every run goes on at the next start");
    tokio::select! {
        () = server.stop() => Ok(Exit::Done),
        () = shutdown_signal() => {
            output::note("stopped at once; what was not yet on disk is done again at the next start");
            Ok(Exit::Failed)
        }
    }
}

/// Is ready when the process is asked to stop: by Ctrl-C, or by SIGTERM where there is one. The
/// signals are caught from the call on, not from the first poll.
pub fn shutdown_signal() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        async move {
            let caught = signals.into_iter().filter_map(Result::ok).map(|mut signal| {
                Box::pin(async move {
                    signal.recv().await;
                })
            });
            let caught: Vec<_> = caught.collect();
            if caught.is_empty() {
                // Without a signal to wait for, the process can still be killed: nothing is lost by it.
                std::future::pending::<()>().await;
            }
            futures::future::select_all(caught).await;
        }
    }
    #[cfg(not(unix))]
    async {
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_is_heeded_before_all_runs_are_there() {
        let directory = tempfile::tempdir().unwrap();
        let options = ServeOptions::new(directory.path()).on_free_ports();
        // The store is opened on another thread, so the first thing that is known is the signal.
        let started = start(options, Steps::new(), std::future::ready(())).await.unwrap();
        assert!(started.is_none());
    }
}

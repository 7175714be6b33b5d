//! The process that is measured: a host with the defaults and with steps that do nothing.
//!
//! It is told on standard input for how many notes to wait, a number a line, and answers on standard
//! output with all that was noted, a line of JSON. It stops when standard input ends, so that it does
//! not outlive the one who measures.

use std::path::PathBuf;

use tokio::sync::mpsc;

use crate::cli::bench::notes::Notes;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Output};
use crate::cli::{LogFormat, ServeOptions, Server, logging, serve};

/// How many orders may wait; there is never more than one.
const ORDERS: usize = 16;

pub(super) async fn run(data: PathBuf) -> anyhow::Result<Exit> {
    logging::init(LogFormat::Text)?;
    let notes = Notes::default();
    let shown = data.display().to_string();
    let server = Server::start(ServeOptions::new(data).on_free_ports(), notes.steps()).await?;
    serve::announce(&server, &shown, Output::new(true));
    let mut orders = orders();
    while let Some(count) = orders.recv().await {
        output::line(&serde_json::to_string(&notes.take(count).await)?)?;
    }
    server.stop().await;
    Ok(Exit::Done)
}

/// What is read from standard input, by a thread of its own: nothing else can wait for it.
fn orders() -> mpsc::Receiver<usize> {
    let (sender, receiver) = mpsc::channel(ORDERS);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lines().map_while(Result::ok);
        for count in lines.map_while(|line| line.trim().parse().ok()) {
            if sender.blocking_send(count).is_err() {
                return;
            }
        }
    });
    receiver
}

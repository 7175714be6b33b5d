//! `backup`: one moment of a running host becomes a file.

use std::io::{self, Read};
use std::path::Path;

use anyhow::ensure;
use bytes::{Buf, Bytes};
use serde_json::json;
use tokio::runtime::Handle;

use crate::cli::args::BackupArgs;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::cli::size;
use crate::engine::offline::{self, Received};

pub(super) async fn run(args: BackupArgs, output: Output) -> anyhow::Result<Exit> {
    let BackupArgs { file, host } = args;
    // Before the host is asked for all that it has.
    ensure!(!file.exists(), "{} is there already; name a file that is not", file.display());
    let response = Client::new(host)?.backup().await?;
    let progress = Progress::start(&format!("writing {}", file.display()));
    let incoming = Incoming { response, runtime: Handle::current(), chunk: Bytes::new() };
    let to = file.clone();
    let received = tokio::task::spawn_blocking(move || offline::receive(&to, incoming)).await??;
    drop(progress);
    let json = json!({ "file": file, "rows": received.rows, "bytes": received.bytes });
    output.show(&json.to_string(), || sentence(&file, received))?;
    Ok(Exit::Done)
}

fn sentence(file: &Path, received: Received) -> String {
    let Received { rows, bytes } = received;
    format!(
        "{} has {rows} rows, {}; place it as segno.redb to start a host on it",
        file.display(),
        size::show(bytes)
    )
}

/// The answer of a host, read on a thread that may wait.
struct Incoming {
    response: reqwest::Response,
    runtime: Handle,
    chunk: Bytes,
}

impl Read for Incoming {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.runtime.block_on(self.response.chunk()).map_err(io::Error::other)? {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let taken = out.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut out[..taken]);
        Ok(taken)
    }
}

//! The log of a host: to standard error, as `RUST_LOG` says.

use std::io;

use anyhow::anyhow;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::cli::output;

/// How the lines of the log look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// Begins to log what the host does, from `info` upwards where `RUST_LOG` says nothing else.
///
/// # Errors
///
/// `RUST_LOG` cannot be understood, or something else in the process already logs.
pub fn init(format: LogFormat) -> anyhow::Result<()> {
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env()?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(output::is_watched());
    match format {
        LogFormat::Text => subscriber.with_target(false).try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    }
    .map_err(|error| anyhow!(error))?;
    if format == LogFormat::Json {
        output::log_notes();
    }
    Ok(())
}

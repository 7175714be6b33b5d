//! What every demo can be told.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use segno::IntoDuration as _;

/// The options that all demos have.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Where everything is kept; the same directory again goes on with the same runs [default: a new
    /// one, which is removed at the end]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// How long to run, such as 20s
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub duration: Option<Duration>,

    /// What decides all that is drawn by lot, and what goes wrong; a data directory keeps its own
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// How many of the requests to the other side go wrong, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    pub fault_rate: f64,

    /// The component to deploy, instead of building it from the sources
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,

    /// Listen on other ports than the usual ones, as beside another demo; a data directory keeps its own
    #[arg(long)]
    pub other_ports: bool,
}

impl Common {
    /// Is over when the demo has run as long as it was told to.
    pub async fn elapsed(&self) {
        let never = std::future::pending::<()>();
        match self.duration {
            Some(duration) => drop(tokio::time::timeout(duration, never).await),
            None => never.await,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    text.into_duration().map_err(|error| error.to_string())
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("write a number from 0 to 1".to_owned()),
    }
}

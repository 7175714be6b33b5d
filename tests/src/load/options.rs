//! What a load is made of.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Brings more work to a host than it can do, and checks what became of it
#[derive(Debug, Parser)]
pub struct Options {
    /// How long the crowd comes
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = segno_host::doors::parse_duration)]
    pub time: Duration,

    /// How many call webhooks at once
    #[arg(long, default_value_t = 1_000)]
    pub callers: u64,

    /// How many start runs at once
    #[arg(long, default_value_t = 100)]
    pub starters: u64,

    /// How many webhooks there are; each is the run of a workflow
    #[arg(long, default_value_t = 40)]
    pub hooks: usize,

    /// How often the host is killed with SIGKILL and started again, over the time
    #[arg(long, default_value_t = 0)]
    pub kills: u32,

    /// What the host may hold in memory at most, in MiB
    #[arg(long, default_value_t = 1_536)]
    pub max_memory: u64,

    /// Where the host lies [default: a temporary directory]
    #[arg(long)]
    pub data: Option<PathBuf>,
}

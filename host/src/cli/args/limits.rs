//! What a host may use, on the command line.

use std::time::Duration;

use clap::Args;

use crate::cli::args::parse::{defaults, parse_some};
use crate::cli::size::Size;
use crate::doors::{DEFAULT_MAX_WEBHOOK_BODY, parse_duration};

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(in crate::cli) struct LimitArgs {
    /// Memory that live workflows may hold together; idle ones beyond it come back when needed
    #[arg(long, value_name = "SIZE", default_value_t = Size(defaults().memory_budget))]
    pub(super) memory_budget: Size,

    /// What all runs together may keep open: inputs of steps that have not ended, answers of webhooks
    #[arg(long, value_name = "SIZE", default_value_t = Size(defaults().open_budget))]
    pub(super) open_budget: Size,

    /// Steps that run at once
    #[arg(long, value_name = "N", default_value_t = defaults().max_running_steps, value_parser = parse_some)]
    pub(super) max_steps: usize,

    /// Time that one attempt of a step may take, whatever the step or its workflow says
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
    pub(super) max_step_timeout: Duration,

    /// How many times a failed attempt of a step is tried again, whatever the step or its workflow says;
    /// as often as they say where this is not given
    #[arg(long, value_name = "N")]
    pub(super) max_step_retries: Option<u32>,

    /// Instructions of one turn of a workflow, as wasmtime counts fuel
    #[arg(long, value_name = "N", default_value_t = defaults().limits.fuel_per_turn,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) fuel_per_turn: u64,

    /// Memory of one run
    #[arg(long, value_name = "SIZE", default_value_t = Size(defaults().limits.memory))]
    pub(super) memory_per_run: Size,

    /// How much of the store is kept in memory; the host takes so much more while it warms up
    #[arg(long, value_name = "SIZE", default_value_t = Size(defaults().store_cache))]
    pub(super) store_cache: Size,

    /// Connections of one peer to each listener; a proxy in front is one peer [default: three quarters of
    /// all]
    #[arg(long, value_name = "N", value_parser = parse_some)]
    pub(super) max_connections_per_peer: Option<usize>,

    /// Size of one component
    #[arg(long, value_name = "SIZE", default_value_t = Size(defaults().max_module))]
    pub(super) max_module: Size,

    /// Body of one webhook request
    #[arg(long, value_name = "SIZE", default_value_t = Size(DEFAULT_MAX_WEBHOOK_BODY))]
    pub(super) max_webhook_body: Size,
}

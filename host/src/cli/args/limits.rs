//! What a host may use, on the command line.

use std::time::Duration;

use clap::Args;

use crate::cli::args::parse::{defaults, parse_some};
use crate::cli::size::Size;
use crate::doors::{DEFAULT_MAX_WEBHOOK_BODY, parse_duration};
use crate::engine::Retention;

/// How long runs are kept that have ended: of which workflow, if not of all; for ever, where there is no time.
type Kept = (Option<String>, Option<Duration>);

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

    /// How long runs are kept that have ended, as 30d, 12h or never; WORKFLOW=TIME for those of one workflow; may be
    /// given more than once [default: 30d]
    #[arg(long, value_name = "[WORKFLOW=]TIME", value_parser = parse_kept)]
    retention: Vec<Kept>,

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

impl LimitArgs {
    /// How long runs are kept that have ended.
    pub(super) fn retention(&self) -> Retention {
        let mut retention = Retention::default();
        for (workflow, time) in &self.retention {
            match workflow {
                None => retention.all = *time,
                Some(workflow) => drop(retention.of.insert(workflow.clone(), *time)),
            }
        }
        retention
    }
}

fn parse_kept(text: &str) -> Result<Kept, String> {
    let (workflow, time) = match text.split_once('=') {
        Some((workflow, time)) => (Some(workflow.to_owned()), time),
        None => (None, text),
    };
    if time == "never" {
        return Ok((workflow, None));
    }
    let days = time.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let time = match days {
        Some(days) => Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60)),
        None => parse_duration(time),
    };
    time.map(|time| (workflow, Some(time)))
        .map_err(|error| format!("{error}, or 30d for days, or never"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_runs_are_kept_is_a_time_or_never_of_all_or_of_one_workflow() {
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3_600));
        assert_eq!(parse_kept("30d"), Ok((None, hours(720))));
        assert_eq!(parse_kept("never"), Ok((None, None)));
        assert_eq!(parse_kept("order=36h"), Ok((Some("order".into()), hours(36))));
        assert_eq!(parse_kept("order=never"), Ok((Some("order".into()), None)));
        assert!(parse_kept("soon").is_err_and(|error| error.contains("or never")));
    }
}

//! What can be written on the command line.

mod bench;
mod host;
mod http;
mod limits;
mod modules;
mod offline;
mod parse;
mod policy;
#[cfg(test)]
mod tests;

use segno_api::RunStatus;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use segno_journal::RunId;

pub(super) use self::bench::{BenchArgs, Workload};
pub(super) use self::host::HostArgs;
use self::host::TokenArgs;
use self::http::HttpArgs;
use self::limits::LimitArgs;
pub(super) use self::modules::{DeployArgs, ModulesArgs, WorkflowArgs};
pub(super) use self::offline::{BackupArgs, CheckArgs, ExportArgs};
use self::policy::PolicyArgs;
use crate::cli::exit::EXIT_CODES;
use crate::cli::logging::LogFormat;
use crate::cli::server::ServeOptions;
use crate::doors::parse_duration;
use crate::engine::COMPILE;

/// Durable workflows in a WebAssembly sandbox.
#[derive(Debug, Parser)]
#[command(name = "segno", version, after_help = EXIT_CODES)]
#[command(
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(super) struct Arguments {
    /// Print answers as the JSON of the management API
    #[arg(long, global = true)]
    pub(super) json: bool,

    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run a host
    Serve(ServeArgs),
    /// Run a host that builds and deploys the workflows of a workspace whenever they change
    Dev(DevArgs),
    /// Build the workflow crates of a workspace for wasm32-wasip2, and print where they are
    Build(BuildArgs),
    /// Deploy components on a running host: new runs use them, runs in flight stay on theirs
    Deploy(DeployArgs),
    /// Start a run, and print its ID
    Start(StartArgs),
    /// List runs, newest first
    Runs(RunsArgs),
    /// Show what happened to a run, and what it waits for
    Run(RunArgs),
    /// Cancel a run: nothing new starts, its steps are told, its webhooks close
    Cancel(OneRunArgs),
    /// Let a blocked run go on
    Resume(ResumeArgs),
    /// Say what is wrong with a host and its runs
    Health(HealthArgs),
    /// Try the steps of a run now that wait for their next attempt
    RetryNow(OneRunArgs),
    /// List the modules that a host keeps
    Modules(ModulesArgs),
    /// Show what a workflow takes and returns
    Workflow(WorkflowArgs),
    /// Write a backup of a running host: one moment of its store, which another host can be started on
    Backup(BackupArgs),
    /// Read the store of a stopped host from end to end, and say what is wrong with it
    Check(CheckArgs),
    /// Print all that the store of a stopped host has of a run, as JSON, a line each
    Export(ExportArgs),
    /// Measure what this machine and its disk make of Segno
    Bench(BenchArgs),
    /// Compile the component on standard input into a cache; a host does so in a process of its own
    #[command(name = COMPILE, hide = true)]
    CompileComponent {
        /// The cache
        cache: PathBuf,
        /// How much memory one run may have, in bytes
        memory: usize,
    },
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Where a host listens and what it may use.
#[derive(Debug, Args)]
pub(super) struct ListenArgs {
    /// Where the management API listens
    #[arg(long, value_name = "ADDR", default_value_t = ServeOptions::DEFAULT_LISTEN, value_parser = parse_address)]
    pub(super) listen: std::net::SocketAddr,

    /// Where webhooks are received
    #[arg(long, value_name = "ADDR", default_value_t = ServeOptions::DEFAULT_WEBHOOK_LISTEN,
        value_parser = parse_address)]
    pub(super) webhook_listen: std::net::SocketAddr,

    /// What the URLs of webhooks begin with [default: http:// and the webhook address]
    #[arg(long, value_name = "URL", env = "SEGNO_PUBLIC_URL")]
    pub(super) public_url: Option<String>,

    #[command(flatten)]
    pub(super) token: TokenArgs,

    /// How the log on standard error looks; RUST_LOG says how much there is of it
    #[arg(long, value_enum, default_value_t)]
    pub(super) log_format: LogFormat,

    /// Brings each run that comes back from an image back without it too, and compares the two
    #[arg(long)]
    pub(super) verify_images: bool,

    #[command(flatten)]
    pub(super) http: HttpArgs,

    #[command(flatten)]
    policy: PolicyArgs,

    #[command(flatten)]
    pub(super) limits: LimitArgs,
}

impl ListenArgs {
    /// The options of a host on this data directory.
    pub(super) fn into_options(self, data: PathBuf) -> ServeOptions {
        let Self { listen, webhook_listen, public_url, token, http, policy, limits, .. } = self;
        let mut options = ServeOptions::new(data);
        options.limits.fuel_per_turn = limits.fuel_per_turn;
        options.limits.memory = limits.memory_per_run.0;
        ServeOptions {
            listen,
            webhook_listen,
            public_url,
            token: token.token,
            token_file: token.token_file,
            max_connections_per_peer: limits.max_connections_per_peer,
            max_webhook_body: limits.max_webhook_body.0,
            memory_budget: limits.memory_budget.0,
            store_cache: limits.store_cache.0,
            open_budget: limits.open_budget.0,
            max_running_steps: limits.max_steps,
            max_step_timeout: limits.max_step_timeout,
            max_step_retries: limits.max_step_retries.unwrap_or(options.max_step_retries),
            verify_images: self.verify_images,
            http: http.into_egress(),
            policy: policy.into_policy(),
            // The `main` of this program is ours: it has just read its arguments.
            compiler: this_program(),
            max_module: limits.max_module.0,
            ..options
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The data directory; made if it is missing
    #[arg(long, value_name = "DIR", env = "SEGNO_DATA")]
    pub(super) data: PathBuf,

    /// Leave a run out that harms the host, until it is resumed or cancelled; may be given more than once
    #[arg(long, value_name = "RUN")]
    pub(super) park: Vec<RunId>,

    #[command(flatten)]
    pub(super) listen: ListenArgs,
}

/// Which workflow crates to build.
#[derive(Debug, Args)]
pub(super) struct CrateArgs {
    /// The Cargo.toml of the workspace [default: that of this directory]
    #[arg(long, value_name = "PATH")]
    pub(super) manifest_path: Option<PathBuf>,

    /// Only this package; may be given more than once [default: all that depend on segno and build a
    /// cdylib]
    #[arg(long = "package", short, value_name = "NAME")]
    pub(super) packages: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct DevArgs {
    #[command(flatten)]
    pub(super) crates: CrateArgs,

    /// The data directory [default: segno-dev in the target directory]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,

    #[command(flatten)]
    pub(super) listen: ListenArgs,
}

#[derive(Debug, Args)]
pub(super) struct BuildArgs {
    #[command(flatten)]
    pub(super) crates: CrateArgs,
}

#[derive(Debug, Args)]
pub(super) struct StartArgs {
    /// The name of the workflow
    pub(super) workflow: String,

    /// What the workflow is given, as JSON [default: null]
    #[arg(long, value_name = "JSON", conflicts_with = "input_file")]
    pub(super) input: Option<String>,

    /// A file with what the workflow is given, as JSON; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) input_file: Option<PathBuf>,

    /// The same key gives the same run
    #[arg(long)]
    pub(super) key: Option<String>,

    #[command(flatten)]
    pub(super) wait: WaitArgs,

    #[command(flatten)]
    pub(super) host: HostArgs,
}

/// Whether to wait for the end of a run.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct WaitArgs {
    /// Wait until the run has ended or is blocked, at most so long: a number of seconds, or a number
    /// with ms, s, m or h
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = parse_duration)]
    #[expect(
        clippy::option_option,
        reason = "absent, without a bound, and with a bound are three things"
    )]
    wait: Option<Option<Duration>>,
}

impl WaitArgs {
    /// How long to wait: nothing where nobody asked to, else at most so long, or for ever.
    pub(super) fn bound(self) -> Option<Duration> {
        self.wait.map(|bound| bound.unwrap_or(Duration::MAX))
    }
}

#[derive(Debug, Args)]
pub(super) struct RunsArgs {
    /// Only runs of this workflow
    #[arg(long)]
    pub(super) workflow: Option<String>,

    /// Only runs that stand so
    #[arg(long, value_enum)]
    pub(super) status: Option<StatusArg>,

    /// Only runs that are blocked, fail again and again, or wait for a step that the host lacks
    #[arg(long)]
    pub(super) trouble: bool,

    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) limit: u16,

    /// Where the page before ended, as it said
    #[arg(long, value_name = "RUN")]
    pub(super) cursor: Option<RunId>,

    #[command(flatten)]
    pub(super) host: HostArgs,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum StatusArg {
    Running,
    Blocked,
    Completed,
    Failed,
    Cancelled,
}

impl From<StatusArg> for RunStatus {
    fn from(status: StatusArg) -> Self {
        match status {
            StatusArg::Running => Self::Running,
            StatusArg::Blocked => Self::Blocked,
            StatusArg::Completed => Self::Completed,
            StatusArg::Failed => Self::Failed,
            StatusArg::Cancelled => Self::Cancelled,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The ID of the run
    pub(super) id: RunId,

    #[command(flatten)]
    pub(super) wait: WaitArgs,

    /// Show inputs, outputs and messages whole, and all that the run waits for
    #[arg(long)]
    pub(super) full: bool,

    /// Only the last entries of the history
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) tail: Option<u16>,

    /// Go on to tell what happens until the run has ended
    #[arg(long, conflicts_with = "wait")]
    pub(super) follow: bool,

    #[command(flatten)]
    pub(super) host: HostArgs,
}

#[derive(Debug, Args)]
pub(super) struct OneRunArgs {
    /// The ID of the run
    pub(super) id: RunId,

    #[command(flatten)]
    pub(super) host: HostArgs,
}

#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// The ID of the run
    pub(super) id: RunId,

    /// The module to go on with [default: the run's own]
    #[arg(long, value_name = "DIGEST")]
    pub(super) module: Option<String>,

    #[command(flatten)]
    pub(super) host: HostArgs,
}

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    pub(super) host: HostArgs,
}

/// Where this very program lies: on Linux also after another one was put in its place.
fn this_program() -> Option<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Some(running) } else { std::env::current_exe().ok() }
}

fn parse_address(text: &str) -> Result<std::net::SocketAddr, String> {
    text.parse().map_err(|_| {
        "write an IP address and a port, as in 127.0.0.1:7878 or [::1]:7878".to_owned()
    })
}

//! What can be written on the command line.

mod bench;
mod crates;
mod filter;
mod host;
mod http;
mod limits;
mod listen;
mod modules;
mod offline;
mod parse;
mod policy;
mod runs;
mod steer;
mod talk;
#[cfg(test)]
mod tests;
mod wait;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use segno_journal::RunId;

pub(super) use self::bench::{BenchArgs, Workload};
pub(super) use self::crates::{BuildArgs, DevArgs, NewArgs};
pub(super) use self::filter::FilterArgs;
pub(super) use self::host::HostArgs;
pub(super) use self::listen::ListenArgs;
pub(super) use self::modules::{DeployArgs, ModulesArgs, WorkflowArgs};
pub(super) use self::offline::{BackupArgs, CheckArgs, CompactArgs, ExportArgs};
pub(super) use self::runs::{
    HealthArgs, IfRunningArg, RunAgainArgs, RunArgs, RunIds, RunsArgs, RunsOfHostArgs,
};
pub(super) use self::steer::{
    CancelArgs, ForkArgs, JobArgs, JobsArgs, ManyArgs, MoveArgs, ResumeArgs, RetryArgs, SteerArgs,
    StopJobArgs,
};
pub(super) use self::talk::{
    BatchArgs, HookArgs, HooksArgs, QueryArgs, ResumeHookArgs, SignalArgs, StreamArgs, WakeArgs,
};
pub(super) use self::wait::WaitArgs;
use crate::cli::exit::{EXIT_CODES, UsageError};
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

    /// The host that is asked, where it is not said behind the command.
    #[command(flatten)]
    pub(super) host: HostArgs,

    #[command(subcommand)]
    pub(super) verb: Verb,
}

impl Arguments {
    /// What can be written on the command line. What the environment says of the host that is asked counts
    /// where nothing else does.
    pub(super) fn definition() -> clap::Command {
        HostArgs::from_environment(Self::command())
    }

    /// Gives a command the host that was named before it.
    ///
    /// # Errors
    ///
    /// It asks none.
    pub(super) fn settle(mut self, matches: &clap::ArgMatches) -> Result<Self, UsageError> {
        match self.verb.host() {
            Some(host) => host.fill_in(self.host.clone()),
            None => HostArgs::refuse(matches)?,
        }
        Ok(self)
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a workflow crate that builds and runs at once
    New(NewArgs),
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
    /// Cancel runs: each undoes what it registered, and ends
    Cancel(CancelArgs),
    /// Hold runs up: what happens to them waits until they are resumed
    Pause(SteerArgs),
    /// Delete runs that have ended, with all that the host has of them
    Delete(SteerArgs),
    /// Let a blocked or paused run go on
    Resume(ResumeArgs),
    /// Try failed runs again, each from where it failed
    Retry(RetryArgs),
    /// Move runs to another module: those that give the same commands on it for all that is recorded
    Move(MoveArgs),
    /// Hold up all runs of a host until it is resumed, also over restarts
    PauseHost(HostArgs),
    /// Let the runs of a paused host go on
    ResumeHost(HostArgs),
    /// List jobs, each of which does one thing to many runs
    Jobs(JobsArgs),
    /// Say how far a job is
    Job(JobArgs),
    /// Stop a job: what it has done stays done
    StopJob(StopJobArgs),
    /// Start new runs with the inputs of old ones
    RunAgain(RunAgainArgs),
    /// Start a new run that has the turns of an old one up to some turn: what was done in them is not done again
    Fork(ForkArgs),
    /// End sleeps of runs before their time
    Wake(WakeArgs),
    /// Send something to a run under a name, and perhaps wait for its answer
    Signal(SignalArgs),
    /// Start runs and send signals: all that a file says, or nothing
    Batch(BatchArgs),
    /// Ask a run something; a copy of it answers
    Query(QueryArgs),
    /// Print what a run writes to a stream; with --follow, as it does
    Stream(StreamArgs),
    /// List the hooks that can be called
    Hooks(HooksArgs),
    /// Say whose hook has a token
    Hook(HookArgs),
    /// Send something to the hook of a token
    ResumeHook(ResumeHookArgs),
    /// Say what is wrong with a host and its runs
    Health(HealthArgs),
    /// Try the steps of a run now that wait for their next attempt
    RetryNow(RunsOfHostArgs),
    /// List the modules that a host keeps
    Modules(ModulesArgs),
    /// Show what a workflow takes and returns
    Workflow(WorkflowArgs),
    /// Write a backup of a running host: one moment of its store, which another host can be started on
    Backup(BackupArgs),
    /// Read the store of a stopped host from end to end, and say what is wrong with it
    Check(CheckArgs),
    /// Make the store of a stopped host as small as it can be
    Compact(CompactArgs),
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

impl Verb {
    /// The host that is asked, where one is.
    fn host(&mut self) -> Option<&mut HostArgs> {
        match self {
            Self::Deploy(args) => Some(&mut args.host),
            Self::Start(args) => Some(&mut args.host),
            Self::Runs(args) => Some(&mut args.host),
            Self::Run(args) => Some(&mut args.host),
            Self::Cancel(args) => Some(&mut args.host),
            Self::RetryNow(args) => Some(&mut args.host),
            Self::Pause(args) | Self::Delete(args) => Some(&mut args.host),
            Self::Move(args) => Some(&mut args.host),
            Self::PauseHost(host) | Self::ResumeHost(host) => Some(host),
            Self::Jobs(args) => Some(&mut args.host),
            Self::Job(args) => Some(&mut args.host),
            Self::StopJob(args) => Some(&mut args.host),
            Self::Retry(args) => Some(&mut args.host),
            Self::RunAgain(args) => Some(&mut args.host),
            Self::Fork(args) => Some(&mut args.host),
            Self::Resume(args) => Some(&mut args.host),
            Self::Wake(args) => Some(&mut args.host),
            Self::Signal(args) => Some(&mut args.host),
            Self::Batch(args) => Some(&mut args.host),
            Self::Query(args) => Some(&mut args.host),
            Self::Stream(args) => Some(&mut args.host),
            Self::Hooks(args) => Some(&mut args.host),
            Self::Hook(args) => Some(&mut args.host),
            Self::ResumeHook(args) => Some(&mut args.host),
            Self::Health(args) => Some(&mut args.host),
            Self::Modules(args) => Some(&mut args.host),
            Self::Workflow(args) => Some(&mut args.host),
            Self::Backup(args) => Some(&mut args.host),
            Self::New(_)
            | Self::Serve(_)
            | Self::Dev(_)
            | Self::Build(_)
            | Self::Check(_)
            | Self::Compact(_)
            | Self::Export(_)
            | Self::Bench(_)
            | Self::CompileComponent { .. }
            | Self::Completions { .. } => None,
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

    /// One run of the key at a time: what comes of the start while one goes on; when it has ended, another one is
    /// started
    #[arg(long, value_enum, value_name = "WHAT", requires = "key")]
    pub(super) if_running: Option<IfRunningArg>,

    /// A signal that it is sent in the same moment: its name, and JSON behind a =; may be given several times
    #[arg(long, value_name = "NAME[=JSON]")]
    pub(super) signal: Vec<String>,

    /// A signal with the same key comes once; of several, the number is added to the key
    #[arg(long, value_name = "KEY", requires = "signal")]
    pub(super) signal_key: Option<String>,

    /// An attribute that the run is found by: a text behind a =, or JSON behind a :=, such as amount:=12.5; may be
    /// given several times
    #[arg(long = "attr", value_name = "NAME=VALUE")]
    pub(super) attributes: Vec<String>,

    /// Call this URL when the run has ended: signed, and again and again until it has come
    #[arg(long, value_name = "URL")]
    pub(super) on_end: Option<String>,

    /// Begin at this moment, such as 2027-01-31T08:00:00Z
    #[arg(long, value_name = "MOMENT", conflicts_with = "after")]
    pub(super) at: Option<jiff::Timestamp>,

    /// Begin so long after the start: a number of seconds, or numbers with ms, s, m or h
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(super) after: Option<Duration>,

    /// How long it may take from its beginning; then it cleans up, and has failed
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(super) timeout: Option<Duration>,

    #[command(flatten)]
    pub(super) wait: WaitArgs,

    #[command(flatten)]
    pub(super) host: HostArgs,
}

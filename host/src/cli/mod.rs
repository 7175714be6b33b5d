//! The command line: the same in the stock `segno` and in any user's own host binary.
//!
//! A user's binary hands over its steps and gets everything else:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     segno_host::main(segno::Steps::new())
//! }
//! ```
//!
//! [`Cli`] adds commands of one's own, [`Server`] starts a host from code, and [`build_components`]
//! builds workflow crates. Commands that ask a running host go through its management API, as any
//! other client does; those that read the store of a stopped one ask the engine. Only the module
//! `output` prints.

mod args;
mod backup;
mod batch;
mod bench;
mod build;
mod cargo;
mod check;
mod client;
mod compact;
mod deploy;
mod dev;
mod events;
mod exit;
mod export;
mod failure;
mod filter;
mod follow;
mod fork;
mod health;
mod hooks;
mod host_pause;
mod jobs;
mod local;
mod logging;
mod modules;
mod new;
mod output;
mod program;
mod progress;
mod query;
mod run;
mod runs;
mod serve;
mod server;
mod service;
mod signal;
mod signing;
mod size;
mod start;
mod steer;
mod stream;
mod text;
mod token;
mod value;
mod wait;
mod watch;
mod workflow;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{ArgMatches, FromArgMatches};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use segno::Steps;

pub use self::build::build_components;
pub use self::logging::{LogFormat, init as init_logging};
pub use self::serve::shutdown_signal;
pub use self::server::{ServeOptions, Server};

use self::args::{Arguments, Verb};
use self::exit::Exit;
use self::output::Output;
use crate::name::take_name;

/// How long work that nobody waits for any more, such as a build, may hold up the end of the
/// process.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the command line of a host with these steps, and gives the exit code for `main`.
#[must_use]
pub fn main(steps: Steps) -> ExitCode {
    Cli::new(steps).run()
}

/// The command line of a host, to which commands can be added.
pub struct Cli {
    steps: Steps,
    added: Vec<Added>,
}

/// A command that is not one of Segno's own.
struct Added {
    command: clap::Command,
    run: Box<Run>,
}

/// What an added command does with its arguments and the steps of the host.
type Run = dyn FnOnce(&ArgMatches, Steps) -> LocalBoxFuture<'static, anyhow::Result<ExitCode>>;

impl Cli {
    /// The command line of a host with these steps.
    #[must_use]
    pub const fn new(steps: Steps) -> Self {
        Self { steps, added: Vec::new() }
    }

    /// Adds a command. `A` says what it takes, and with its first line what it is for; `run` is
    /// given that and the steps of this host, on a tokio runtime. An error is printed with its
    /// causes and ends with exit code 1.
    ///
    /// ```no_run
    /// /// Prints a greeting.
    /// #[derive(clap::Args)]
    /// struct Greet {
    ///     /// Whom to greet
    ///     name: String,
    /// }
    ///
    /// fn main() -> std::process::ExitCode {
    ///     segno_host::Cli::new(segno::Steps::new())
    ///         .command("greet", |greet: Greet, _steps| async move {
    ///             println!("Hello, {}", greet.name);
    ///             Ok(std::process::ExitCode::SUCCESS)
    ///         })
    ///         .run()
    /// }
    /// ```
    #[must_use]
    pub fn command<A, F, R>(mut self, name: &'static str, run: F) -> Self
    where
        A: clap::Args,
        F: FnOnce(A, Steps) -> R + 'static,
        R: Future<Output = anyhow::Result<ExitCode>> + 'static,
    {
        let run = move |matches: &ArgMatches, steps| match A::from_arg_matches(matches) {
            Ok(args) => run(args, steps).boxed_local(),
            Err(error) => error.exit(),
        };
        self.added
            .push(Added { command: A::augment_args(clap::Command::new(name)), run: Box::new(run) });
        self
    }

    /// Reads the arguments of the process, does what they ask for, and gives the exit code.
    #[must_use]
    pub fn run(self) -> ExitCode {
        take_name();
        let matches = self.definition().get_matches();
        self.obey(&matches)
    }

    fn obey(self, matches: &ArgMatches) -> ExitCode {
        let output = Output::new(matches.get_flag("json"));
        match self.perform(matches) {
            Ok(code) => code,
            Err(error) => failure::tell(&error, output).into(),
        }
    }

    fn definition(&self) -> clap::Command {
        Arguments::definition().subcommands(self.added.iter().map(|added| added.command.clone()))
    }

    fn perform(self, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
        self.steps.check().context("two steps of this host have the same name")?;
        // Whoever is first may choose the provider; that there is one is what matters.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // What a damaged store has made panic is told as an error.
        crate::engine::hush();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let code = runtime.block_on(self.dispatch(matches));
        runtime.shutdown_timeout(LEAVE_TIMEOUT);
        code
    }

    async fn dispatch(mut self, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
        if let Some((name, matches)) = matches.subcommand()
            && let Some(index) =
                self.added.iter().position(|added| added.command.get_name() == name)
        {
            let added = self.added.swap_remove(index);
            return (added.run)(matches, self.steps).await;
        }
        let definition = self.definition();
        let arguments = Arguments::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
        let arguments = arguments.settle(matches)?;
        let exit = perform(arguments, self.steps, definition).await?;
        Ok(exit.into())
    }
}

async fn perform(
    arguments: Arguments,
    steps: Steps,
    mut definition: clap::Command,
) -> anyhow::Result<Exit> {
    let output = Output::new(arguments.json);
    match arguments.verb {
        Verb::New(args) => new::run(&args, output),
        Verb::Serve(args) => serve::run(args, steps, output).await,
        Verb::Dev(args) => dev::run(args, steps, output).await,
        Verb::Build(args) => build::run(args, output).await,
        Verb::Deploy(args) => deploy::run(args, output).await,
        Verb::Start(args) => start::run(args, output).await,
        Verb::Runs(args) => runs::run(args, output).await,
        Verb::Run(args) => run::run(args, output).await,
        Verb::Cancel(args) => steer::cancel(args, output).await,
        Verb::Pause(args) => steer::pause(args, output).await,
        Verb::Retry(args) => steer::retry(args, output).await,
        Verb::Delete(args) => steer::delete(args, output).await,
        Verb::Move(args) => steer::move_to(args, output).await,
        Verb::PauseHost(host) => host_pause::pause(host, output).await,
        Verb::ResumeHost(host) => host_pause::resume(host, output).await,
        Verb::Jobs(args) => jobs::list(args, output).await,
        Verb::Job(args) => jobs::show(args, output).await,
        Verb::StopJob(args) => jobs::stop(args, output).await,
        Verb::RunAgain(args) => run::again(args, output).await,
        Verb::Fork(args) => fork::fork(args, output).await,
        Verb::Resume(args) => steer::resume(args, output).await,
        Verb::Wake(args) => run::wake(args, output).await,
        Verb::Signal(args) => signal::run(args, output).await,
        Verb::Batch(args) => batch::run(args, output).await,
        Verb::Query(args) => query::run(args, output).await,
        Verb::Stream(args) => stream::run(args, output).await,
        Verb::Hooks(args) => hooks::list(args, output).await,
        Verb::Hook(args) => hooks::show(args, output).await,
        Verb::ResumeHook(args) => hooks::resume(args, output).await,
        Verb::Health(args) => health::run(args, output).await,
        Verb::RetryNow(args) => run::retry_now(args, output).await,
        Verb::Modules(args) => modules::run(args, output).await,
        Verb::Workflow(args) => workflow::run(args, output).await,
        Verb::Backup(args) => backup::run(args, output).await,
        Verb::Check(args) => check::run(args, output).await,
        Verb::Export(args) => export::run(args).await,
        Verb::Compact(args) => compact::run(args, output).await,
        Verb::Bench(args) => bench::run(args, output).await,
        Verb::CompileComponent { cache, memory } => compile(&cache, memory),
        Verb::Completions { shell } => {
            output::completions(shell, &mut definition)?;
            Ok(Exit::Done)
        }
    }
}

/// Compiles a component for a host that waits for the answer: nothing, or what is wrong.
fn compile(cache: &std::path::Path, memory: usize) -> anyhow::Result<Exit> {
    match crate::engine::compile_alone(cache, memory) {
        Ok(()) => Ok(Exit::Done),
        Err(detail) => {
            output::line(&detail)?;
            Ok(Exit::Failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends with a code.
    #[derive(clap::Args)]
    struct End {
        /// The code
        code: u8,
    }

    fn run(line: &str) -> ExitCode {
        let cli = Cli::new(Steps::new()).command("end", |end: End, _steps| async move {
            anyhow::ensure!(end.code < 100, "too large");
            Ok(ExitCode::from(end.code))
        });
        let matches = cli.definition().get_matches_from(line.split_whitespace());
        cli.obey(&matches)
    }

    #[test]
    fn an_added_command_gets_its_arguments_and_gives_its_exit_code() {
        assert_eq!(run("host end 7"), ExitCode::from(7));
        assert_eq!(run("host end 100"), ExitCode::from(1));
    }

    #[test]
    fn an_added_command_stands_in_the_help_with_the_others() {
        let cli =
            Cli::new(Steps::new()).command("end", |_: End, _| async { Ok(ExitCode::SUCCESS) });
        let help = cli.definition().render_help().to_string();
        assert!(help.contains("end          Ends with a code"), "{help}");
        assert!(help.contains("serve        Run a host"), "{help}");
    }
}

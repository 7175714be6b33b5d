//! `demo`: all five workflows at work, in one process with the other side that they synchronise with,
//! and at the end a table that compares both sides.
//!
//! Killed and started again on the same data directory, it goes on where it was.

mod compare;
mod component;
mod live;
mod place;
mod runs;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use segno::{IntoDuration as _, Steps};
use segno_host::cli::{LogFormat, ServeOptions, Server, init_logging, shutdown_signal};

use crate::demo::live::Live;
use crate::demo::place::Place;
use crate::demo::runs::Runs;
use crate::upstream::{Options, Sizes, Upstream};
use crate::{db, http, settings};

pub use compare::{Comparison, Disagreement, Row};

/// How many records the other side changes a second.
const PACE: f64 = 40.0;

/// How often the live view is renewed.
const REFRESH: Duration = Duration::from_millis(250);

/// How long the runs may take to catch up once nothing changes any more.
const CATCH_UP: Duration = Duration::from_secs(90);

/// Run the five workflows against a service that keeps changing and failing, and compare both sides
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Where everything is kept; the same directory again goes on with the same runs [default: a new
    /// one, which is removed at the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// How long to run, such as 20s; until Ctrl-C if it is not given
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,

    /// What decides the records, how they change and what goes wrong; a data directory keeps its own
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How many of the requests to the service go wrong, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    fault_rate: f64,

    /// The component to deploy, instead of building it from the sources
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,

    /// Listen on other ports than the usual ones, as beside another demo; a data directory keeps its own
    #[arg(long)]
    other_ports: bool,
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

/// Everything that runs in a demo.
struct Demo {
    upstream: Upstream,
    server: Server,
    database: &'static db::Database,
    runs: Runs,
}

/// Runs the demo and prints the table. The exit code is 0 only if both sides agree.
///
/// # Errors
/// If it cannot be started: the component cannot be built, the directory or the database not used.
pub async fn run(args: DemoArgs, steps: Steps) -> anyhow::Result<ExitCode> {
    if settings::var("RUST_LOG").is_some() {
        init_logging(LogFormat::Text)?;
    }
    // Before anything runs: a signal that comes early is not lost.
    let mut stop = std::pin::pin!(shutdown_signal());
    let component = component::get(args.module.clone()).await?;
    let place = Place::open(args.data.as_deref(), args.seed, !args.other_ports)?;
    let demo = Demo::start(&args, &place, component, steps).await?;

    let mut live = Live::new(&place.describe(&demo.server));
    tokio::select! {
        never = demo.watch(&mut live) => match never? {},
        () = elapsed(args.duration) => {}
        () = &mut stop => {}
    }
    demo.upstream.stop_changes();
    live.note("nothing changes any more; waiting until both sides agree (Ctrl-C: not waiting)");
    tokio::select! {
        caught_up = tokio::time::timeout(CATCH_UP, demo.catch_up(&mut live)) => caught_up.unwrap_or(Ok(()))?,
        () = shutdown_signal() => {}
    }
    live.finish();
    let comparison = demo.finish().await?;
    table::print(&comparison)?;
    Ok(place.close(comparison.agrees()))
}

async fn elapsed(duration: Option<Duration>) {
    let never = std::future::pending::<()>();
    match duration {
        Some(duration) => drop(tokio::time::timeout(duration, never).await),
        None => never.await,
    }
}

impl Demo {
    async fn start(
        args: &DemoArgs,
        place: &Place,
        component: Vec<u8>,
        steps: Steps,
    ) -> anyhow::Result<Self> {
        db::set(place.database().await?)?;
        let upstream = Upstream::start(Options {
            file: place.upstream(),
            port: 0,
            seed: place.seed(),
            fault_rate: args.fault_rate,
            pace: PACE,
            sizes: Sizes::default(),
        })
        .await?;
        // Steps in flight are started again as soon as the host is up: the other side is there first.
        http::set_base(upstream.url());
        let mut options = ServeOptions::new(place.host());
        options.listen.set_port(place.management_port());
        options.webhook_listen.set_port(place.webhook_port());
        let server = Server::start(options, steps).await?;
        server
            .engine()
            .deploy(component.into())
            .await
            .context("the component cannot be deployed")?;
        let runs = Runs::start(&server.engine(), place.seed()).await?;
        Ok(Self { upstream, server, database: db::get().await?, runs })
    }

    /// Shows what happens until it is dropped.
    async fn watch(&self, live: &mut Live) -> anyhow::Result<std::convert::Infallible> {
        let mut refresh = tokio::time::interval(REFRESH);
        loop {
            refresh.tick().await;
            live.show(&self.runs.views(&self.server.engine()).await?, &self.upstream.faults());
        }
    }

    /// Shows what happens until both sides agree.
    async fn catch_up(&self, live: &mut Live) -> anyhow::Result<()> {
        let mut refresh = tokio::time::interval(REFRESH);
        loop {
            refresh.tick().await;
            let views = self.runs.views(&self.server.engine()).await?;
            live.show(&views, &self.upstream.faults());
            if self.compare(&views).await?.agrees() {
                return Ok(());
            }
        }
    }

    async fn compare(&self, views: &[runs::View]) -> anyhow::Result<Comparison> {
        let results = self.runs.results(views)?;
        Ok(compare::compare(self.upstream.store(), self.database, &results).await?)
    }

    /// Stops the host, and compares what is left at rest.
    async fn finish(self) -> anyhow::Result<Comparison> {
        let views = self.runs.views(&self.server.engine()).await?;
        let results = self.runs.results(&views)?;
        let faults = self.upstream.faults();
        self.server.stop().await;
        let mut comparison =
            compare::compare(self.upstream.store(), self.database, &results).await?;
        comparison.faults = faults;
        self.upstream.shutdown().await;
        self.database.close().await;
        Ok(comparison)
    }
}

//! `demo`: all five workflows at work, in one process with the other side that they synchronise with,
//! and at the end a table that compares both sides.
//!
//! Killed and started again on the same data directory, it goes on where it was.

mod compare;
mod database;
mod runs;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use demo_kit::args::Common;
use demo_kit::comparison::Comparison;
use demo_kit::component::{self, Crate};
use demo_kit::live::{self, Live};
use demo_kit::place::Place;
use demo_kit::{host, table};
use segno::Steps;
use segno_host::cli::{LogFormat, Server, init_logging, shutdown_signal};

use crate::demo::runs::Runs;
use crate::upstream::{Options, Sizes, Upstream};
use crate::{db, http, settings};

/// Where the sources are from which this program was built.
const CRATE: Crate =
    Crate { directory: env!("CARGO_MANIFEST_DIR"), package: env!("CARGO_PKG_NAME") };

/// How many records the other side changes a second.
const PACE: f64 = 40.0;

/// How often the live view is renewed.
const REFRESH: Duration = Duration::from_millis(250);

/// How long the runs may take to catch up once nothing changes any more.
const CATCH_UP: Duration = Duration::from_secs(90);

/// Run the five workflows against a service that keeps changing and failing, and compare both sides
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    common: Common,
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
pub async fn run(DemoArgs { common: args }: DemoArgs, steps: Steps) -> anyhow::Result<ExitCode> {
    if settings::var("RUST_LOG").is_some() {
        init_logging(LogFormat::Text)?;
    }
    // Before anything runs: a signal that comes early is not lost.
    let mut stop = std::pin::pin!(shutdown_signal());
    let component = component::get(CRATE, args.module.clone()).await?;
    let place = Place::open(CRATE.package, args.data.as_deref(), args.seed, !args.other_ports)?;
    let demo = Demo::start(&args, &place, component, steps).await?;

    let mut live = Live::new(&place.describe(&demo.server));
    tokio::select! {
        never = demo.watch(&mut live) => match never? {},
        () = args.elapsed() => {}
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

impl Demo {
    async fn start(
        args: &Common,
        place: &Place,
        component: Vec<u8>,
        steps: Steps,
    ) -> anyhow::Result<Self> {
        db::set(database::open(place).await?)?;
        let upstream = Upstream::start(Options {
            file: place.join("upstream.db"),
            port: 0,
            seed: place.seed(),
            fault_rate: args.fault_rate,
            pace: PACE,
            sizes: Sizes::default(),
        })
        .await?;
        // Steps in flight are started again as soon as the host is up: the other side is there first.
        http::set_base(upstream.url());
        let server = host::start(place, component, steps).await?;
        let runs = Runs::start(&server.engine(), place.seed()).await?;
        Ok(Self { upstream, server, database: db::get().await?, runs })
    }

    /// Shows what happens until it is dropped.
    async fn watch(&self, live: &mut Live) -> anyhow::Result<std::convert::Infallible> {
        let mut refresh = tokio::time::interval(REFRESH);
        loop {
            refresh.tick().await;
            self.show(&self.runs.views(&self.server.engine()).await?, live);
        }
    }

    fn show(&self, views: &[runs::View], live: &mut Live) {
        live.show(views.iter().map(live::run).collect(), &self.upstream.faults());
    }

    /// Shows what happens until both sides agree.
    async fn catch_up(&self, live: &mut Live) -> anyhow::Result<()> {
        let mut refresh = tokio::time::interval(REFRESH);
        loop {
            refresh.tick().await;
            let views = self.runs.views(&self.server.engine()).await?;
            self.show(&views, live);
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

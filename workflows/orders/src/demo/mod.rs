//! `demo`: some hundred orders at work, in one process with the three services that they need, and at the
//! end a table that compares all sides.
//!
//! Killed and started again on the same data directory, it goes on where it was.

mod api;
mod compare;
mod ledger;
mod people;
mod plan;
mod results;

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use demo_kit::args::Common;
use demo_kit::comparison::Comparison;
use demo_kit::component::{self, Crate};
use demo_kit::live::{Live, line};
use demo_kit::place::Place;
use demo_kit::service::Behaviour;
use demo_kit::{host, http, settings, table};
use futures::future::try_join;
use segno::Steps;
use segno_host::cli::{LogFormat, Server, init_logging, shutdown_signal};

use crate::demo::compare::Sides;
use crate::demo::ledger::Ledger;
use crate::demo::people::{People, Tally};
use crate::demo::plan::Plan;
use crate::demo::results::Results;
use crate::services::{Options, Services};

pub use api::{Answer, Api};

/// Where the sources are from which this program was built.
const CRATE: Crate =
    Crate { directory: env!("CARGO_MANIFEST_DIR"), package: env!("CARGO_PKG_NAME") };

/// How often the live view is renewed.
const REFRESH: Duration = Duration::from_millis(250);

/// Run orders against three services that fail now and then, and compare all sides
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    common: Common,

    /// How many orders are given; say the same to go on with those of a data directory
    #[arg(long, value_name = "N", default_value_t = 200)]
    orders: u64,
}

/// Everything that runs in a demo.
struct Demo {
    services: Services,
    server: Server,
    people: People,
    plans: Vec<Plan>,
}

/// Runs the demo until all orders and lines are over, and prints the table. The exit code is 0 only if all sides
/// agree.
///
/// # Errors
/// If it cannot be started: the component cannot be built, or the directory not used.
pub async fn run(args: DemoArgs, steps: Steps) -> anyhow::Result<ExitCode> {
    if settings::var("RUST_LOG").is_some() {
        init_logging(LogFormat::Text)?;
    }
    // Before anything runs: a signal that comes early is not lost.
    let stop = pin!(shutdown_signal());
    let DemoArgs { common, orders } = args;
    let component = component::get(CRATE, common.module.clone()).await?;
    let place =
        Place::open(CRATE.package, common.data.as_deref(), common.seed, !common.other_ports)?;
    let edition = component::edition(&component);
    let server = host_and_services(&place, &common, component.clone(), steps).await?;
    let demo = Demo::new(&place, server, orders)?;

    let mut live = Live::new(&place.describe(&demo.server));
    tokio::select! {
        seen_to = demo.see_to(&mut live, &edition) => seen_to?,
        () = common.elapsed() => {}
        () = stop => {}
    }
    live.finish();
    let comparison = demo.finish([component, edition]).await?;
    table::print(&comparison)?;
    Ok(place.close(comparison.agrees()))
}

async fn host_and_services(
    place: &Place,
    common: &Common,
    component: Vec<u8>,
    steps: Steps,
) -> anyhow::Result<(Server, Services)> {
    let behaviour = Behaviour { port: 0, seed: place.seed(), fault_rate: common.fault_rate };
    let services = Services::start(Options { file: place.join("services.db"), behaviour }).await?;
    // Steps in flight are started again as soon as the host is up: the services are there first.
    http::set_base(services.url());
    Ok((host::start(place, component, steps).await?, services))
}

impl Demo {
    fn new(
        place: &Place,
        (server, services): (Server, Services),
        orders: u64,
    ) -> anyhow::Result<Self> {
        let ledger = Ledger::open(&place.join("answers.jsonl"))?;
        let people = People::new(Api::of(&server)?, ledger);
        let plans = (1..=orders).map(|number| Plan::new(place.seed(), number)).collect();
        Ok(Self { services, server, people, plans })
    }

    /// Sees all orders and lines to their ends, and shows how far they are.
    async fn see_to(&self, live: &mut Live, edition: &[u8]) -> anyhow::Result<()> {
        let mut refresh = tokio::time::interval(REFRESH);
        let orders = self.people.see_to(&self.plans);
        let mut all = pin!(try_join(orders, self.people.change_code(self.plans.len(), edition)));
        loop {
            tokio::select! {
                done = &mut all => return done.map(drop),
                _ = refresh.tick() => live.show(self.lines(), &self.services.faults()),
            }
        }
    }

    fn lines(&self) -> Vec<String> {
        let Tally { started, over, accepted, refused, cancelled, killed, retried, moved } =
            self.people.tally();
        let all = self.plans.len();
        vec![
            line("orders", &format!("{over} of {all} are over, {} at work", started - over)),
            line("cancelled", &format!("{cancelled}, and {killed} killed")),
            line("tried again", &retried.to_string()),
            line("moved", &format!("{} to another module", moved.0)),
            line("address changes", &format!("{accepted} accepted, {refused} refused")),
        ]
    }

    /// Stops the host, and compares what is left at rest.
    async fn finish(self, modules: [Vec<u8>; 2]) -> anyhow::Result<Comparison> {
        let results = Results::gather(self.people.api(), &self.plans, modules).await?;
        let faults = self.services.faults();
        self.server.stop().await;
        let audit = self.services.audit().await?;
        let told = self.people.ledger().all();
        let sides = Sides { plans: &self.plans, results: &results, told: &told, audit: &audit };
        let mut comparison = Comparison { faults, ..sides.compare() };
        let (moved, stayed) = self.people.tally().moved;
        let moves = format!(
            "moved to another module since this start: {moved}, and {stayed} stayed on theirs"
        );
        comparison.remarks.push(moves);
        self.services.shutdown().await;
        Ok(comparison)
    }
}

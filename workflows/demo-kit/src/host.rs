//! The host of a demo: in the process of the demo, on the ports that its place keeps.

use anyhow::Context as _;
use segno::Steps;
use segno_host::cli::{ServeOptions, Server};

use crate::place::Place;

/// Starts a host with these steps, and deploys the component to it.
///
/// # Errors
/// If the ports or the directory cannot be used, or the component cannot be deployed.
pub async fn start(place: &Place, component: Vec<u8>, steps: Steps) -> anyhow::Result<Server> {
    let mut options = ServeOptions::new(place.host());
    options.listen.set_port(place.management_port());
    options.webhook_listen.set_port(place.webhook_port());
    let server = Server::start(options, steps).await?;
    let deployed = server.engine().deploy(component.into()).await;
    deployed.context("the component cannot be deployed")?;
    Ok(server)
}

//! Where the step `http` may go, on the command line.

use clap::Args;

use crate::engine::{Allowed, Egress};

#[derive(Debug, Args)]
#[command(next_help_heading = "The step `http`")]
pub(in crate::cli) struct HttpArgs {
    /// Lets the step `http` also reach this host, host:port, address or network, which is not public;
    /// may be given more than once
    #[arg(long = "http-allow", value_name = "TARGET")]
    allow: Vec<Allowed>,

    /// Sends the requests of the step `http` through this proxy; those that --http-allow names go
    /// directly
    #[arg(long = "http-proxy", value_name = "URL", value_parser = parse_proxy)]
    proxy: Option<Proxy>,

    /// Leaves the step `http` out
    #[arg(long, conflicts_with_all = ["allow", "proxy"])]
    no_http: bool,
}

/// The URL of a proxy, which was looked at.
#[derive(Debug, Clone)]
struct Proxy(String);

fn parse_proxy(url: &str) -> Result<Proxy, String> {
    Egress::default().with_proxy(url).map(|_usable| Proxy(url.to_owned()))
}

impl HttpArgs {
    /// Where the step may go; none where there is to be no such step.
    pub(super) fn into_egress(self) -> Option<Egress> {
        let Self { allow, proxy, no_http } = self;
        if no_http {
            return None;
        }
        let egress = Egress::new(allow);
        Some(match proxy {
            Some(Proxy(url)) => {
                egress.with_proxy(&url).expect("it was looked at when it was parsed")
            }
            None => egress,
        })
    }
}

//! The clients that send: one for what the operator has named, one for the rest.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy as Redirects;
use reqwest::{Client, ClientBuilder, Proxy, Url};

use crate::steps::http::address::not_public;
use crate::steps::http::egress::{Egress, Refused, Way};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The clients of a host, shared by all its steps, so that connections are used again. They follow no
/// redirects: each hop is judged as a request of its own.
pub(super) struct Clients {
    egress: Arc<Egress>,
    named: Client,
    judged: Client,
}

impl Clients {
    pub(super) fn new(egress: &Egress) -> reqwest::Result<Self> {
        // The TLS provider of the process: whoever came first has set the same one.
        let _already_set = rustls::crypto::ring::default_provider().install_default();
        let egress = Arc::new(egress.clone());
        let judged = match egress.proxy() {
            Some(proxy) => bare().proxy(Proxy::all(proxy.clone())?),
            None => bare().dns_resolver(Judge(Arc::clone(&egress))),
        };
        Ok(Self { named: bare().build()?, judged: judged.build()?, egress })
    }

    /// The client that may reach a URL.
    pub(super) fn reaching(&self, url: &Url) -> Result<&Client, Refused> {
        Ok(match self.egress.way(url)? {
            Way::Named => &self.named,
            Way::Judged => &self.judged,
        })
    }
}

/// What all clients have: nothing of the environment, and no header that the guest did not give.
fn bare() -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .referer(false)
        .redirect(Redirects::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("segno/", env!("CARGO_PKG_VERSION")))
}

/// Resolves names, and leaves out the addresses that may not be reached. The connection is made to
/// what comes out here and to nothing else, so a name that resolves otherwise a moment later gains
/// nothing.
struct Judge(Arc<Egress>);

impl Resolve for Judge {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let kind = found.iter().find_map(|address| not_public(address.ip()));
            let permitted: Vec<_> =
                found.into_iter().filter(|address| egress.permits(address.ip())).collect();
            match kind {
                Some(kind) if permitted.is_empty() => {
                    let host = name.as_str().to_owned();
                    Err(Box::new(Refused { host, kind }) as Box<dyn Error + Send + Sync>)
                }
                _ => Ok(Box::new(permitted.into_iter()) as Addrs),
            }
        })
    }
}

/// The refusal among the causes of an error, if a name led to where the step may not go.
pub(super) fn refusal(error: &reqwest::Error) -> Option<&Refused> {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.filter_map(|cause| cause.downcast_ref()).next()
}

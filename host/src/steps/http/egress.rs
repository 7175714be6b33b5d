//! Where the step `http` may go: to the public network, and to what the operator has named.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;

use crate::steps::http::address::not_public;

/// Where the step `http` may go. Without anything said: to every public address, and to nothing on
/// this machine or in its networks. What a name resolves to is judged when a connection is made, so
/// that a name cannot change its mind in between.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    allowed: Vec<Allowed>,
    proxy: Option<Url>,
}

/// A target that the operator allows beside the public network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// What a URL may name, whatever it resolves to.
    Host {
        /// The host as a URL has it: in lower case, an address of IPv6 in brackets.
        host: String,
        /// The port; any where none is given.
        port: Option<u16>,
    },
    /// Addresses that a URL may name, and that the name in a URL may resolve to.
    Network(IpNet),
}

/// A text that names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no target: write a host, a host and a port, an address, or a network as in 10.1.0.0/16"
)]
pub struct BadTarget(String);

/// A target that the step `http` may not reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the step `http` may not reach `{host}`, which is {kind}; whoever runs the host can allow it with --http-allow"
)]
pub(super) struct Refused {
    pub(super) host: String,
    pub(super) kind: &'static str,
}

/// How the target of a request is reached.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As it is: the operator has named it.
    Named,
    /// Through the proxy if there is one, else only at addresses that [`Egress::permits`].
    Judged,
}

impl Egress {
    /// The public network, and these targets.
    #[must_use]
    pub fn new(allowed: Vec<Allowed>) -> Self {
        Self { allowed, proxy: None }
    }

    /// Also what listens on this machine's loopback addresses: for a developer's own machine.
    #[must_use]
    pub fn with_loopback(mut self) -> Self {
        let v4 = Ipv4Net::new_assert(std::net::Ipv4Addr::new(127, 0, 0, 0), 8);
        let v6 = Ipv6Net::new_assert(std::net::Ipv6Addr::LOCALHOST, 128);
        self.allowed.extend([IpNet::from(v4), IpNet::from(v6)].map(Allowed::Network));
        self
    }

    /// Through this proxy, except for what is allowed by name or address. The proxy resolves the
    /// names, so it decides which addresses they may have.
    ///
    /// # Errors
    ///
    /// The text is not the URL of an HTTP proxy.
    pub fn with_proxy(mut self, url: &str) -> Result<Self, String> {
        let proxy: Url = url.parse().map_err(|error| format!("`{url}` is not a URL: {error}"))?;
        if !matches!(proxy.scheme(), "http" | "https") {
            return Err(format!("`{url}` is not an http or https URL"));
        }
        self.proxy = Some(proxy);
        Ok(self)
    }

    pub(super) fn proxy(&self) -> Option<&Url> {
        self.proxy.as_ref()
    }

    /// How a URL may be reached, as far as it says so itself.
    pub(super) fn way(&self, url: &Url) -> Result<Way, Refused> {
        let host = url.host_str().unwrap_or_default();
        if self.names(host, url.port_or_known_default()) {
            return Ok(Way::Named);
        }
        let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>()
        else {
            // At the proxy, this name would be the proxy's own machine.
            let local = self.proxy.is_some() && is_localhost(host);
            return if local { Err(refused(host, "a loopback name")) } else { Ok(Way::Judged) };
        };
        match not_public(address) {
            None => Ok(Way::Judged),
            Some(_) if self.permits(address) => Ok(Way::Named),
            Some(kind) => Err(refused(host, kind)),
        }
    }

    /// Whether a name may resolve to this address.
    pub(super) fn permits(&self, address: IpAddr) -> bool {
        let canonical = address.to_canonical();
        let listed = |network: &IpNet| network.contains(&address) || network.contains(&canonical);
        not_public(address).is_none()
            || self
                .allowed
                .iter()
                .any(|one| matches!(one, Allowed::Network(network) if listed(network)))
    }

    fn names(&self, host: &str, port: Option<u16>) -> bool {
        self.allowed.iter().any(|one| match one {
            Allowed::Host { host: named, port: at } => {
                named == host && (at.is_none() || *at == port)
            }
            Allowed::Network(_) => false,
        })
    }
}

fn refused(host: &str, kind: &'static str) -> Refused {
    Refused { host: host.to_owned(), kind }
}

fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host == "localhost" || host.ends_with(".localhost")
}

impl FromStr for Allowed {
    type Err = BadTarget;

    fn from_str(text: &str) -> Result<Self, BadTarget> {
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        if let Ok(address) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Ok(Self::Network(address.into()));
        }
        let bad = || BadTarget(text.to_owned());
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_not_a_port| bad())?)),
            None => (text, None),
        };
        // As a URL has it, so that the two can be compared.
        let url: Url = format!("http://{host}/").parse().map_err(|_not_a_host| bad())?;
        let alone = url.username().is_empty() && url.password().is_none() && url.port().is_none();
        let alone = alone && url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        match url.host_str() {
            Some(host) if alone => Ok(Self::Host { host: host.to_owned(), port }),
            _ => Err(bad()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn egress(allowed: &[&str]) -> Egress {
        Egress::new(allowed.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn way(egress: &Egress, url: &str) -> Result<Way, &'static str> {
        egress.way(&url.parse().unwrap()).map_err(|refused| refused.kind)
    }

    #[test]
    fn an_address_is_recognised_however_it_is_spelled() {
        let egress = egress(&[]);
        for url in [
            "http://127.0.0.1",
            "http://2130706433",
            "http://0x7f.1",
            "http://0177.0.0.1",
            "http://127.1",
            "http://127.0.0.1.",
            "http://[::1]",
            "http://[::ffff:127.0.0.1]",
            "http://[0:0:0:0:0:ffff:7f00:1]:80/x",
            "http://[64:ff9b::7f00:1]",
            "http://[2002:7f00:1::]",
            "http://user:password@127.0.0.1:9",
            "http://１２７.0.0.1",
        ] {
            let refused = way(&egress, url);
            assert!(matches!(refused, Err("a loopback address")), "{url}: {refused:?}");
        }
        assert_eq!(way(&egress, "http://169.254.169.254/latest"), Err("a metadata address"));
        assert_eq!(way(&egress, "http://1.1.1.1"), Ok(Way::Judged));
        assert_eq!(way(&egress, "http://localhost"), Ok(Way::Judged));
    }

    #[test]
    fn what_is_allowed_is_reached_and_nothing_beside_it() {
        let egress = egress(&[
            "Intern.Example:8080",
            "db.example",
            "10.1.0.0/16",
            "[fd00::7]",
            "127.0.0.1:99",
        ]);
        for (url, expected) in [
            ("http://intern.example:8080/x", Ok(Way::Named)),
            ("http://intern.example/", Ok(Way::Judged)),
            ("https://db.example:5432", Ok(Way::Named)),
            ("http://sub.db.example", Ok(Way::Judged)),
            ("http://10.1.255.1:5", Ok(Way::Named)),
            ("http://[::ffff:10.1.2.3]", Ok(Way::Named)),
            ("http://10.2.0.1", Err("a private address")),
            ("http://[fd00::7]:1", Ok(Way::Named)),
            ("http://[fd00::8]", Err("a private address")),
            ("http://127.0.0.1:99", Ok(Way::Named)),
            ("http://0x7f000001:99", Ok(Way::Named)),
            ("http://127.0.0.1", Err("a loopback address")),
        ] {
            assert_eq!(way(&egress, url), expected, "{url}");
        }
        assert!(egress.permits("10.1.0.9".parse().unwrap()));
        assert!(!egress.permits("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_developer_reaches_the_own_machine_and_no_network() {
        let egress = egress(&[]).with_loopback();
        assert_eq!(way(&egress, "http://127.0.0.1:8080"), Ok(Way::Named));
        assert_eq!(way(&egress, "http://[::1]"), Ok(Way::Named));
        assert!(egress.permits("::1".parse().unwrap()));
        assert_eq!(way(&egress, "http://192.168.0.1"), Err("a private address"));
    }

    #[test]
    fn behind_a_proxy_what_is_not_public_stays_refused() {
        let egress = egress(&["10.0.0.1"]).with_proxy("http://proxy.example:3128").unwrap();
        assert_eq!(way(&egress, "http://127.0.0.1"), Err("a loopback address"));
        for name in ["localhost", "LocalHost.", "x.localhost"] {
            assert_eq!(way(&egress, &format!("http://{name}/")), Err("a loopback name"));
        }
        assert_eq!(way(&egress, "http://10.0.0.1"), Ok(Way::Named));
        assert_eq!(way(&egress, "http://example.org"), Ok(Way::Judged));
        assert!(Egress::default().with_proxy("socks5://proxy.example").is_err());
        assert!(Egress::default().with_proxy("proxy").is_err());
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for text in [
            "",
            "a b",
            "host:",
            "host:99999",
            "http://host",
            "host/path",
            "u@host",
            "10.0.0.0/33",
            "a:b:1",
        ] {
            assert!(text.parse::<Allowed>().is_err(), "{text}");
        }
    }
}

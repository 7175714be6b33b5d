//! What stands behind a listener: first nothing, because a host recovers its runs before it takes
//! work, and then a router. Whoever comes is answered from the first moment on.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Version};
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::doors::refusal::{Kind, Refusal};

/// The way in. Cheap to clone; all clones open at once.
#[derive(Debug, Clone, Default)]
pub struct Entrance(Arc<OnceLock<Router>>);

impl Entrance {
    /// From now on requests come to this router. The first one that is given stays.
    pub fn open(&self, router: Router) {
        let _opened_before = self.0.set(router);
    }

    /// Answers a request, whoever sent it.
    pub(super) async fn answer(self, request: Request<Incoming>) -> Result<Response, Infallible> {
        if let Err(problem) = check_host(request.version(), request.headers()) {
            return Ok(problem.into_response());
        }
        match self.0.get() {
            Some(router) => TowerToHyperService::new(router.clone()).call(request).await,
            None => Ok(recovering().into_response()),
        }
    }
}

impl From<Router> for Entrance {
    fn from(router: Router) -> Self {
        Self(Arc::new(OnceLock::from(router)))
    }
}

fn recovering() -> Refusal {
    let detail =
        "the host is recovering: it takes work as soon as it has all its runs; nothing was stored";
    Refusal::new(&Kind::RECOVERING, detail)
}

/// Refuses what HTTP says is to be refused: a request that names no host, two, or one that is none. A
/// proxy in front may have chosen the one, and this host would have taken the other. Which host it is
/// does not matter, and neither does one in the target: there is only one behind this listener.
fn check_host(version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let trouble = match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => return Ok(()),
        (Some(host), None) if is_host(host) => return Ok(()),
        (None, _) => "the request has no Host header",
        (Some(_), None) => "the Host header is not a host with or without a port",
        (Some(_), Some(_)) => "the request has more than one Host header",
    };
    Err(Refusal::new(&Kind::BAD_HOST, trouble))
}

fn is_host(value: &HeaderValue) -> bool {
    let parsed = value.to_str().ok().map(|text| (text, text.parse::<Authority>()));
    parsed
        .is_some_and(|(text, parsed)| text.is_empty() || parsed.is_ok_and(|_| !text.contains('@')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: Version, hosts: &[&'static str]) -> Option<String> {
        let headers = hosts.iter().map(|host| (HOST, HeaderValue::from_static(host))).collect();
        check_host(version, &headers).err().map(|problem| problem.0.detail.into())
    }

    #[test]
    fn a_request_names_one_host() {
        for host in ["example.org", "example.org:80", "127.0.0.1:7878", "[::1]:7878", ""] {
            assert_eq!(check(Version::HTTP_11, &[host]), None, "{host}");
        }
        assert_eq!(check(Version::HTTP_10, &[]), None);
        for (hosts, detail) in [
            (&[][..], "the request has no Host header"),
            (&["a", "b"], "the request has more than one Host header"),
            (&["a", "a"], "the request has more than one Host header"),
            (&["evil@localhost"], "the Host header is not a host with or without a port"),
            (&["a b"], "the Host header is not a host with or without a port"),
            (&["a/b"], "the Host header is not a host with or without a port"),
        ] {
            assert_eq!(check(Version::HTTP_11, hosts).as_deref(), Some(detail), "{hosts:?}");
        }
        assert!(check(Version::HTTP_10, &["a", "b"]).is_some());
    }
}

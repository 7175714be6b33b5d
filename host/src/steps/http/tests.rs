//! What the step promises, between real sockets.

use std::net::{Ipv4Addr, SocketAddr};

use segno::http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

/// A server that answers all requests alike, each on a connection of its own.
struct Server {
    address: SocketAddr,
    /// The requests that came, as they came.
    requests: UnboundedReceiver<String>,
}

impl Server {
    /// Answers with this status line and these headers.
    async fn answering(head: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (came, requests) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                // Each of these requests is one packet, or ends with a body of one byte.
                while !request.ends_with(b"\r\n\r\n") && !request.ends_with(b"!") {
                    if stream.read_buf(&mut request).await.unwrap() == 0 {
                        break;
                    }
                }
                let _ = came.send(String::from_utf8(request).unwrap());
                let answer =
                    format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { address, requests }
    }

    async fn redirecting(status: u16, to: impl std::fmt::Display) -> Self {
        Self::answering(format!("{status} Moved\r\nLocation: {to}")).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn came(&mut self) -> Option<String> {
        self.requests.try_recv().ok()
    }
}

fn get(url: impl Into<String>) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.into(),
        headers: Vec::new(),
        body: None,
        timeout_ms: None,
        follow_redirects: true,
        idempotency_header: false,
    }
}

fn post(url: impl Into<String>) -> Request {
    Request { method: "POST".to_owned(), body: Some("body!".into()), ..get(url) }
}

async fn fetch(egress: Egress, request: Request) -> Result<Response, StepError> {
    Home { egress, clients: OnceLock::new() }.fetch(request).await
}

fn loopback() -> Egress {
    Egress::default().with_loopback()
}

fn allowing(server: &Server) -> Egress {
    Egress::new(vec![server.address.to_string().parse().unwrap()])
}

#[tokio::test]
async fn nothing_on_this_machine_is_reached_unless_it_is_allowed() {
    let mut server = Server::answering("204 Fine".to_owned()).await;
    let port = server.address.port();
    for url in [
        server.url("/"),
        format!("http://2130706433:{port}"),
        format!("http://0x7f.1:{port}"),
        format!("http://[::ffff:127.0.0.1]:{port}"),
        // A name is judged by what it resolves to, at the moment of the connection.
        format!("http://localhost:{port}"),
    ] {
        let refused = fetch(Egress::default(), get(&url)).await.unwrap_err();
        assert!(refused.is_fatal(), "{url}: {refused}");
        assert!(refused.message().contains("which is a loopback address"), "{url}: {refused}");
        assert_eq!(fetch(loopback(), get(&url)).await.unwrap().status, 204, "{url}");
        assert!(server.came().is_some(), "{url}");
        assert_eq!(server.came(), None, "{url}");
    }
    assert_eq!(fetch(allowing(&server), get(server.url("/"))).await.unwrap().status, 204);
}

#[tokio::test]
async fn a_redirect_leads_nowhere_that_the_step_may_not_go() {
    let mut hidden = Server::answering("200 Secret".to_owned()).await;
    for target in [hidden.url("/"), format!("http://localhost:{}/", hidden.address.port())] {
        let server = Server::redirecting(302, target).await;
        let refused = fetch(allowing(&server), get(server.url("/"))).await.unwrap_err();
        assert!(refused.is_fatal(), "{refused}");
        assert!(refused.message().contains("which is a loopback address"), "{refused}");
    }
    let server = Server::redirecting(302, "file:///etc/passwd").await;
    assert!(fetch(allowing(&server), get(server.url("/"))).await.is_err());
    assert_eq!(hidden.came(), None);
}

#[tokio::test]
async fn what_a_guest_sends_does_not_cross_to_another_origin() {
    let mut other = Server::answering("200 Fine".to_owned()).await;
    let mut server = Server::redirecting(302, other.url("/there")).await;
    let mut request = post(server.url("/here?secret=in-url"));
    let secrets =
        ["authorization", "cookie", "x-api-key", "content-type", "idempotency-key", "referer"];
    request.headers = secrets.map(|name| (name.to_owned(), "s3cret".to_owned())).into();
    assert_eq!(fetch(loopback(), request).await.unwrap().status, 200);

    let first = server.came().unwrap();
    assert!(first.starts_with("POST /here?secret=in-url HTTP/1.1\r\n"), "{first}");
    assert!(secrets.iter().all(|name| first.contains(&format!("{name}: s3cret\r\n"))), "{first}");
    let second = other.came().unwrap();
    assert!(second.starts_with("GET /there HTTP/1.1\r\n"), "{second}");
    assert!(secrets.iter().all(|name| !second.contains(name)), "{second}");
    assert!(
        !second.contains("s3cret") && !second.contains("in-url") && !second.ends_with('!'),
        "{second}"
    );
}

#[tokio::test]
async fn a_body_is_not_sent_to_another_origin() {
    let mut other = Server::answering("200 Fine".to_owned()).await;
    for status in [307, 308] {
        let server = Server::redirecting(status, other.url("/there?a=b")).await;
        let refused = fetch(loopback(), post(server.url("/here"))).await.unwrap_err();
        assert!(refused.is_fatal(), "{refused}");
        let expected = format!(
            "{} wants the body to be sent to {}, which is another origin; send it there by its own URL if that is meant",
            server.url("/here"),
            other.url("/there")
        );
        assert_eq!(refused.message(), expected);
    }
    assert_eq!(other.came(), None);
}

#[tokio::test]
async fn within_an_origin_a_redirect_carries_everything_on() {
    let mut server = Server::redirecting(307, "/again").await;
    let mut request = post(server.url("/again"));
    request.headers = vec![("x-api-key".to_owned(), "s3cret".to_owned())];
    let endless = fetch(loopback(), request.clone()).await.unwrap_err();
    assert!(!endless.is_fatal());
    assert!(endless.message().ends_with("/again redirects more than 10 times"), "{endless}");
    for _ in 0..=MAX_REDIRECTS {
        let came = server.came().unwrap();
        assert!(came.starts_with("POST /again") && came.contains("x-api-key: s3cret"), "{came}");
        assert!(came.ends_with("body!") && !came.contains("referer"), "{came}");
    }
    assert_eq!(server.came(), None);

    request.follow_redirects = false;
    assert_eq!(fetch(loopback(), request).await.unwrap().status, 307);
}

#[tokio::test]
async fn no_guest_sets_where_a_request_ends_or_whose_connection_it_is() {
    let mut server = Server::answering("200 Fine".to_owned()).await;
    for name in [
        "Content-Length",
        "transfer-encoding",
        "Connection",
        "upgrade",
        "HOST",
        "te",
        "trailer",
        "keep-alive",
        "expect",
        "proxy-authorization",
        "Proxy-Connection",
    ] {
        let mut request = get(server.url("/"));
        request.headers = vec![(name.to_owned(), "25".to_owned())];
        let refused = fetch(loopback(), request).await.unwrap_err();
        let name = name.to_lowercase();
        let expected =
            format!("the header `{name}` is set by the host and not by a workflow; leave it out");
        assert!(refused.is_fatal());
        assert_eq!(refused.message(), expected);
    }
    for method in ["CONNECT", "TRACE", "NOT A METHOD"] {
        let request = Request { method: method.to_owned(), ..get(server.url("/")) };
        assert!(fetch(loopback(), request).await.unwrap_err().is_fatal(), "{method}");
    }
    assert_eq!(server.came(), None);
}

#[tokio::test]
async fn a_proxy_is_used_if_it_was_given_and_for_what_is_not_named() {
    let mut proxy = Server::answering("200 Proxied".to_owned()).await;
    let mut server = Server::answering("200 Fine".to_owned()).await;
    let egress = allowing(&server).with_proxy(&proxy.url("")).unwrap();
    fetch(egress.clone(), get("http://segno.test/x")).await.unwrap();
    assert!(proxy.came().unwrap().starts_with("GET http://segno.test/x HTTP/1.1\r\n"));
    fetch(egress, get(server.url("/x"))).await.unwrap();
    assert!(server.came().unwrap().starts_with("GET /x HTTP/1.1\r\n"));
    assert_eq!(proxy.came(), None);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/slow?secret", listener.local_addr().unwrap());
    let request = Request { timeout_ms: Some(1), ..get(url) };
    let error = fetch(loopback(), request).await.unwrap_err();
    assert!(!error.is_fatal());
    assert!(error.message().ends_with("/slow gave no whole answer within 1ms"), "{error}");
}

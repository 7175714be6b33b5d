//! Putting a router on a socket, with a bound on everything that a peer can hold: connections,
//! headers, and time.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, warn};

use crate::doors::entrance::Entrance;
use crate::doors::peers::Peers;

/// How long the head of a request may take to come, and so also how long a connection may be idle
/// between two requests: a peer that drips its headers holds a connection no longer than this.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a peer may refuse to take what is written to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// What the head of a request may have, in bytes: four times what browsers and proxies send.
const MAX_HEAD: usize = 32 << 10;

/// What is read ahead of a connection, or waits to be written to it, in bytes: two heads.
const BUFFER: usize = 64 << 10;

/// How long requests under way may take to end when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long nothing is accepted after the system refused a connection, for example because too many
/// files are open: without a pause the loop would spin until one is closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// What it means that a peer closes its sending side and not the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HalfClose {
    /// It has gone: what it waits for is given up at once, and its place is free.
    Gone,
    /// It has said all that it has to say, and waits for the answer.
    Waits,
}

/// How peers are received.
#[derive(Debug, Clone, Copy)]
pub struct Reception {
    /// How many connections there may be of all peers. Those beyond it wait in the queue of the
    /// operating system.
    pub connections: usize,
    /// How many of one peer: an address of IPv4, or the /64 of one of IPv6. Those beyond it are closed at once,
    /// so that a peer which opens connections and says nothing keeps nobody waiting but itself.
    pub of_one_peer: usize,
    /// What it means that a peer closes its sending side.
    pub half_close: HalfClose,
}

/// Serves what stands behind a listener until `shutdown` is ready. Then nothing new is accepted, idle
/// connections are closed, requests under way get some seconds to end, and the future returns.
pub async fn serve(
    listener: TcpListener,
    entrance: Entrance,
    reception: Reception,
    shutdown: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let peers = Peers::new(reception.of_one_peer);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_ended) = connections.join_next() => {}
            (stream, peer) = accept(&listener), if connections.len() < reception.connections => {
                if let Some(seat) = peers.seat(peer.ip()) {
                    let served = connection(stream, entrance.clone(), reception.half_close, &graceful);
                    connections.spawn(served.map(|()| drop(seat)));
                }
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        warn!(left = connections.len(), "requests did not end in time and were cut off");
    }
    connections.shutdown().await;
}

/// The next connection. What fails here is never the fault of the server, so it goes on.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing tells when the system accepts connections again"
)]
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_the_peer(&error) => {
                debug!(%error, "a connection broke before it began")
            }
            Err(error) => {
                warn!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

fn connection(
    stream: TcpStream,
    entrance: Entrance,
    half_close: HalfClose,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + use<> {
    // Answers are small and awaited; that they are not held back is worth a packet.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .half_close(half_close == HalfClose::Waits)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(MAX_HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            service_fn(move |request| entrance.clone().answer(request)),
        );
    let watched = graceful.watch(served);
    async move {
        if let Err(error) = watched.await {
            debug!(%error, "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_util::sync::CancellationToken;

    use super::*;

    const MANY: Reception =
        Reception { connections: 400, of_one_peer: 400, half_close: HalfClose::Gone };

    /// A server on a port of its own; stops when the token is cancelled.
    async fn start(
        entrance: impl Into<Entrance>,
        reception: Reception,
    ) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(
            listener,
            entrance.into(),
            reception,
            stop.clone().cancelled_owned(),
        ));
        (address, stop, server)
    }

    async fn exchange(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_request_under_way_ends_although_the_server_stops() {
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let router = Router::new().route(
            "/",
            get(move || {
                stopping.cancel();
                async { "done" }
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, router.into(), MANY, stop.cancelled_owned()));
        let answer = exchange(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with("done"), "{answer}");
        server.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_is_431() {
        let (address, stop, server) = start(Router::new(), MANY).await;
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEAD));
        let answer = exchange(address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_finish_its_head_is_cut_off() {
        let (address, stop, server) = start(Router::new(), MANY).await;
        // The answer is the end of the stream: the paused clock jumps to the time-out as soon as
        // nothing else can happen.
        let answer = exchange(address, "GET / HTTP/1.1\r\nHos").await;
        assert_eq!(answer, "");
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test]
    async fn connections_beyond_the_bound_wait_for_their_turn() {
        let router = Router::new().route("/", get(async || "ok"));
        let (address, stop, server) = start(router, Reception { connections: 2, ..MANY }).await;
        let idle = [
            TcpStream::connect(address).await.unwrap(),
            TcpStream::connect(address).await.unwrap(),
        ];
        let last = tokio::spawn(async move {
            exchange(address, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await
        });
        drop(idle);
        assert!(last.await.unwrap().starts_with("HTTP/1.1 200"));
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_peer_that_says_nothing_keeps_nobody_waiting_but_itself() {
        let router = Router::new().route("/", get(async || "ok"));
        let (address, stop, server) = start(router, Reception { of_one_peer: 2, ..MANY }).await;
        let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let silent = [
            TcpStream::connect(address).await.unwrap(),
            TcpStream::connect(address).await.unwrap(),
        ];
        let mut refused = TcpStream::connect(address).await.unwrap();
        assert_eq!(refused.read(&mut [0]).await.unwrap_or_default(), 0);
        // All addresses of this machine are at the same place, but not the same peer.
        let another = tokio::net::TcpSocket::new_v4().unwrap();
        another.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut another = another.connect(address).await.unwrap();
        another.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        another.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        drop(silent);
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test]
    async fn who_comes_before_the_door_is_open_is_told_to_come_back() {
        let entrance = Entrance::default();
        let (address, stop, server) = start(entrance.clone(), MANY).await;
        let request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let early = exchange(address, request).await;
        assert!(early.starts_with("HTTP/1.1 503"), "{early}");
        assert!(
            early.contains("retry-after: 5\r\n") && early.contains("the host is recovering"),
            "{early}"
        );
        entrance.open(Router::new().route("/healthz", get(async || "ok")));
        let late = exchange(address, request).await;
        assert!(late.starts_with("HTTP/1.1 200"), "{late}");
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_without_a_host_or_with_two_is_400() {
        let (address, stop, server) =
            start(Router::new().route("/", get(async || "ok")), MANY).await;
        for (head, status) in [
            ("GET / HTTP/1.1", "400"),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b", "400"),
            ("GET / HTTP/1.1\r\nHost: evil@localhost", "400"),
            ("GET / HTTP/1.1\r\nHost: a", "200"),
            ("GET / HTTP/1.0", "200"),
            // There is one host behind the listener, whatever it is called.
            ("GET http://elsewhere/ HTTP/1.1\r\nHost: elsewhere", "200"),
        ] {
            let answer = exchange(address, &format!("{head}\r\nConnection: close\r\n\r\n")).await;
            assert_eq!(answer.split(' ').nth(1), Some(status), "{head}: {answer}");
        }
        stop.cancel();
        server.await.unwrap();
    }
}

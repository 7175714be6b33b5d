//! Putting a router on a socket, with a bound on everything that a peer can hold: connections,
//! headers, and time.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, warn};

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

/// Serves a router on a listener, with so many connections at once, until `shutdown` is ready. Then
/// nothing new is accepted, idle connections are closed, requests under way get some seconds to end,
/// and the future returns. Connections beyond the bound wait in the queue of the operating system.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections_at_once: usize,
    half_close: HalfClose,
    shutdown: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_ended) = connections.join_next() => {}
            stream = accept(&listener), if connections.len() < connections_at_once => {
                connections.spawn(connection(stream, router.clone(), half_close, &graceful));
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
#[expect(clippy::disallowed_methods, reason = "nothing tells when the system accepts connections again")]
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if is_of_the_peer(&error) => debug!(%error, "a connection broke before it began"),
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
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

fn connection(
    stream: TcpStream,
    router: Router,
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
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router));
    let watched = graceful.watch(served);
    async move {
        if let Err(error) = watched.await {
            debug!(%error, "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// A server on a port of its own; stops when the token is cancelled.
    async fn start(router: Router) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server =
            tokio::spawn(serve(listener, router, 400, HalfClose::Gone, stop.clone().cancelled_owned()));
        (address, stop, server)
    }

    async fn exchange(address: std::net::SocketAddr, request: &str) -> String {
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
        let server = tokio::spawn(serve(listener, router, 400, HalfClose::Gone, stop.cancelled_owned()));
        let answer = exchange(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with("done"), "{answer}");
        server.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_is_431() {
        let (address, stop, server) = start(Router::new()).await;
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEAD));
        let answer = exchange(address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_finish_its_head_is_cut_off() {
        let (address, stop, server) = start(Router::new()).await;
        // The answer is the end of the stream: the paused clock jumps to the time-out as soon as
        // nothing else can happen.
        let answer = exchange(address, "GET / HTTP/1.1\r\nHos").await;
        assert_eq!(answer, "");
        stop.cancel();
        server.await.unwrap();
    }

    #[tokio::test]
    async fn connections_beyond_the_bound_wait_for_their_turn() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(async || "ok"));
        let server =
            tokio::spawn(serve(listener, router, 2, HalfClose::Gone, stop.clone().cancelled_owned()));
        let idle = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        let last = tokio::spawn(async move {
            exchange(address, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await
        });
        drop(idle);
        assert!(last.await.unwrap().starts_with("HTTP/1.1 200"));
        stop.cancel();
        server.await.unwrap();
    }
}

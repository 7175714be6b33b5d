//! The server of a service: every request passes the faults first.
//!
//! The connections are hyper's, not axum's, because only there a service can end a connection without
//! any answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use segno::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::faults::{Fault, Faults};

/// The connection ends here, without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped on purpose")]
struct Cut;

/// Serves until it is told to stop; then all connections are dropped.
pub(crate) async fn run(
    listener: TcpListener,
    router: Router,
    faults: Arc<Faults>,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, router.clone(), Arc::clone(&faults));
                connections.spawn(stop.clone().run_until_cancelled_owned(connection));
            }
            // Out of file descriptors, most likely: some come back.
            Err(_) => pause(Duration::from_millis(50)).await,
        }
    }
    connections.close();
    connections.wait().await;
}

async fn connection(stream: TcpStream, router: Router, faults: Arc<Faults>) {
    let service = service_fn(move |request| {
        let router = router.clone();
        let faults = Arc::clone(&faults);
        async move { answer(request, router, &faults).await }
    });
    // The only errors are our own cuts and callers who left.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    router: Router,
    faults: &Faults,
) -> Result<Response<Body>, Cut> {
    let door = request.uri().path().split('/').nth(1).unwrap_or_default();
    let fault = faults.next(door);
    match fault {
        Some(Fault::TooMany { seconds, as_date }) => return Ok(too_many(seconds, as_date)),
        Some(Fault::Error) => return Ok(trouble()),
        Some(Fault::Cut) => return Err(Cut),
        Some(Fault::Slow(time)) => pause(time).await,
        Some(Fault::ErrorAfter | Fault::CutAfter) | None => {}
    }
    let response: Result<_, Infallible> = TowerToHyperService::new(router).call(request).await;
    let Ok(response) = response;
    match fault {
        Some(Fault::ErrorAfter) => Ok(trouble()),
        Some(Fault::CutAfter) => Err(Cut),
        _ => Ok(response),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this server is slow on purpose; it knows nothing of runs"
)]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

fn trouble() -> Response<Body> {
    status(StatusCode::INTERNAL_SERVER_ERROR)
}

fn too_many(seconds: u64, as_date: bool) -> Response<Body> {
    let mut response = status(StatusCode::TOO_MANY_REQUESTS);
    let after = if as_date {
        // A date has no fractions, so one second more makes sure that it is not past.
        let date = SystemTime::from(Timestamp::now()) + Duration::from_secs(seconds + 1);
        HeaderValue::from_str(&httpdate::fmt_http_date(date)).expect("a date is plain ASCII")
    } else {
        HeaderValue::from(seconds)
    };
    response.headers_mut().insert(header::RETRY_AFTER, after);
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

//! Which answers of another system are worth a further attempt, and when.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use demo_kit::http::{client, send, send_or};
use segno::{StepError, Timestamp};
use tokio::net::TcpListener;

async fn answer(Path(what): Path<String>) -> Response {
    let soon =
        httpdate::fmt_http_date(SystemTime::from(Timestamp::now()) + Duration::from_secs(90));
    match what.as_str() {
        "seconds" => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "7")]).into_response(),
        "date" => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, soon)]).into_response(),
        "refused" => (StatusCode::UNPROCESSABLE_ENTITY, r#"{"error": "no data"}"#).into_response(),
        "fine" => "fine".into_response(),
        status => StatusCode::from_u16(status.parse().unwrap()).unwrap().into_response(),
    }
}

/// Where a service gives this answer, for as long as the test runs.
async fn serve(what: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/{what}", listener.local_addr().unwrap());
    let router = Router::new().route("/{what}", get(answer));
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

async fn ask(what: &str) -> Result<String, StepError> {
    let answer = send(client().get(serve(what).await)).await;
    Ok(answer?.text().await?)
}

#[tokio::test]
async fn a_success_is_passed_on() {
    assert_eq!(ask("fine").await.unwrap(), "fine");
}

#[tokio::test]
async fn retry_after_is_heeded_as_a_number_and_as_a_date() {
    let number = ask("seconds").await.unwrap_err();
    assert_eq!(number.retry_after_delay(), Some(Duration::from_secs(7)));
    let date = ask("date").await.unwrap_err().retry_after_delay().unwrap();
    assert!(date > Duration::ZERO && date <= Duration::from_secs(90), "{date:?}");
}

#[tokio::test]
async fn what_a_repetition_may_mend_is_tried_again() {
    for status in ["408", "429", "500", "502", "503"] {
        let error = ask(status).await.unwrap_err();
        assert!(!error.is_fatal(), "{status}");
        assert_eq!(error.retry_after_delay(), None, "{status}");
    }
}

#[tokio::test]
async fn a_request_that_is_wrong_is_wrong_for_good_and_says_why() {
    for status in ["400", "401", "404", "409"] {
        assert!(ask(status).await.unwrap_err().is_fatal(), "{status}");
    }
    let error = ask("refused").await.unwrap_err();
    assert!(error.is_fatal());
    assert!(error.message().ends_with("answered 422 Unprocessable Entity: no data"), "{error}");
}

#[tokio::test]
async fn a_connection_that_is_refused_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = send(client().get(url)).await.unwrap_err();
    assert!(!error.is_fatal(), "{error}");
}

#[tokio::test]
async fn a_no_that_is_an_answer_is_given_with_its_reason() {
    let url = serve("refused").await;
    let answer = send_or(client().get(&url), StatusCode::UNPROCESSABLE_ENTITY).await.unwrap();
    assert_eq!(answer.unwrap_err(), "no data");
    let other = send_or(client().get(&url), StatusCode::CONFLICT).await.unwrap_err();
    assert!(other.is_fatal(), "{other}");
    let fine = send_or(client().get(serve("fine").await), StatusCode::CONFLICT).await.unwrap();
    assert_eq!(fine.unwrap().text().await.unwrap(), "fine");
}

//! A poll survives an outage: it goes on from where it was.

#![expect(clippy::unwrap_used, reason = "a test that fails is a panic")]

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use data_sync::crm_poll::{Config, Contact, crm_poll};
use data_sync::{db, http};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

fn ada() -> Contact {
    Contact {
        id: "contact-1".to_owned(),
        name: "Ada Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
        company: "Cobalt Works".to_owned(),
        city: "Turin".to_owned(),
        updated_at: 1,
    }
}

/// A CRM that is down for the first two requests. It tells what each request asked for.
async fn contacts(
    State(asked): State<UnboundedSender<i64>>,
    Query(query): Query<Value>,
) -> Response {
    let since = query["updated_since"].as_str().unwrap().parse().unwrap();
    let number = {
        asked.send(since).unwrap();
        REQUESTS.fetch_add(1, std::sync::atomic::Ordering::SeqCst)
    };
    if number < 2 { StatusCode::BAD_GATEWAY.into_response() } else { Json([ada()]).into_response() }
}

static REQUESTS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

#[tokio::test]
async fn a_poll_goes_on_from_the_same_cursor_after_an_outage() {
    let directory = tempfile::tempdir().unwrap();
    let database =
        db::Database::open(&db::sqlite_url(&directory.path().join("data.db"))).await.unwrap();
    db::set(database).unwrap();
    let (asked, mut seen) = unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    http::set_base(format!("http://{}", listener.local_addr().unwrap()));
    let router = Router::new().route("/crm/contacts", get(contacts)).with_state(asked);
    tokio::spawn(async { axum::serve(listener, router).await });

    // Outside a host a step is attempted once, so each failed request is an outage.
    let workflow = tokio::spawn(crm_poll(Config { every: "1ms".to_owned() }));
    let mut cursors = Vec::new();
    while cursors.len() < 5 {
        cursors.push(seen.recv().await.unwrap());
    }
    assert!(!workflow.is_finished());
    workflow.abort();

    assert_eq!(cursors[..3], [0, 0, 0], "twice in vain, then with success: {cursors:?}");
    assert!(cursors[3] > 0 && cursors[4] >= cursors[3], "then it moves on: {cursors:?}");
    assert_eq!(db::get().await.unwrap().contacts().await.unwrap(), [ada()]);
}

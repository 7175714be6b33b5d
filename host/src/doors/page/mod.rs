//! The page: what runs do, and why they wait, for somebody with a browser. On the management door, made by the host,
//! readable without a script, and without one request to elsewhere.
//!
//! It shows what the management API tells, from the same values. Whoever looks has a session, which a token opens.

mod assets;
mod dress;
mod filter;
mod history;
mod login;
mod overview;
mod payload;
mod run;
mod runs;
mod session;
mod shell;
mod state;

use axum::routing::{get, post};
use axum::{Router, middleware};

use crate::doors::page::state::Page;
use crate::doors::tokens::Keyring;
use crate::engine::Supervisor;

pub use crate::doors::page::session::Sessions;

/// The routes of the page.
pub(super) fn page(current: Supervisor, keyring: Keyring, sessions: Sessions) -> Router {
    let page = Page::new(current, keyring, sessions);
    let for_sessions = Router::new()
        .route("/", get(overview::show))
        .route("/runs", get(runs::list))
        .route("/runs/{id}", get(run::show))
        .route("/runs/{id}/input", get(payload::input))
        .route("/runs/{id}/output", get(payload::output))
        .layer(middleware::from_fn_with_state(page.clone(), login::check));
    let for_all = Router::new()
        .route("/login", get(login::ask).post(login::open))
        .route("/logout", post(login::close))
        .route("/assets/page.css", get(assets::style));
    for_sessions.merge(for_all).layer(middleware::from_fn(dress::dress)).with_state(page)
}

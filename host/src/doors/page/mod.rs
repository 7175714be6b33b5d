//! The page: what runs do, and why they wait, for somebody with a browser. On the management door, made by the host,
//! readable without a script, and without one request to elsewhere.
//!
//! It shows what the management API tells, from the same values. Whoever looks has a login, which a token opens.

mod action;
mod actions;
mod assets;
mod dress;
mod enter;
mod filter;
mod form;
mod forms;
mod history;
mod logins;
mod overview;
mod payload;
mod run;
mod runs;
mod shell;
mod state;

use axum::routing::{get, post};
use axum::{Router, middleware};

use crate::doors::bodies::Bodies;
use crate::doors::page::forms::Forms;
use crate::doors::page::state::Page;
use crate::doors::refusal::unknown_method;
use crate::doors::tokens::Keyring;
use crate::engine::Supervisor;

pub use crate::doors::page::logins::Logins;

/// The routes of the page.
pub(super) fn page(
    current: Supervisor,
    keyring: Keyring,
    logins: Logins,
    bodies: Bodies,
) -> Router {
    let page = Page { current, keyring, logins, bodies, forms: Forms::default() };
    let for_logins = Router::new()
        .route("/", get(overview::show))
        .route("/runs", get(runs::list))
        .route("/runs/{id}", get(run::show))
        .route("/runs/{id}/input", get(payload::input))
        .route("/runs/{id}/output", get(payload::output))
        .route("/runs/{id}/{action}", get(actions::ask).post(actions::act))
        .layer(middleware::from_fn_with_state(page.clone(), enter::check));
    let for_all = Router::new()
        .route("/login", get(enter::ask).post(enter::open))
        .route("/logout", post(enter::close))
        .route("/assets/icon.svg", get(assets::icon))
        .route("/assets/page.css", get(assets::style));
    let all = for_logins.merge(for_all).method_not_allowed_fallback(unknown_method);
    all.layer(middleware::from_fn(dress::dress)).with_state(page)
}

//! Doing something to a run: first it is said what will be done, and then it is.

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use segno_journal::RunId;
use serde::Deserialize;

use crate::doors::page::action::Action;
use crate::doors::page::dress::html;
use crate::doors::page::form;
use crate::doors::page::shell::Shell;
use crate::doors::page::state::Page;
use crate::doors::params::RunAndName;
use crate::doors::refusal::{Kind, Refusal};
use crate::doors::tokens::Caller;
use crate::engine::{Asker, CancelHow, Engine, NewFork, Random};

/// Says what will be done, and asks for it.
#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    shell: Shell,
    action: Action,
    run: RunId,
    workflow: String,
    /// Sent twice, the form still makes one run.
    key: String,
}

/// What the form sends.
#[derive(Deserialize)]
struct Sent {
    key: String,
}

/// `GET /runs/{id}/{action}`.
pub(super) async fn ask(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
    RunAndName(run, word): RunAndName,
) -> Result<Response, Refusal> {
    let action = Action::named(&word).ok_or_else(|| unknown(&word))?;
    let workflow = engine.run(run).await?.workflow;
    let shell = Shell::new(format!("{} {run}", action.label()), &caller);
    let key = format!("page-{}", hex::encode(&Random::System.key()[..16]));
    Ok(html(&Confirm { shell, action, run, workflow, key }))
}

/// `POST /runs/{id}/{action}`.
pub(super) async fn act(
    State(page): State<Page>,
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
    RunAndName(run, word): RunAndName,
    request: Request,
) -> Result<Response, Refusal> {
    let action = Action::named(&word).ok_or_else(|| unknown(&word))?;
    let Sent { key } = form::read(&page, request).await?;
    let by = Asker::named(caller.name());
    let leads = match action {
        Action::Resume => engine.resume_by(run, None, by).await.map(|view| Some(view.run_id))?,
        Action::RetryNow => engine.retry_now(run).await.map(|view| Some(view.run_id))?,
        Action::Wake => engine.wake_by(run, None, by).await.map(|view| Some(view.run_id))?,
        Action::Pause => engine.pause_by(run, by).await.map(|view| Some(view.run_id))?,
        Action::Retry => engine.retry_by(run, None, None, by).await.map(|it| Some(it.run_id))?,
        Action::Fork => {
            let new = NewFork { key: Some(key), by, ..NewFork::default() };
            engine.fork(run, new).await.map(|started| Some(started.run_id))?
        }
        Action::RunAgain => {
            engine.run_again(run, Some(key)).await.map(|started| Some(started.run_id))?
        }
        Action::Cancel | Action::Kill => {
            let how = CancelHow { kill: action == Action::Kill, within: CancelHow::WITHIN };
            engine.cancel_by(run, how, by).await.map(|view| Some(view.run_id))?
        }
        Action::Delete => engine.delete_by(run, by).await.map(|()| None)?,
    };
    let location = leads.map_or_else(|| "/runs".to_owned(), |run| format!("/runs/{run}"));
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}

fn unknown(word: &str) -> Refusal {
    Refusal::new(
        &Kind::UNKNOWN_ROUTE,
        format!("nothing that can be done to a run is called `{word}`"),
    )
}

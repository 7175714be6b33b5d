//! Doing something to a run: first it is said what will be done, and then it is.

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use segno_journal::RunId;
use serde::Deserialize;

use crate::doors::auth;
use crate::doors::page::action::Action;
use crate::doors::page::dress::html;
use crate::doors::page::form;
use crate::doors::page::shell::Shell;
use crate::doors::page::state::Page;
use crate::doors::params::RunAndName;
use crate::doors::refusal::{Kind, Refusal};
use crate::doors::tokens::{Caller, Right};
use crate::engine::{Asker, CancelHow, Engine, NewFork, Random};

/// How long the key of a form may be, in bytes: those of the page are shorter, and so many are remembered.
const MAX_KEY: usize = 64;

/// Says what will be done, and asks for it.
#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    shell: Shell,
    action: Action,
    run: RunId,
    workflow: String,
    does: &'static str,
    /// Sent twice, the form does it once.
    key: String,
    /// How many turns the run had had.
    turns: u64,
}

/// What the form sends.
#[derive(Deserialize)]
struct Sent {
    key: String,
    turns: u64,
}

/// `GET /runs/{id}/{action}`.
pub(super) async fn ask(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
    RunAndName(run, word): RunAndName,
) -> Result<Response, Refusal> {
    let action = Action::named(&word).ok_or_else(|| unknown(&word))?;
    if let Some(refusal) = auth::refusal(&caller, Right::Operate) {
        return Err(refusal);
    }
    let view = engine.run(run).await?;
    if !action.fits(&view) {
        return Err(changed(run));
    }
    let shell = Shell::new(format!("{} {run}", action.label()), &caller);
    let key = format!("page-{}", hex::encode(&Random::System.key()[..16]));
    let (does, turns) = (action.does(view.status), view.turns);
    Ok(html(&Confirm { shell, action, run, workflow: view.workflow, does, key, turns }))
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
    let Sent { key, turns } = form::read(&page, request).await?;
    if key.len() > MAX_KEY {
        return Err(Refusal::new(&Kind::BAD_KEY, "the key of the form is not one of this page"));
    }
    // What makes a new run is known by its key.
    let makes_one = matches!(action, Action::Fork | Action::RunAgain);
    if !makes_one && !page.forms.is_new(&key) {
        return Ok(lead((action != Action::Delete).then_some(run)));
    }
    let done = match action.is_of_its_turn() && engine.run(run).await?.turns != turns {
        true => Err(changed(run)),
        false => perform(&engine, (action, run), &key, &caller).await,
    };
    if done.is_err() {
        page.forms.forget(&key);
    }
    done.map(lead)
}

/// Does it; gives the run that it leads to, if there is one.
async fn perform(
    engine: &Engine,
    (action, run): (Action, RunId),
    key: &str,
    caller: &Caller,
) -> Result<Option<RunId>, Refusal> {
    let by = Asker::named(caller.name());
    let view = match action {
        Action::Resume => engine.resume_by(run, None, by).await?,
        Action::RetryNow => engine.retry_now(run).await?,
        Action::Wake => engine.wake_by(run, None, by).await?,
        Action::Pause => engine.pause_by(run, by).await?,
        Action::Retry => engine.retry_by(run, None, None, by).await?,
        Action::Cancel | Action::Kill => {
            let how = CancelHow { kill: action == Action::Kill, within: CancelHow::WITHIN };
            engine.cancel_by(run, how, by).await?
        }
        Action::Fork => {
            let new = NewFork { key: Some(key.to_owned()), by, ..NewFork::default() };
            return Ok(Some(engine.fork(run, new).await?.run_id));
        }
        Action::RunAgain => {
            return Ok(Some(engine.run_again(run, Some(key.to_owned())).await?.run_id));
        }
        Action::Delete => {
            engine.delete_by(run, by).await?;
            return Ok(None);
        }
    };
    Ok(Some(view.run_id))
}

/// Leads to a run, or to all.
fn lead(run: Option<RunId>) -> Response {
    let location = run.map_or_else(|| "/runs".to_owned(), |run| format!("/runs/{run}"));
    Redirect::to(&location).into_response()
}

fn changed(run: RunId) -> Refusal {
    let detail = "the run does not stand as it did any more: look at it again, and then decide";
    Refusal::new(&Kind::CHANGED_SINCE, detail).about_run(run)
}

fn unknown(word: &str) -> Refusal {
    Refusal::new(
        &Kind::UNKNOWN_ROUTE,
        format!("nothing that can be done to a run is called `{word}`"),
    )
}

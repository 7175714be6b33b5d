//! One run: why it waits, what it was given and gave, and what happened.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use segno_api::{AttributeFilter, RunFilter, RunStatus, RunView, printable};
use serde::Deserialize;

use crate::doors::page::action::Action;
use crate::doors::page::dress::html;
use crate::doors::page::filter::link;
use crate::doors::page::history::{Entry, From, History};
use crate::doors::page::payload::Shown;
use crate::doors::page::shell::{Shell, now};
use crate::doors::params::{Params, RunPath, Turn};
use crate::doors::refusal::Refusal;
use crate::doors::tokens::{Caller, Right};
use crate::engine::Engine;
use crate::timeline::{Timeline, between, digest, duration, moment, printable_lines};

/// How much of a value is shown in a history, in characters.
const VALUE: usize = 200;

/// Of how much that a run waits for is told.
const WAITS: usize = 50;

/// From which turn on a history is shown; its last turns where it is not said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    turn: Option<Turn>,
    /// How many entries of that turn were shown before.
    #[serde(default)]
    entry: Turn,
}

#[derive(Template)]
#[template(path = "run.html")]
struct Run {
    shell: Shell,
    id: String,
    workflow: String,
    workflow_link: String,
    status: RunStatus,
    /// Why it is blocked, and since when.
    blocked: Option<String>,
    waits: Vec<String>,
    more_waits: usize,
    cleanup: Vec<String>,
    actions: Vec<Action>,
    facts: Vec<(&'static str, String)>,
    family: Vec<(&'static str, String, String)>,
    attributes: Vec<(String, String, String)>,
    error: Option<String>,
    input: Shown,
    output: Option<Shown>,
    history: History,
}

/// `GET /runs/{id}`.
pub(super) async fn show(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
    RunPath(run): RunPath,
    Params(Asked { turn, entry }): Params<Asked>,
) -> Result<Response, Refusal> {
    let now = now();
    let view = engine.run(run).await?;
    let from = From::new(turn.map(Turn::get), entry.get(), view.turns);
    let page = engine.history(run, from.turn, History::TURNS).await?;
    let timeline = Timeline::new(&view, now, VALUE);
    let entries = page.events.iter().map(|entry| Entry {
        turn: entry.turn,
        offset: timeline.offset(entry.at),
        at: format!("{:.3}", entry.at),
        text: timeline.event(&entry.event),
    });
    let history = History::new(&view, from, page.next, entries);
    Ok(html(&Run {
        shell: Shell::new(format!("{} {}", view.workflow, view.run_id), &caller),
        id: view.run_id.to_string(),
        workflow_link: of_workflow(&view),
        workflow: view.workflow.clone(),
        status: view.status,
        blocked: view.blocked.as_ref().map(|blocked| {
            let since = blocked.at.map_or_else(String::new, |at| format!(" {}", moment(at, now)));
            let message = printable_lines(&blocked.message);
            format!("blocked ({}){since}: {message}", blocked.kind)
        }),
        waits: view.waits_for.iter().take(WAITS).map(|wait| timeline.wait(wait)).collect(),
        more_waits: view.waits_for.len().saturating_sub(WAITS),
        cleanup: view.cleanup.as_ref().map(|it| timeline.undoes(it)).unwrap_or_default(),
        actions: Action::of(&view).into_iter().filter(|_| caller.may(Right::Operate)).collect(),
        facts: facts(&view, now),
        family: family(&view),
        attributes: attributes(&view),
        error: view.error.as_deref().map(printable_lines),
        input: Shown::new(view.input.get()),
        output: view.output.as_ref().map(|output| Shown::new(output.get())),
        history,
    }))
}

fn of_workflow(view: &RunView) -> String {
    let workflow = Some(view.workflow.clone());
    link(&RunFilter { workflow, ..RunFilter::default() }, None)
}

fn facts(view: &RunView, now: jiff::Timestamp) -> Vec<(&'static str, String)> {
    let ended = view
        .ended_at
        .map(|at| format!("{} after {}", moment(at, now), duration(between(view.started_at, at))));
    let times_out = view.times_out_at.filter(|_| view.ended_at.is_none());
    let facts = [
        ("module", Some(digest(&view.module).to_owned())),
        ("started", Some(moment(view.started_at, now))),
        ("begins", view.begins_at.map(|at| moment(at, now))),
        ("time-out", times_out.map(|at| moment(at, now))),
        ("ended", ended),
        ("turns", Some(view.turns.to_string())),
        ("called at the end", view.on_end.as_ref().map(|on_end| on_end.url.clone())),
        ("type of the error", view.error_type.clone()),
        ("place of the error", view.error_at.clone()),
    ];
    facts
        .into_iter()
        .filter_map(|(name, fact)| Some((name, printable(&fact?, usize::MAX))))
        .collect()
}

/// Other runs that it comes from: how, and which, with the link.
fn family(view: &RunView) -> Vec<(&'static str, String, String)> {
    let parent = view.parent.as_ref().map(|it| ("child of", it.run_id));
    let forked = view.forked_from.as_ref().map(|it| ("forked from", it.run_id));
    let both = [parent, forked].into_iter().flatten();
    both.map(|(how, run)| (how, run.to_string(), format!("/runs/{run}"))).collect()
}

/// Each attribute, and the link to the runs that have the same.
fn attributes(view: &RunView) -> Vec<(String, String, String)> {
    let links = view.attributes.iter().map(|(name, value)| {
        let text = value.to_string();
        let same = AttributeFilter { name: name.clone(), text: text.clone() };
        let filter = RunFilter { attributes: vec![same], ..RunFilter::default() };
        (name.clone(), printable(&text, usize::MAX), link(&filter, None))
    });
    links.collect()
}

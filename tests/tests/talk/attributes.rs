//! Attributes: what runs are found by, given at the start and set by workflows.

use segno_host::engine::{
    AttributeView, EngineError, HistoryEvent, NewBatch, NewRun, RunFilter, RunStatus, StartInBatch,
};
use segno_journal::{
    AttributeValue, Attributes, MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES, Number, RunId, Timestamp,
};
use segno_tests::{Host, raw};
use serde_json::json;

use crate::{listens, signal};

fn text(text: &str) -> AttributeValue {
    AttributeValue::Text(text.to_owned())
}

fn number(number: f64) -> AttributeValue {
    AttributeValue::Number(Number::new(number).expect("it is one"))
}

fn attributes<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Attributes {
    attributes.map(|(name, value)| (name.to_owned(), value)).into()
}

async fn start(host: &Host, many: usize, attributes: Attributes) -> Result<RunId, EngineError> {
    let new = NewRun { attributes, ..NewRun::default() };
    let started = host.engine.start_with("marked", raw(&json!(many)), new).await?;
    Ok(started.run_id)
}

async fn shown(host: &Host, run: RunId) -> Attributes {
    let view = host.engine.run(run).await.expect("it is there");
    view.attributes.into_iter().map(|(name, AttributeView(value))| (name, value)).collect()
}

/// A filter that is written as in the query of a list.
fn filter(query: &str) -> RunFilter {
    let mut filter = RunFilter { limit: 100, ..RunFilter::default() };
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').expect("it has a value");
        assert_eq!(filter.take(name, value), Ok(true), "{parameter}");
    }
    filter
}

/// The runs that a filter finds; they are counted as well.
async fn found(host: &Host, query: &str) -> Vec<RunId> {
    let page = host.engine.runs(filter(query)).await.expect("they can be listed");
    assert_eq!(page.next, None, "{query}");
    let counts = host.engine.count_runs(filter(query)).await.expect("they can be counted");
    assert_eq!((counts.total, counts.more), (page.runs.len() as u64, false), "{query}");
    page.runs.iter().map(|run| run.run_id).collect()
}

#[tokio::test]
async fn a_run_is_found_by_what_it_was_given_and_by_what_its_workflow_sets() {
    let host = Host::new().await;
    let given = attributes([
        ("customer", text("42")),
        ("vip", AttributeValue::Boolean(true)),
        ("phase", text("given")),
        ("due", AttributeValue::Time(Timestamp(1_796_000_000_000))),
    ]);
    let run = start(&host, 0, given).await.expect("it is started");
    let other = start(&host, 0, attributes([("customer", number(42.0))])).await.expect("it is");
    listens(&host, run, "go").await;
    listens(&host, other, "go").await;
    let expected = attributes([
        ("customer", text("42")),
        ("vip", AttributeValue::Boolean(true)),
        ("phase", text("begun")),
        ("weight", number(1.5)),
        ("due", AttributeValue::Time(Timestamp(1_796_000_000_000))),
    ]);
    assert_eq!(shown(&host, run).await, expected);
    assert_eq!(found(&host, "attr.customer=42").await, [other, run]);
    assert_eq!(found(&host, "attr.customer=42&attr.vip=true&status=running,failed").await, [run]);
    assert_eq!(found(&host, "attr.customer=42.0").await, [other], "it is no such text");
    assert_eq!(found(&host, "attr.phase=given").await, [], "the workflow has set it");
    let due = Timestamp(1_796_000_000_000);
    assert_eq!(found(&host, &format!("attr.due={due}")).await, [run]);
    host.engine.signal(run, signal("go", &json!(null)), false).await.expect("it is stored");
    host.end(run).await;
    let expected = attributes([
        ("vip", AttributeValue::Boolean(true)),
        ("phase", text("over")),
        ("weight", number(42.0)),
        ("due", AttributeValue::Time(Timestamp(1_796_000_000_000))),
    ]);
    assert_eq!(shown(&host, run).await, expected);
    assert_eq!(found(&host, "attr.weight=42&status=completed").await, [run]);
    assert_eq!(found(&host, "attr.weight=42&status=running").await, []);
    assert_eq!(found(&host, "attr.customer=42").await, [other]);
    assert_eq!(found(&host, "workflow=marked&attr.phase=over").await, [run]);
    assert_eq!(found(&host, "workflow=echo&attr.phase=over").await, []);
    let history = host.engine.history(run, 0, 100).await.expect("it can be read");
    let changes = history.events.iter().filter_map(|entry| match &entry.event {
        HistoryEvent::AttributeSet { name, value } => Some(format!("{name} = {value}")),
        HistoryEvent::AttributeRemoved { name } => Some(format!("{name} is gone")),
        _ => None,
    });
    let expected = [
        "phase = begun",
        "weight = 1.5",
        "phase = over",
        "weight is gone",
        "weight = 42",
        "customer is gone",
    ];
    assert_eq!(changes.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_run_has_so_many_attributes_and_no_more() {
    let host = Host::new().await;
    // Of those that it sets, two stand beside the ones from its loop.
    let fits = start(&host, MAX_ATTRIBUTES - 2, Attributes::new()).await.expect("it is started");
    let more = start(&host, MAX_ATTRIBUTES - 1, Attributes::new()).await.expect("it is started");
    for run in [fits, more] {
        host.engine.signal(run, signal("go", &json!(null)), false).await.expect("it is stored");
    }
    host.end(fits).await;
    assert_eq!(shown(&host, fits).await.len(), MAX_ATTRIBUTES);
    let blocked = host.until(more, |view| view.blocked.clone()).await;
    assert!(blocked.message.contains("more than 32 attributes"), "{}", blocked.message);
    assert_eq!(found(&host, "attr.phase=over").await, [fits], "nothing of its turn is stored");
    assert_eq!(found(&host, "attr.phase=begun&status=blocked").await, [more]);
}

#[tokio::test]
async fn a_start_with_attributes_that_no_run_can_have_is_refused() {
    let host = Host::new().await;
    let many = (0..=MAX_ATTRIBUTES).map(|number| (format!("n{number}"), text(""))).collect();
    let long = text(&"x".repeat(MAX_ATTRIBUTE_BYTES + 1));
    for bad in [many, attributes([("Customer", text("1"))])] {
        let refused = start(&host, 0, bad).await.expect_err("it cannot have them");
        assert!(matches!(refused, EngineError::BadAttribute(_)), "{refused}");
    }
    let refused = start(&host, 0, attributes([("a", long)])).await.expect_err("it is too long");
    assert!(matches!(refused, EngineError::TooLarge { .. }), "{refused}");
    assert_eq!(found(&host, "").await, []);
}

#[tokio::test]
async fn batches_and_runs_that_run_again_have_attributes() {
    let host = Host::new().await;
    let given = attributes([("customer", text("42")), ("phase", text("given")), ("x", text("y"))]);
    let start = |attributes| StartInBatch {
        workflow: "marked".into(),
        input: raw(&json!(0)),
        new: NewRun { attributes, ..NewRun::default() },
    };
    let batch = |attributes| {
        let starts = vec![start(attributes), start(Attributes::new())];
        NewBatch { key: Some("k".into()), starts, signals: vec![] }
    };
    let stored = host.engine.batch(batch(given.clone())).await.expect("it is stored");
    let run = stored.starts[0].run_id;
    assert_eq!(found(&host, "attr.customer=42").await, [run]);
    let again = host.engine.batch(batch(given.clone())).await.expect("it is the same");
    assert!(!again.created);
    let other = host.engine.batch(batch(Attributes::new())).await.expect_err("it is another one");
    assert!(matches!(other, EngineError::OtherBatch), "{other}");
    listens(&host, run, "go").await;
    let again = host.engine.run_again(run, None).await.expect("it is started").run_id;
    listens(&host, again, "go").await;
    let mut expected = given;
    expected.insert("phase".into(), text("begun"));
    expected.insert("weight".into(), number(1.5));
    assert_eq!(shown(&host, again).await, expected);
    assert_eq!(found(&host, "attr.x=y").await, [again, run]);
}

#[tokio::test]
async fn attributes_are_there_after_a_restart_and_a_kept_key_changes_none() {
    let host = Host::new().await;
    let new = || NewRun {
        key: Some("k".into()),
        attributes: attributes([("customer", text("42"))]),
        ..NewRun::default()
    };
    let run = host.engine.start_with("marked", raw(&json!(0)), new()).await.expect("it is").run_id;
    let other = NewRun { attributes: attributes([("customer", text("43"))]), ..new() };
    let again = host.engine.start_with("marked", raw(&json!(0)), other).await.expect("it is known");
    assert_eq!((again.run_id, again.created), (run, false));
    listens(&host, run, "go").await;
    let host = host.restart(|_config| {}).await;
    assert_eq!(found(&host, "attr.customer=42&attr.phase=begun").await, [run]);
    host.engine.signal(run, signal("go", &json!(null)), false).await.expect("it is stored");
    host.end(run).await;
    assert_eq!(found(&host, "attr.customer=42").await, []);
    assert_eq!(found(&host, "attr.phase=over").await, [run]);
}

#[tokio::test]
async fn lists_are_bounded_by_when_runs_were_started_and_go_on_where_they_ended() {
    let host = Host::new().await;
    let mut runs = Vec::new();
    for number in 0..9 {
        let kind = text(if number % 3 == 0 { "third" } else { "other" });
        runs.push(start(&host, 0, attributes([("kind", kind)])).await.expect("it is started"));
    }
    let started = |run| {
        let engine = host.engine.clone();
        async move { engine.run(run).await.expect("it is there").started_at }
    };
    let middle = started(runs[4]).await;
    let all = found(&host, "workflow=marked").await;
    let before = found(&host, &format!("workflow=marked&started_before={middle}")).await;
    let after = found(&host, &format!("workflow=marked&started_after={middle}")).await;
    assert_eq!([after.clone(), before.clone()].concat(), all);
    assert!(after.contains(&runs[4]) && !before.contains(&runs[4]));
    let mut paged = Vec::new();
    let mut before = None;
    loop {
        let asked = RunFilter { limit: 2, before, ..filter("attr.kind=other&status=running") };
        let page = host.engine.runs(asked).await.expect("it can be listed");
        assert!(page.runs.len() <= 2);
        paged.extend(page.runs.iter().map(|run| run.run_id));
        let Some(next) = page.next else { break };
        before = Some(next.parse().expect("it is a run"));
    }
    let mut expected: Vec<_> = (0..9).filter(|number| number % 3 != 0).map(|at| runs[at]).collect();
    expected.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(paged, expected);
    let counts = host.engine.count_runs(RunFilter::default()).await.expect("they are counted");
    assert_eq!((counts.total, counts.by_status.running, counts.more), (9, 9, false));
    let failed = RunFilter { statuses: vec![RunStatus::Failed], ..RunFilter::default() };
    assert_eq!(host.engine.count_runs(failed).await.expect("they are counted").total, 0);
}

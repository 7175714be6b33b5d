//! What the book, the alerts for Prometheus and the dashboard for Grafana say of metrics, against what a
//! host counts: a name that nobody counts is an alert that never comes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use segno_tests::Host;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

const CHAPTER: &str = "docs/src/reference/metrics.md";
const COMMANDS: &str = "docs/src/reference/cli.md";
const ALERTS: &str = "packaging/prometheus/segno.rules.yml";
const DASHBOARD: &str = "packaging/grafana/segno.json";

/// The labels that Prometheus gives to whatever it is told.
const ITS_OWN: [&str; 2] = ["instance", "job"];

#[tokio::test]
async fn the_book_lists_what_a_host_counts() {
    let rows = read(CHAPTER);
    let rows = rows.lines().filter_map(|line| line.strip_prefix("| `segno_"));
    let rows: BTreeSet<_> = rows
        .map(|row| {
            let cells: Vec<_> = row.split(" | ").collect();
            format!("segno_{} {}", cells[0].trim_end_matches('`'), cells[1])
        })
        .collect();
    let types = shown().await.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let counted: BTreeSet<_> = types
        .map(|line| match line.strip_suffix(" counter") {
            Some(name) => format!("{name}_total counter"),
            None => line.to_owned(),
        })
        .collect();
    assert_eq!(rows, counted, "{CHAPTER} has a row for each metric and its kind");
}

#[tokio::test]
async fn each_metric_that_is_watched_is_counted() {
    let counted = Counted::of(shown().await);
    for (path, text) in [(ALERTS, read(ALERTS)), (DASHBOARD, texts(&dashboard()))] {
        let names: BTreeSet<_> = names(&text).map(|(_, name)| name).collect();
        assert!(names.len() > 10, "{path} could not be read");
        for name in names {
            assert!(
                counted.labels.contains_key(name),
                "{path} watches {name}, which no host counts"
            );
        }
    }
}

#[tokio::test]
async fn each_label_that_is_asked_for_is_given() {
    let counted = Counted::of(shown().await);
    let expressions = [alert_expressions(), panel_expressions()].concat();
    assert!(expressions.len() > 50, "the expressions could not be read");
    for expression in expressions {
        let mut given: BTreeSet<&str> = ITS_OWN.into();
        for (at, name) in names(&expression) {
            let labels = counted.labels.get(name).into_iter().flatten();
            let own: BTreeSet<_> = labels.copied().chain(ITS_OWN).collect();
            for (label, value) in matchers(&expression[at + name.len()..]) {
                assert!(own.contains(label), "{name} has no label {label}: {expression}");
                let values = value.split('|');
                let mut unknown = values.filter(|value| !counted.values.contains(&(label, value)));
                let is_free = ITS_OWN.contains(&label);
                assert!(is_free || unknown.next().is_none(), "{label} is never so: {expression}");
            }
            given.extend(own);
        }
        for label in groupings(&expression) {
            assert!(given.contains(label), "no metric has the label {label}: {expression}");
        }
    }
}

#[test]
fn the_book_has_each_alert() {
    let rules = read(ALERTS);
    let alerts: BTreeSet<_> = alerts(&rules).map(|(name, _)| name).collect();
    let chapter = read(CHAPTER);
    let rows = chapter.lines().filter_map(|line| line.strip_prefix("| `Segno"));
    let rows = rows.filter_map(|row| row.split('`').next());
    let rows: BTreeSet<_> = rows.map(|name| format!("Segno{name}")).collect();
    let rows: BTreeSet<_> = rows.iter().map(String::as_str).collect();
    assert!(alerts.len() > 5, "{ALERTS} could not be read");
    assert_eq!(rows, alerts, "{CHAPTER} has a row for each alert");
}

#[test]
fn each_alert_says_what_to_do() {
    let commands = read(COMMANDS);
    for (name, rule) in alerts(&read(ALERTS)) {
        let severity = rule.lines().find_map(|line| line.trim().strip_prefix("severity: "));
        assert!(matches!(severity, Some("critical" | "warning")), "{name}: {severity:?}");
        let (_, said) = rule.split_once(" annotations:\n").expect("it says something");
        // A line may end within a command.
        let said: Vec<_> = said.split_whitespace().collect();
        let said = said.join(" ");
        assert!(said.starts_with("summary: ") && said.contains(". description: >- "), "{name}");
        let given = said.split("`segno ").skip(1).filter_map(|rest| rest.split([' ', '`']).next());
        let given: Vec<_> = given.collect();
        assert!(!given.is_empty(), "{name} names no command");
        for command in given {
            assert!(commands.contains(&format!("`{command}")), "{name}: there is no {command}");
        }
    }
}

#[test]
fn each_panel_says_what_it_shows() {
    let dashboard = dashboard();
    assert_eq!(dashboard["uid"], "segno");
    let mut ids = BTreeSet::new();
    for panel in panels(&dashboard) {
        assert!(ids.insert(panel["id"].as_u64()), "two panels have the id of {panel}");
        let has = |path| panel.pointer(path).and_then(Value::as_str).is_some_and(|s| !s.is_empty());
        assert!(has("/title"), "{panel}");
        if panel["type"] != "row" {
            assert!(has("/fieldConfig/defaults/unit"), "{panel}");
            let said = panel["description"].as_str().unwrap_or_default();
            assert!(said.ends_with('.'), "a sentence says what this shows: {panel}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
        }
    }
}

/// What a host shows on which a run has ended and a step was made: all that it counts.
async fn shown() -> &'static str {
    static SHOWN: OnceCell<String> = OnceCell::const_new();
    let show = || async {
        let host = Host::new().await;
        host.run("add_steps", json!(1)).await;
        let shown = host.engine.metrics();
        host.stop().await;
        shown
    };
    SHOWN.get_or_init(show).await
}

/// The series that a host shows.
struct Counted<'a> {
    /// By name, as expressions have it: the labels.
    labels: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// What the labels may be.
    values: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Counted<'a> {
    fn of(shown: &'a str) -> Self {
        let mut counted = Self { labels: BTreeMap::new(), values: BTreeSet::new() };
        for line in shown.lines().filter(|line| !line.starts_with('#')) {
            let name = &line[..line.find(['{', ' ']).unwrap_or(line.len())];
            let labels = counted.labels.entry(name).or_default();
            for (label, value) in matchers(&line[name.len()..]) {
                labels.insert(label);
                counted.values.insert((label, value));
            }
        }
        counted
    }
}

/// Where metrics are named in a text, and how.
fn names(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("segno_").map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        (at, &rest[..end.unwrap_or(rest.len())])
    })
}

/// The labels and values in the braces that a text begins with, if it does.
fn matchers(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let inside = text.strip_prefix('{').and_then(|rest| rest.split('}').next());
    let matchers = inside.into_iter().flat_map(|inside| inside.split(','));
    matchers.filter_map(|matcher| {
        let (label, value) = matcher.split_once('"')?;
        Some((label.trim_end_matches(['=', '~', '!']), value.trim_end_matches('"')))
    })
}

/// The labels by which an expression sums up.
fn groupings(expression: &str) -> impl Iterator<Item = &str> {
    let lists = expression.split(" by (").skip(1).filter_map(|rest| rest.split(')').next());
    lists.flat_map(|list| list.split(", "))
}

/// The alerts: their names and the text of each.
fn alerts(rules: &str) -> impl Iterator<Item = (&str, &str)> {
    rules.split("- alert: ").skip(1).filter_map(|rule| rule.split_once('\n'))
}

fn alert_expressions() -> Vec<String> {
    let rules = read(ALERTS);
    let lines = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    lines.map(str::to_owned).collect()
}

fn panel_expressions() -> Vec<String> {
    let dashboard = dashboard();
    let targets = panels(&dashboard).iter().filter_map(|panel| panel["targets"].as_array());
    let expressions = targets.flatten().map(|target| target["expr"].as_str());
    expressions.map(|expression| expression.expect("a target asks for it").to_owned()).collect()
}

fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().expect("a dashboard has panels")
}

fn dashboard() -> Value {
    serde_json::from_str(&read(DASHBOARD)).unwrap_or_else(|error| panic!("{DASHBOARD}: {error}"))
}

/// All texts in a value, a line each.
fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        Value::Array(values) => values.iter().map(texts).collect(),
        Value::Object(fields) => fields.values().map(texts).collect(),
        _ => String::new(),
    }
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

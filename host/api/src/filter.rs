//! Which runs somebody means: the one way to say so, wherever runs are listed or counted.

use jiff::Timestamp;
use segno_journal::{
    AttributeValue, MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTE_NAME, Number, RunId, is_attribute_name,
};
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::attributes::time;
use crate::runs::RunStatus;

/// How many attributes can be asked for at once: each is looked up for each run that is looked at.
pub const MAX_FILTERED: usize = 8;

/// What a parameter begins with that asks for an attribute.
const ATTRIBUTE: &str = "attr.";

/// Which runs somebody means: those for which all holds that is said.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only runs of this workflow.
    pub workflow: Option<String>,
    /// Only runs that stand in one of these ways; in any where there is none.
    pub statuses: Vec<RunStatus>,
    /// Only runs that have these attributes.
    pub attributes: Vec<AttributeFilter>,
    /// Only runs that were started then or later.
    pub started_after: Option<Timestamp>,
    /// Only runs that were started before that.
    pub started_before: Option<Timestamp>,
    /// Only runs that somebody should look at.
    pub trouble: bool,
    /// How many at most.
    pub limit: usize,
    /// Only runs before this one.
    pub before: Option<RunId>,
}

/// An attribute that runs are to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeFilter {
    /// Its name.
    pub name: String,
    /// Its value, as somebody writes it.
    pub text: String,
}

/// Why a parameter does not say which runs are meant. A sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFilter(pub String);

impl RunFilter {
    /// Takes a parameter of a query. Says whether it is one of these; the others are somebody else's.
    ///
    /// # Errors
    ///
    /// It is one, and its value cannot be used.
    pub fn take(&mut self, parameter: &str, value: &str) -> Result<bool, BadFilter> {
        let bad = |what: &dyn std::fmt::Display| BadFilter(format!("{parameter}: {what}"));
        if let Some(name) = parameter.strip_prefix(ATTRIBUTE) {
            return self.take_attribute(name, value).map(|()| true).map_err(|what| bad(&what));
        }
        match parameter {
            "workflow" => self.workflow = Some(value.to_owned()),
            "status" => {
                for status in value.split(',') {
                    let read = RunStatus::deserialize(status.into_deserializer());
                    self.statuses.push(read.map_err(|error: ValueError| bad(&error))?);
                }
            }
            "started_after" => self.started_after = Some(moment(value).map_err(|what| bad(&what))?),
            "started_before" => {
                self.started_before = Some(moment(value).map_err(|what| bad(&what))?)
            }
            "trouble" => {
                self.trouble = match value {
                    "" | "true" => true,
                    "false" => false,
                    text => return Err(bad(&format!("`{text}` is neither true nor false"))),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The parameters of a query that say the same, without the page.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, String)> {
        let statuses: Vec<_> = self.statuses.iter().map(|status| status.word()).collect();
        let parameters = [
            ("workflow", self.workflow.clone()),
            ("status", (!statuses.is_empty()).then(|| statuses.join(","))),
            ("started_after", self.started_after.map(|at| at.to_string())),
            ("started_before", self.started_before.map(|at| at.to_string())),
            ("trouble", self.trouble.then(|| "true".to_owned())),
        ];
        let said = parameters.into_iter().filter_map(|(name, value)| Some((name.into(), value?)));
        let attributes = self.attributes.iter();
        let attributes = attributes.map(|of| (format!("{ATTRIBUTE}{}", of.name), of.text.clone()));
        said.chain(attributes).collect()
    }

    fn take_attribute(&mut self, name: &str, text: &str) -> Result<(), String> {
        if !is_attribute_name(name) {
            return Err(format!(
                "an attribute has a name of up to {MAX_ATTRIBUTE_NAME} letters from a to z, digits, `_`, `.` and `-` \
                 that begins with a letter"
            ));
        }
        if text.len() > MAX_ATTRIBUTE_BYTES {
            return Err(format!("no attribute has more than {MAX_ATTRIBUTE_BYTES} bytes"));
        }
        if self.attributes.len() == MAX_FILTERED {
            return Err(format!("at most {MAX_FILTERED} attributes can be asked for at once"));
        }
        self.attributes.push(AttributeFilter { name: name.to_owned(), text: text.to_owned() });
        Ok(())
    }

    /// Whether something is asked for that only the runs themselves tell: their attributes, or when they began.
    #[must_use]
    pub const fn looks_at_runs(&self) -> bool {
        !self.attributes.is_empty()
            || self.started_after.is_some()
            || self.started_before.is_some()
            || self.before.is_some()
            || self.trouble
    }
}

impl AttributeFilter {
    /// The values that are written so: a text, and what else it can be read as.
    #[must_use]
    pub fn values(&self) -> Vec<AttributeValue> {
        let text = &*self.text;
        let boolean = text.parse().ok().map(AttributeValue::Boolean);
        let moment = text.parse().ok().and_then(time);
        let others = [number(text).map(AttributeValue::Number), boolean, moment];
        let text = AttributeValue::Text(text.to_owned());
        [text].into_iter().chain(others.into_iter().flatten()).collect()
    }
}

/// The number that is written so. One that cannot be told from the one beside it is no attribute's.
fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Number::whole(text.parse().ok()?);
    }
    Number::new(text.parse().ok()?)
}

fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| format!("`{text}` is no moment; write it as 2026-11-30T00:00:00Z"))
}

/// How many runs there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunCounts {
    /// How many in all.
    pub total: u64,
    /// How many stand in each way.
    pub by_status: StatusCounts,
    /// Whether there may be more: only so many runs are looked at. All are counted where neither attributes nor
    /// moments are asked for.
    pub more: bool,
}

/// How many runs stand in each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "the statuses say what they are")]
pub struct StatusCounts {
    pub running: u64,
    pub blocked: u64,
    pub completed: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub pending: u64,
    pub paused: u64,
}

impl StatusCounts {
    /// How many stand in this way.
    #[must_use]
    pub const fn of(&self, status: RunStatus) -> u64 {
        match status {
            RunStatus::Running => self.running,
            RunStatus::Blocked => self.blocked,
            RunStatus::Completed => self.completed,
            RunStatus::Failed => self.failed,
            RunStatus::Cancelled => self.cancelled,
            RunStatus::Pending => self.pending,
            RunStatus::Paused => self.paused,
        }
    }
}

impl RunCounts {
    /// So many more stand in this way.
    pub const fn add(&mut self, status: RunStatus, more: u64) {
        let counts = &mut self.by_status;
        let count = match status {
            RunStatus::Running => &mut counts.running,
            RunStatus::Blocked => &mut counts.blocked,
            RunStatus::Completed => &mut counts.completed,
            RunStatus::Failed => &mut counts.failed,
            RunStatus::Cancelled => &mut counts.cancelled,
            RunStatus::Pending => &mut counts.pending,
            RunStatus::Paused => &mut counts.paused,
        };
        *count = count.saturating_add(more);
        self.total = self.total.saturating_add(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(parameters: &[(&str, &str)]) -> Result<RunFilter, BadFilter> {
        let mut filter = RunFilter::default();
        for (name, value) in parameters {
            assert!(filter.take(name, value)?, "{name}");
        }
        Ok(filter)
    }

    #[test]
    fn a_filter_is_read_of_the_parameters_of_a_query() {
        let read = filter(&[
            ("workflow", "a"),
            ("status", "failed,blocked"),
            ("attr.customer", "42"),
            ("started_after", "2026-11-30T00:00:00Z"),
            ("started_before", "2026-12-01T00:00:00+01:00"),
            ("trouble", ""),
        ]);
        let read = read.expect("it can be read");
        assert_eq!(read.workflow.as_deref(), Some("a"));
        assert_eq!(read.statuses, [RunStatus::Failed, RunStatus::Blocked]);
        assert_eq!(read.attributes.len(), 1);
        assert!(read.trouble && read.started_after < read.started_before);
        assert_eq!(RunFilter::default().take("limit", "5"), Ok(false), "it is somebody else's");
        let parameters = read.parameters();
        let again: Vec<_> = parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
        let again = filter(&again).expect("they are those of a query");
        assert_eq!((parameters.len(), again.parameters()), (6, parameters));
    }

    #[test]
    fn what_does_not_say_which_runs_are_meant_is_refused_with_a_sentence() {
        let long = "x".repeat(MAX_ATTRIBUTE_BYTES + 1);
        for (name, value, expected) in [
            ("status", "failed,done", "status: unknown variant `done`, expected one of"),
            ("status", "", "status: unknown variant ``"),
            ("started_after", "yesterday", "started_after: `yesterday` is no moment"),
            ("trouble", "yes", "trouble: `yes` is neither true nor false"),
            ("attr.Customer", "1", "attr.Customer: an attribute has a name"),
            ("attr.", "1", "attr.: an attribute has a name"),
            ("attr.a", &long, "attr.a: no attribute has more than 1024 bytes"),
        ] {
            let BadFilter(what) = filter(&[(name, value)]).expect_err(expected);
            assert!(what.starts_with(expected), "{what}");
        }
        let many = filter(&[("attr.a", "1"); MAX_FILTERED + 1]).expect_err("they are too many");
        assert!(many.0.contains("at most 8 attributes"), "{}", many.0);
    }

    #[test]
    fn what_is_written_is_found_whatever_kind_it_is() {
        let values = |text: &str| {
            let filter = AttributeFilter { name: "a".into(), text: text.into() };
            let kinds = filter.values().into_iter().map(|value| match value {
                AttributeValue::Text(text) => format!("text {text}"),
                AttributeValue::Number(number) => format!("number {}", number.get()),
                AttributeValue::Boolean(value) => format!("boolean {value}"),
                AttributeValue::Time(at) => format!("time {at}"),
            });
            kinds.collect::<Vec<_>>()
        };
        assert_eq!(values("42"), ["text 42", "number 42"]);
        assert_eq!(values("4.2e1"), ["text 4.2e1", "number 42"]);
        assert_eq!(values("-0"), ["text -0", "number 0"]);
        assert_eq!(values("true"), ["text true", "boolean true"]);
        for only_text in ["", "inf", "NaN", "-infinity", "9007199254740993", "1e999", "0x10", "-"] {
            assert_eq!(values(only_text), [format!("text {only_text}")]);
        }
        let moment = "2026-11-30T00:00:00Z";
        assert_eq!(values(moment)[0], format!("text {moment}"));
        assert!(values(moment)[1].starts_with("time 2026-11-30T00:00:00"), "{:?}", values(moment));
    }
}

//! Local time: what clocks show in a place, through a step that every host has.
//!
//! ```no_run
//! # async fn example() -> Result<(), segno::Error> {
//! // Every night at two, by the clocks of Berlin.
//! loop {
//!     segno::sleep_until(segno::local::next_time("02:00", "Europe/Berlin").await?).await;
//!     // …
//! }
//! # }
//! ```
//!
//! Governments change time zones, so a component carries no table of them: the host answers from its own,
//! and the answer is recorded. A newer table never changes what a run has seen. Natively, in a test without
//! a host, the answer is computed in place.
//!
//! Zones have the names of the [IANA database](https://www.iana.org/time-zones), such as `Europe/Berlin`. A
//! name that the host does not know is a failure that a workflow can handle.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::call::{StepDef, call};
#[cfg(not(target_family = "wasm"))]
use crate::native::{Step, StepPolicy};
#[cfg(not(target_family = "wasm"))]
use crate::step::StepError;
use crate::step::{Input, StepFailure};

/// The name of the step that every host has.
pub const STEP: &str = "local_time";

/// The one parameter of the step.
const PARAMETER: &str = "question";

/// The next moment after [`now`](crate::now) at which clocks in this zone show this time, such as `"02:00"`
/// or `"17:30:15"`; for [`sleep_until`](crate::sleep_until).
///
/// On the day on which clocks are put forward over that time, the moment is as much later as they are put
/// forward: a 02:30 that does not exist is 03:30. On the day on which they show it twice, it is the first.
///
/// # Errors
///
/// The time or the zone cannot be understood.
pub async fn next_time(time: &str, zone: &str) -> Result<Timestamp, StepFailure> {
    let (time, zone) = (time.to_owned(), zone.to_owned());
    ask(&Question::Next { time, zone, after: crate::now() }).await
}

/// The date and the time that clocks in this zone show at this moment.
///
/// # Errors
///
/// The zone cannot be understood.
pub async fn time_in(zone: &str, moment: Timestamp) -> Result<DateTime, StepFailure> {
    ask(&Question::Local { zone: zone.to_owned(), moment }).await
}

async fn ask<T: serde::de::DeserializeOwned>(question: &Question) -> Result<T, StepFailure> {
    call::<LocalTime, T>(Input::new().with(PARAMETER, question)).await
}

/// What a workflow asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    Next { time: String, zone: String, after: Timestamp },
    Local { zone: String, moment: Timestamp },
}

/// The step.
struct LocalTime;

impl StepDef for LocalTime {
    const NAME: &'static str = STEP;

    #[cfg(not(target_family = "wasm"))]
    fn step() -> Step {
        step()
    }
}

/// The built-in step, for a host.
///
/// Its input on the wire is `{"question": …}`.
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn step() -> Step {
    Step::from_fn(
        STEP,
        PARAMETER,
        StepPolicy::default(),
        |question| async move { answer(&question) },
    )
}

#[cfg(not(target_family = "wasm"))]
fn answer(question: &Question) -> Result<serde_json::Value, StepError> {
    let answer = match question {
        Question::Next { time, zone, after } => serde_json::to_value(next(time, zone, *after)?),
        Question::Local { zone, moment } => {
            serde_json::to_value(zone_of(zone)?.to_datetime(*moment))
        }
    };
    answer.map_err(StepError::fatal)
}

#[cfg(not(target_family = "wasm"))]
fn next(time: &str, zone: &str, after: Timestamp) -> Result<Timestamp, StepError> {
    /// More days than any zone has ever left out in a row.
    const DAYS: i8 = 4;

    let time: jiff::civil::Time = time.parse().map_err(|_error| {
        StepError::fatal(format!("`{}` is not a time of day, such as 02:00", shown(time)))
    })?;
    let zone = zone_of(zone)?;
    let today = zone.to_datetime(after).date();
    let moments = (0..DAYS).map(|days| {
        let day = today.checked_add(jiff::Span::new().days(days))?;
        zone.to_ambiguous_timestamp(day.to_datetime(time)).compatible()
    });
    for moment in moments {
        let moment = moment.map_err(StepError::fatal)?;
        if moment > after {
            return Ok(moment);
        }
    }
    Err(StepError::fatal("there is no such moment"))
}

#[cfg(not(target_family = "wasm"))]
fn zone_of(name: &str) -> Result<jiff::tz::TimeZone, StepError> {
    jiff::tz::TimeZone::get(name).map_err(|_error| {
        StepError::fatal(format!("`{}` is not a time zone, such as Europe/Berlin", shown(name)))
    })
}

/// The beginning of what a workflow has written: it may have megabytes.
#[cfg(not(target_family = "wasm"))]
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().expect("it is a moment")
    }

    #[test]
    fn the_next_time_is_after_the_moment_by_the_clocks_of_the_place() {
        for (time, zone, after, expected) in [
            ("02:00", "Europe/Berlin", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"),
            ("02:00", "Europe/Berlin", "2026-01-01T01:00:00Z", "2026-01-02T01:00:00Z"),
            ("02:00", "Europe/Berlin", "2026-07-01T12:00:00Z", "2026-07-02T00:00:00Z"),
            // Clocks are put forward from two to three.
            ("02:00", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
            ("02:30", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"),
            // They are put back from three to two: the first of the two, and then the next day.
            ("02:30", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
            ("02:30", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
            // A day that never was, at the date line.
            ("09:00", "Pacific/Apia", "2011-12-30T09:30:00Z", "2011-12-30T19:00:00Z"),
            ("23:59:30", "UTC", "2026-01-01T00:00:00Z", "2026-01-01T23:59:30Z"),
        ] {
            let next = next(time, zone, moment(after)).expect("there is one");
            assert_eq!(next, moment(expected), "{time} {zone} after {after}");
        }
    }

    #[test]
    fn what_is_not_understood_is_a_failure_that_says_so() {
        let now = moment("2026-01-01T00:00:00Z");
        for (time, zone, said) in [
            ("25:00", "Europe/Berlin", "`25:00` is not a time of day"),
            ("02:00", "Europe/Bonn", "`Europe/Bonn` is not a time zone"),
            ("02:00", "../../../etc/passwd", "`../../../etc/passwd` is not a time zone"),
            ("02:00", &"x".repeat(1 << 20), "`xxxx"),
        ] {
            let error = next(time, zone, now).expect_err("it is not understood");
            assert!(error.is_fatal() && error.message().starts_with(said), "{error:?}");
            assert!(error.message().len() < 200, "it may be megabytes");
        }
    }

    #[tokio::test]
    async fn without_a_host_the_answer_is_computed_in_place() {
        let local =
            time_in("Asia/Tokyo", moment("2026-01-01T20:00:00Z")).await.expect("it is known");
        assert_eq!(local, jiff::civil::date(2026, 1, 2).at(5, 0, 0, 0));
        assert!(next_time("04:00", "Asia/Tokyo").await.expect("there is one") > crate::now());
    }
}

//! Queries: what a workflow shows to those who ask.

use segno_guest_runtime::query as guest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::word;

/// Shows a value to those who ask under this name, in place of the one that was shown before:
/// `GET /v1/runs/{id}/queries/{name}`, `segno query`.
///
/// The value is on disk, so whoever asks does not touch the run, and can do so when it has ended or is blocked.
/// A run may show 64 names, and 64 KiB of JSON under each. Each change is in the history: show what changes
/// seldom, and answer the rest with [`query`].
///
/// ```no_run
/// # async fn work(done: u32) -> Result<(), segno::Error> {
/// segno::publish("progress", format!("{done} of 100"));
/// # Ok(())
/// # }
/// ```
///
/// On replay the value is compared with the record.
///
/// # Panics
///
/// Outside of a host; and where the name has not from 1 to 128 bytes, or has control characters, or the value
/// cannot be written as JSON: this blocks the run, and a repaired component lets it go on.
pub fn publish(name: &str, value: impl Serialize) {
    word::check("a query", name);
    let json = serde_json::to_string(&value);
    let json = json.unwrap_or_else(|error| panic!("what is published as `{name}`: {error}"));
    guest::publish(name, &json);
}

/// Answers those who ask under this name, until what it gives is dropped.
///
/// `answer` is given what was asked, and gives what is written as JSON. It looks at what the workflow shares
/// with it, for example in an [`Rc<RefCell<_>>`](std::rc::Rc). **A copy of the run is asked**: nothing is
/// recorded, the run is neither woken nor delayed, and whatever the closure changes is gone. It may compute; a
/// step, a sleep or anything else that is recorded makes the answer an error. A question that does not fit is
/// refused.
///
/// ```no_run
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// # mod steps { #[segno::step] pub async fn pack(_order: u64) -> Result<(), segno::StepError> { Ok(()) } }
/// #[segno::workflow]
/// pub async fn order(number: u64) -> Result<(), segno::Error> {
///     let place = Rc::new(Cell::new("being packed"));
///     let shown = Rc::clone(&place);
///     let _asked = segno::query("where_is_it", move |()| shown.get());
///     steps::pack(number).await?;
///     place.set("on its way");
///     segno::sleep("1 day").await;
///     Ok(())
/// }
/// ```
///
/// The past can be asked as well, and a run that has ended, as it was before its last turn. Of several who
/// answer to one name the last one does.
///
/// # Panics
///
/// Outside of a host, and where the name has not from 1 to 128 bytes, or has control characters.
pub fn query<Q, A>(name: &str, answer: impl Fn(Q) -> A + 'static) -> Query
where
    Q: DeserializeOwned,
    A: Serialize,
{
    word::check("a query", name);
    Query(guest::answer(name, move |input| {
        let question = serde_json::from_str(input).map_err(|error| error.to_string())?;
        serde_json::to_string(&answer(question))
            .map_err(|error| format!("the answer cannot be written as JSON: {error}"))
    }))
}

/// Answers as long as it is there: see [`query`].
#[derive(Debug)]
#[must_use = "nobody answers any more when this is dropped"]
pub struct Query(#[expect(dead_code, reason = "it is held")] guest::Answering);

//! Queries: what a run shows to those who ask, and what it answers.

use std::rc::Rc;

use crate::runtime::Runtime;

/// Shows a value, as JSON, under a name, in place of the one that was shown before. On replay it is compared
/// with the record.
///
/// # Panics
///
/// Where no run is here.
pub fn publish(name: &str, value: &str) {
    Runtime::here(|runtime| runtime.host().publish(name, value));
}

/// Answers to a name from now on, until what is given is dropped. Of several who answer to one name, the last
/// one does. Nothing is recorded: a copy of the run is asked, so whoever answers may look and compute, and
/// ask the host for nothing that is recorded.
///
/// # Panics
///
/// Where no run is here.
pub fn answer(
    name: &str,
    answerer: impl Fn(&str) -> Result<String, String> + 'static,
) -> Answering {
    let number = Runtime::here(|runtime| runtime.answer(name, Rc::new(answerer)));
    Answering { number }
}

/// Answers to a name as long as it is there.
#[derive(Debug)]
#[must_use = "nobody answers any more when this is dropped"]
pub struct Answering {
    number: u64,
}

impl Drop for Answering {
    fn drop(&mut self) {
        Runtime::if_here(|runtime| runtime.answer_no_more(self.number));
    }
}

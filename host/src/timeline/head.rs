//! What stands above a history besides how the run stands, as a text for people.

use segno_api::{OnEndStatus, OnEndView};

use crate::timeline::Timeline;
use crate::timeline::words::moment;

impl Timeline<'_> {
    /// What the run is found by, a line for each.
    pub(super) fn found_by(&self) -> String {
        let attributes = self.view.attributes.iter().map(|(name, value)| {
            format!("\n  found by {name} = {}", self.shown(&value.to_string()))
        });
        attributes.collect()
    }

    /// What is called at the end of the run.
    pub(super) fn call(&self, on_end: &OnEndView) -> String {
        let OnEndView { url, status, failed, due_at, error } = on_end;
        let stands = match status {
            OnEndStatus::Waiting => "to be called at the end".to_owned(),
            OnEndStatus::Made => "called".to_owned(),
            OnEndStatus::Owed | OnEndStatus::GivenUp => {
                let next = due_at.map_or_else(
                    || "given up".to_owned(),
                    |due| format!("next call {}", moment(due, self.now)),
                );
                let error = error.as_ref().map(|error| format!(": {}", self.shown(error)));
                format!("called {failed} times in vain, {next}{}", error.unwrap_or_default())
            }
        };
        format!("\n  on end   {}, {stands}", self.whole(url))
    }
}

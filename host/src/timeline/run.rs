//! What became of the run as a whole.

use segno_api::HistoryEvent;

use crate::timeline::Timeline;
use crate::timeline::words;

impl Timeline<'_> {
    /// What became of the run as a whole. Of all else, nothing.
    pub(super) fn run(&self, event: &HistoryEvent) -> String {
        use HistoryEvent as E;
        match event {
            E::RunCompleted { output } => format!("the run completed with {}", self.json(output)),
            E::RunFailed { error, error_type, error_at } => {
                self.failure(error, error_type, error_at)
            }
            E::RunCancelled { by } => format!("the run was cancelled{}", self.by(by)),
            E::RunBlocked { kind, message, event } => {
                let message = self.whole(message);
                format!("the run was blocked ({kind}): {message}{}", self.not_told(event))
            }
            E::RunPaused { by } => format!("the run was paused{}", self.by(by)),
            E::RunResumed { by } => format!("the run was resumed{}", self.by(by)),
            E::RunRetried { by, set_aside, turns, steps } => {
                let (by, anew) = (self.by(by), anew(steps));
                format!("the run is tried again{by}: {turns} turns set aside as {set_aside}{anew}")
            }
            E::RunForked { by, from, inputs, steps } => {
                let inputs: Vec<_> = inputs
                    .iter()
                    .map(|(op, input)| format!("#{op}: {}", self.json(input)))
                    .collect();
                let other = match inputs.is_empty() {
                    true => String::new(),
                    false => format!("; with another input for {}", inputs.join(", ")),
                };
                format!("the run was forked from {from}{}{}{other}", self.by(by), anew(steps))
            }
            E::ModuleChanged { by, from, to } => {
                let [from, to] = [from, to].map(|module| words::digest(module));
                format!("the run was moved from module {from} to {to}{}", self.by(by))
            }
            _ => String::new(),
        }
    }

    /// The error of a run, with its type and its place, where they are known.
    fn failure(&self, error: &str, kind: &Option<String>, place: &Option<String>) -> String {
        let kind = kind.as_ref().map(|kind| self.whole(kind)).unwrap_or_default();
        let place = place.as_ref().map(|place| format!("at {}", self.whole(place)));
        let known: Vec<_> =
            [kind, place.unwrap_or_default()].into_iter().filter(|it| !it.is_empty()).collect();
        let known =
            if known.is_empty() { String::new() } else { format!(" ({})", known.join(" ")) };
        format!("the run failed: {}{known}", self.whole(error))
    }

    /// What a blocked run could not be told.
    fn not_told(&self, event: &Option<String>) -> String {
        let event = event.as_ref();
        event.map_or_else(String::new, |event| {
            format!("; it could not be told: {}", self.shown(event))
        })
    }
}

/// The steps that begin anew, if any do.
fn anew(steps: &[u64]) -> String {
    let steps: Vec<_> = steps.iter().map(|op| format!("#{op}")).collect();
    match steps.is_empty() {
        true => String::new(),
        false => format!("; new attempts for {}", steps.join(", ")),
    }
}

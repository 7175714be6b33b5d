//! What a run undoes when it fails or is cancelled, as a text for people.

use segno_api::{CleanupView, HistoryEvent};

use crate::timeline::Timeline;
use crate::timeline::words::moment;

impl Timeline<'_> {
    /// What was registered and undone, and what was shielded. Of all else, nothing.
    pub(super) fn cleanup(&self, event: &HistoryEvent) -> String {
        use HistoryEvent as E;
        match event {
            E::CompensationRegistered { op, name } => {
                format!("compensation #{op} {} registered", self.whole(name))
            }
            E::CompensationKept { op } => {
                format!("compensation #{op} taken back: what was done is kept")
            }
            E::RunCancelling { by, error: None, .. } => {
                format!("the run was told to end{}", self.by(by))
            }
            E::RunCancelling { error: Some(error), .. } => {
                format!("the run was told to end: {}", self.whole(error))
            }
            E::CleanupStarted { error: None } => "the workflow was stopped, to clean up".to_owned(),
            E::CleanupStarted { error: Some(error) } => {
                format!("the workflow failed, and cleans up: {}", self.whole(error))
            }
            E::CompensationStarted { op } => format!("compensation #{op} began"),
            E::CompensationCompleted { op } => format!("compensation #{op} done"),
            E::CompensationFailed { op, error } => {
                format!("compensation #{op} failed: {}", self.whole(error))
            }
            E::ShieldStarted { op } => format!("shield #{op} began"),
            E::ShieldEnded { op } => format!("shield #{op} over"),
            _ => String::new(),
        }
    }

    /// What stands below what a run waits for: what it would undo, or how far it is with that.
    pub(crate) fn undoes(&self, cleanup: &CleanupView) -> Vec<String> {
        let mut lines = Vec::new();
        if cleanup.cancel_waits {
            lines.push("\ntold to end, of which it hears when it is resumed".to_owned());
        }
        if let Some(told) = cleanup.told_at {
            let until = cleanup.until.map(|until| moment(until, self.now));
            let told = moment(told, self.now);
            lines
                .push(format!("\ntold to end {told}, and has until {}", until.unwrap_or_default()));
        }
        if cleanup.shielded {
            lines.push("  amid something that is not to be stopped".to_owned());
        }
        if !cleanup.compensations.is_empty() {
            let heading = match cleanup.since {
                Some(since) => format!("\nundoes, since {}", moment(since, self.now)),
                None => "\nundoes when it fails or is cancelled".to_owned(),
            };
            lines.push(heading);
        }
        let undoes = cleanup.compensations.iter().rev().map(|compensation| {
            let begun = compensation.begun_at.map(|at| format!(", begun {}", moment(at, self.now)));
            let name = self.whole(&compensation.name);
            format!("  compensation #{} {name}{}", compensation.op, begun.unwrap_or_default())
        });
        lines.extend(undoes);
        lines
    }
}

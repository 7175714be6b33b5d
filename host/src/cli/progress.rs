//! Showing that something goes on, where it takes longer than a moment.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::output;

/// A line that moves while something goes on, and is gone when it is dropped. Where nobody watches,
/// nothing is shown.
pub(super) struct Progress(Option<ProgressBar>);

/// How often the line moves: fast enough to look alive.
const TICK: Duration = Duration::from_millis(100);

impl Progress {
    /// Begins to show what goes on.
    pub(super) fn start(what: &str) -> Self {
        if !output::is_watched() {
            return Self(None);
        }
        let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}")
            .expect("the template names only known keys");
        let bar = ProgressBar::new_spinner().with_style(style).with_message(what.to_owned());
        bar.enable_steady_tick(TICK);
        Self(Some(bar))
    }

    /// Shows what goes on now.
    pub(super) fn say(&self, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(what.to_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

//! How long runs are kept that have ended.

use std::collections::BTreeMap;
use std::time::Duration;

/// How long runs are kept that have ended: for ever, where no time is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Those of all workflows of which nothing else is said.
    pub all: Option<Duration>,
    /// Those of some workflows, by their names.
    pub of: BTreeMap<String, Option<Duration>>,
}

impl Retention {
    /// How long they are kept where nothing is said: long enough to look at last month.
    pub const DEFAULT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// They are kept for ever.
    pub const NEVER: Self = Self { all: None, of: BTreeMap::new() };

    /// How long those of a workflow are kept.
    #[must_use]
    pub fn of(&self, workflow: &str) -> Option<Duration> {
        self.of.get(workflow).copied().unwrap_or(self.all)
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { all: Some(Self::DEFAULT), of: BTreeMap::new() }
    }
}

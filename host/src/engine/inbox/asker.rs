//! Who asks for something.

use segno_api::cut;
use segno_journal::{JobId, RunId};

/// How long the name of who asks may be, in bytes.
const ASKER_NAME: usize = 128;

/// Who asks for something, as the history of a run remembers it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asker(Option<String>);

impl Asker {
    /// Somebody by this name, such as that of a token, of which only the beginning counts where it is long.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(Some(cut(name, ASKER_NAME)))
    }

    /// Somebody whose name is not known.
    #[must_use]
    pub const fn unknown() -> Self {
        Self(None)
    }

    /// The name, where it is known.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The name, as a note has it.
    pub(crate) fn into_name(self) -> Option<String> {
        self.0
    }

    /// The parent of the run, which ends, or which wants its child to end.
    pub(crate) fn parent(run: RunId) -> Self {
        Self::named(&format!("its parent {run}"))
    }

    /// A job, and who made it.
    pub(crate) fn job(job: JobId, by: Option<&str>) -> Self {
        Self::named(&by.map_or_else(|| job.to_string(), |by| format!("{by} with {job}")))
    }

    /// The host itself, which tries at its start what a restart may have mended.
    pub(crate) fn host() -> Self {
        Self::named("the host, at its start")
    }
}

//! Runs that are deleted, by hand and because they ended long ago: nothing goes that nobody deleted, and nothing is left
//! of what did.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use segno_host::engine::Retention;
use segno_host::store::{RawRow, Store};
use segno_journal::RunId;

/// How long runs are kept that have ended: so long that most do not go.
pub(crate) const KEPT: Duration = Duration::from_secs(600);

/// How long hosts keep what. Batches are kept for ever.
pub(crate) fn retention() -> Retention {
    let of = ["program", "nap", "childhood", "lingers"];
    let of = of.map(|workflow| (workflow.to_owned(), Some(KEPT)));
    Retention { of: of.into(), ..Retention::NEVER }
}

/// What was deleted.
#[derive(Clone, Default)]
pub(crate) struct Deletions {
    /// The runs that somebody deleted, or that ended long ago when somebody swept.
    pub(crate) may_go: BTreeSet<RunId>,
    gone: BTreeSet<RunId>,
}

impl Deletions {
    /// A run that was there is there no more.
    pub(crate) fn went(&mut self, run: RunId) {
        assert!(self.may_go.contains(&run), "{run} is gone, and nobody deleted it");
        self.gone.insert(run);
    }

    /// Whether a run is deleted.
    pub(crate) fn is_gone(&self, run: RunId) -> bool {
        self.gone.contains(&run)
    }

    /// How many runs are.
    pub(crate) fn count(&self) -> u64 {
        self.gone.len() as u64
    }

    /// Nothing is left of what was deleted.
    pub(crate) fn at_the_end(&self, rows: &BTreeMap<&'static str, Vec<RawRow>>, store: &Store) {
        for run in &self.gone {
            for (table, rows) in rows {
                let key = rows.iter().find(|(key, _)| key.starts_with(&run.to_bytes()));
                assert_eq!(key, None, "{run} is deleted, and `{table}` has something of it");
            }
            let leads = |(_, value): &&RawRow| value.windows(16).any(|to| to == run.to_bytes());
            for table in ["keys", "webhooks", "hooks"] {
                let row = rows[table].iter().find(leads);
                assert_eq!(row, None, "{run} is deleted, and `{table}` leads to it");
            }
        }
        let of_gone = |what: &str| self.gone.iter().any(|run| what.contains(&run.to_string()));
        let checked = store.check(&mut |what| assert!(!of_gone(&what), "{what}"));
        checked.expect("the store can be read");
    }
}

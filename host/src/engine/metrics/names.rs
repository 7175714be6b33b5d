//! Names that become labels. They come from guests, which may make as many as they like; each one more
//! is a series that the host and whoever watches it keep for ever.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::RwLock;

/// How many pairs of a workflow and a step have series of their own, of all that ever came: a host with
/// more of them has a label too many to be looked at.
const MAX_NAMED: usize = 500;

/// What the others are counted by together.
const OTHER: &str = "other";

/// The names that have series of their own.
#[derive(Debug, Default)]
pub(super) struct Names(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By workflow.
    steps: BTreeMap<String, BTreeSet<String>>,
    count: usize,
}

impl Names {
    /// The labels of a workflow and a step: their names, or `other` where there are too many.
    pub(super) fn admitted(&self, workflow: &str, step: &str) -> (String, String) {
        let knows = self.0.read().has(workflow, step);
        if knows || self.0.write().admit(workflow, step) {
            return (workflow.to_owned(), step.to_owned());
        }
        (OTHER.to_owned(), OTHER.to_owned())
    }
}

impl Known {
    fn has(&self, workflow: &str, step: &str) -> bool {
        self.steps.get(workflow).is_some_and(|steps| steps.contains(step))
    }

    /// Makes room for a pair, if there is room. Says whether it has one.
    fn admit(&mut self, workflow: &str, step: &str) -> bool {
        if self.has(workflow, step) {
            return true;
        }
        if self.count == MAX_NAMED {
            return false;
        }
        self.count += 1;
        self.steps.entry(workflow.to_owned()).or_default().insert(step.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_admitted_until_there_are_too_many() {
        let names = Names::default();
        for number in 0..MAX_NAMED {
            let step = number.to_string();
            assert_eq!(names.admitted("w", &step), ("w".to_owned(), step));
        }
        let other = || (OTHER.to_owned(), OTHER.to_owned());
        assert_eq!(names.admitted("w", "one more"), other());
        assert_eq!(names.admitted("v", "0"), other());
        assert_eq!(
            names.admitted("w", "0"),
            ("w".to_owned(), "0".to_owned()),
            "it was there first"
        );
    }
}

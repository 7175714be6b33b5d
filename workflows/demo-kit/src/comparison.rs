//! What all sides have, compared by content.

use std::collections::BTreeMap;
use std::fmt;

/// What both sides have, kind by kind.
#[derive(Debug, Default)]
pub struct Comparison {
    /// One row for each kind of things.
    pub rows: Vec<Row>,
    /// The runs that cannot go on, and why.
    pub broken: Vec<String>,
    /// What went wrong on purpose since the last start, and how often.
    pub faults: Vec<(&'static str, u64)>,
    /// What else a reader should know of how both sides came to agree, a sentence each.
    pub remarks: Vec<String>,
}

impl Comparison {
    /// True if there is no difference and all runs can go on.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.broken.is_empty() && self.rows.iter().all(|row| row.differences.is_empty())
    }
}

/// One kind of things on both sides.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// What is compared.
    pub what: &'static str,
    /// How many the other side has.
    pub there: usize,
    /// How many this side has.
    pub here: usize,
    /// How many are the same on both.
    pub same: usize,
    /// What is not, by name.
    pub differences: Vec<Disagreement>,
}

/// One thing on which both sides do not agree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disagreement {
    /// The name of the thing.
    pub id: String,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.id, self.what)
    }
}

impl Row {
    /// Compares things by ID and content.
    #[must_use]
    pub fn of<T: PartialEq>(
        what: &'static str,
        there: &BTreeMap<String, T>,
        here: &BTreeMap<String, T>,
    ) -> Self {
        let mut row =
            Self { what, there: there.len(), here: here.len(), same: 0, differences: Vec::new() };
        for (id, theirs) in there {
            match here.get(id) {
                Some(ours) if ours == theirs => row.same += 1,
                Some(_) => row.differ(id, "differs"),
                None => row.differ(id, "is only on the other side"),
            }
        }
        for id in here.keys().filter(|id| !there.contains_key(*id)) {
            row.differ(id, "is only on this side");
        }
        row
    }

    /// The same for a side that may have something twice, where nothing may be there twice: that is
    /// named with these words.
    #[must_use]
    pub fn of_each_once<T: PartialEq>(
        what: &'static str,
        there: Vec<(String, T)>,
        here: &BTreeMap<String, T>,
        twice: &'static str,
    ) -> Self {
        let all = there.len();
        let mut known = BTreeMap::new();
        let mut again = Vec::new();
        for (id, thing) in there {
            if known.insert(id.clone(), thing).is_some() {
                again.push(id);
            }
        }
        let mut row = Self::of(what, &known, here);
        row.there = all;
        for id in again {
            row.differ(&id, twice);
        }
        row
    }

    /// Names a thing with what is wrong with it.
    pub fn differ(&mut self, id: &str, what: &'static str) {
        self.differences.push(Disagreement { id: id.to_owned(), what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, i64)]) -> BTreeMap<String, i64> {
        entries.iter().map(|(id, value)| ((*id).to_owned(), *value)).collect()
    }

    fn named(row: &Row) -> Vec<String> {
        row.differences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn sides_that_agree_have_no_difference() {
        let row = Row::of("things", &map(&[("a", 1), ("b", 2)]), &map(&[("a", 1), ("b", 2)]));
        assert_eq!((row.there, row.here, row.same, row.differences.len()), (2, 2, 2, 0));
    }

    #[test]
    fn every_difference_is_named() {
        let row = Row::of("things", &map(&[("a", 1), ("b", 2)]), &map(&[("b", 3), ("c", 4)]));
        assert_eq!(
            named(&row),
            ["a is only on the other side", "b differs", "c is only on this side"]
        );
        assert_eq!(row.same, 0);
    }

    #[test]
    fn what_is_there_twice_is_named() {
        let there = vec![("ada".to_owned(), 5), ("ada".to_owned(), 5)];
        let row = Row::of_each_once("bills", there, &map(&[("ada", 5)]), "was billed twice");
        assert_eq!(named(&row), ["ada was billed twice"]);
        assert_eq!((row.there, row.here, row.same), (2, 1, 1));
    }
}

//! What was signalled to a run: what lies untaken under each name, and which signals are known again.
//!
//! A signal may come before the workflow takes in those of its name, so what lies untaken belongs to the
//! run and not to an operation.

use std::collections::{BTreeMap, VecDeque};

use crate::grows;

/// How many of the last signals with a key are known again when they are sent once more: enough for who
/// sends again within minutes, and a bound on what others can make a run remember.
pub const KEPT_KEYS: usize = 256;

/// The signals of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signals {
    /// The sizes of what the workflow has not taken, by name, oldest first.
    untaken: BTreeMap<String, VecDeque<usize>>,
    /// The last that came with a key, oldest first.
    known: VecDeque<KnownSignal>,
}

grows!(Signals { untaken, known });

/// A signal that is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSignal {
    /// By what.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its number in its run.
    pub number: u64,
    /// The turn in which the workflow first answered it, if it has.
    pub answered_in: Option<u64>,
}

grows!(KnownSignal { key, name, number, answered_in });

impl Signals {
    /// How many of a name lie untaken.
    #[must_use]
    pub fn untaken(&self, name: &str) -> usize {
        self.untaken.get(name).map_or(0, VecDeque::len)
    }

    /// The signal of this key, if one is known.
    #[must_use]
    pub fn known(&self, key: &str) -> Option<&KnownSignal> {
        self.known.iter().find(|known| known.key == key)
    }

    /// One of a name has come, and takes so many bytes until it is taken.
    pub(crate) fn come(&mut self, name: &str, size: usize) {
        match self.untaken.get_mut(name) {
            Some(untaken) => untaken.push_back(size),
            None => drop(self.untaken.insert(name.to_owned(), VecDeque::from([size]))),
        }
    }

    /// The oldest of a name is taken, if there is one: how many bytes it took.
    pub(crate) fn take(&mut self, name: &str) -> Option<usize> {
        let untaken = self.untaken.get_mut(name)?;
        let oldest = untaken.pop_front();
        if untaken.is_empty() {
            self.untaken.remove(name);
        }
        oldest
    }

    /// One that came with a key is known from now on.
    pub(crate) fn know(&mut self, signal: KnownSignal) {
        self.known.push_back(signal);
        if self.known.len() > KEPT_KEYS {
            self.known.pop_front();
        }
    }

    /// The workflow answered what has this number, in this turn. The first answer counts.
    pub(crate) fn answered(&mut self, number: u64, turn: u64) {
        if let Some(known) = self.known.iter_mut().find(|known| known.number == number) {
            known.answered_in.get_or_insert(turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_the_oldest_of_its_name() {
        let mut signals = Signals::default();
        signals.come("a", 1);
        signals.come("b", 2);
        signals.come("a", 3);
        assert_eq!((signals.untaken("a"), signals.untaken("b"), signals.untaken("c")), (2, 1, 0));
        assert_eq!(
            [signals.take("a"), signals.take("a"), signals.take("a")],
            [Some(1), Some(3), None]
        );
        assert_eq!(signals.take("b"), Some(2));
        assert_eq!(signals, Signals::default(), "what is taken leaves nothing behind");
    }

    #[test]
    fn the_last_keys_are_known_with_their_first_answer() {
        let mut signals = Signals::default();
        let numbers = 0..KEPT_KEYS as u64 + 2;
        for number in numbers.clone() {
            let (key, name) = (format!("k{number}"), "a".to_owned());
            signals.know(KnownSignal { key, name, number, answered_in: None });
        }
        assert_eq!((signals.known("k0"), signals.known("k1")), (None, None));
        let last = format!("k{}", numbers.end - 1);
        signals.answered(numbers.end - 1, 7);
        signals.answered(numbers.end - 1, 9);
        signals.answered(0, 9);
        assert_eq!(signals.known(&last).and_then(|known| known.answered_in), Some(7));
        assert_eq!(signals.known("k2").and_then(|known| known.answered_in), None);
    }
}

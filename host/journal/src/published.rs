//! Under which names a run shows something.

use crate::{Fault, MAX_PUBLISHED, Run};

impl Run {
    /// The names under which the run shows something.
    pub fn published(&self) -> impl Iterator<Item = &str> {
        self.published.iter().map(String::as_str)
    }

    /// A value is shown under a name. Where it lies is the store's affair.
    pub(crate) fn publish(&mut self, name: &str) -> Result<(), Fault> {
        if !self.published.contains(name) {
            self.published.insert(name.to_owned());
        }
        if self.published.len() > MAX_PUBLISHED { Err(Fault::PublishesTooMuch) } else { Ok(()) }
    }
}

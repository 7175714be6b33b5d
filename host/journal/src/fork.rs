//! That a run is a fork of another one.

use crate::{Op, RunId, grows};

/// That a run is a fork, as its history has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// Who asked for it, where that is known.
    pub by: Option<String>,
    /// The run that it was forked from.
    pub from: RunId,
    /// The steps that have another input here, and which, as JSON; in their order.
    pub inputs: Vec<(Op, String)>,
    /// The steps that begin anew.
    pub steps: Vec<Op>,
}

grows!(Fork { by, from, inputs, steps });

impl Fork {
    /// How many bytes it takes besides itself.
    pub(crate) fn size(&self) -> usize {
        let inputs = self.inputs.iter().map(|(_, input)| size_of::<(Op, String)>() + input.len());
        let steps = self.steps.len() * size_of::<Op>();
        self.by.as_ref().map_or(0, String::len) + inputs.sum::<usize>() + steps
    }
}

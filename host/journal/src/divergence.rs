//! Comparing a replay with the record.

use std::fmt;

use crate::{Command, Turn, Verdict};

/// The first place where a replay did something else than what is recorded, with both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// The turn.
    pub seq: u64,
    /// The position of the command in the turn; `None` where all commands agree but the verdict
    /// does not.
    pub position: Option<usize>,
    /// What is recorded there, or `None` where the record ends.
    pub recorded: Option<String>,
    /// What the workflow gave, or `None` where it gave nothing more.
    pub given: Option<String>,
}

impl std::error::Error for Divergence {}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the workflow no longer does what it did: in turn {}", self.seq)?;
        match self.position {
            Some(position) => write!(f, ", command {position},")?,
            None => f.write_str(", at its end,")?,
        }
        let side =
            |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing more".to_owned());
        write!(f, " the record says {}, the code says {}", side(&self.recorded), side(&self.given))
    }
}

/// Checks that a replay of `recorded` gave the same commands and the same verdict.
///
/// # Errors
///
/// The first difference.
pub fn check(recorded: &Turn, commands: &[Command], verdict: &Verdict) -> Result<(), Divergence> {
    let length = recorded.commands.len().max(commands.len());
    for position in 0..length {
        let old = recorded.commands.get(position);
        let new = commands.get(position);
        if !matches!((old, new), (Some(old), Some(new)) if old.is_same(new)) {
            return Err(Divergence {
                seq: recorded.seq,
                position: Some(position),
                recorded: old.map(Command::to_string),
                given: new.map(Command::to_string),
            });
        }
    }
    if recorded.verdict != *verdict {
        return Err(Divergence {
            seq: recorded.seq,
            position: None,
            recorded: Some(recorded.verdict.to_string()),
            given: Some(verdict.to_string()),
        });
    }
    Ok(())
}

//! What names a module, and what is in one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::grows;

/// A SHA-256. That of a component says which code a run belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    const PREFIX: &'static str = "sha256:";

    /// The digest with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Whether its text begins so, with some of its digits; `sha256:` may be left out.
    #[must_use]
    pub fn begins_with(&self, text: &str) -> bool {
        let digits = text.strip_prefix(Self::PREFIX).unwrap_or(text);
        !digits.is_empty() && self.to_string()[Self::PREFIX.len()..].starts_with(digits)
    }

    /// The bytes of the digest.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a module digest: it is `sha256:` and 64 hexadecimal digits")]
pub struct ParseDigestError {
    text: String,
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let digits = text.strip_prefix(Self::PREFIX)?.as_bytes();
            let mut bytes = [0; 32];
            if digits.len() != 64 {
                return None;
            }
            for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
            }
            Some(Self(bytes))
        };
        parse().ok_or_else(|| ParseDigestError { text: text.chars().take(80).collect() })
    }
}

/// What is in a module, and what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Which SDK built it.
    pub sdk: String,
    /// Its workflows.
    pub workflows: Vec<Workflow>,
    /// The names of the steps that it may call.
    pub steps: Vec<String>,
}

grows!(Manifest { sdk, workflows, steps });

impl Manifest {
    /// The names of its workflows.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.workflows.iter().map(|workflow| workflow.name.clone()).collect()
    }

    /// How much is kept of the journal of a workflow's runs; all, where it has no such workflow.
    #[must_use]
    pub fn history(&self, workflow: &str) -> History {
        self.workflow(workflow).map_or(History::All, |listed| listed.history)
    }

    /// A workflow by its name.
    #[must_use]
    pub fn workflow(&self, name: &str) -> Option<&Workflow> {
        self.workflows.iter().find(|listed| listed.name == name)
    }
}

/// A workflow that a module has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// The name by which runs are started.
    pub name: String,
    /// How much of the journal of its runs is kept.
    pub history: History,
    /// The JSON Schema of its input, as JSON, if the module has one.
    pub input: Option<String>,
    /// The JSON Schema of its output, as JSON, if the module has one.
    pub output: Option<String>,
}

grows!(Workflow { name, history, input, output });

/// How much of the journal of a run is kept while the run goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum History {
    /// All turns.
    #[default]
    All,
    /// At least this many of the last turns. Older ones are forgotten once an image stands for
    /// them.
    Keep(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_as_it_was_written() {
        let digest = Digest::from_bytes([0xa5; 32]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(Digest::from_bytes(digest.to_bytes()), digest);
    }

    #[test]
    fn what_is_not_a_digest_is_refused_with_the_text_in_the_sentence() {
        let short = format!("sha256:{}", "a".repeat(63));
        let odd = format!("sha256:{}g", "a".repeat(63));
        let wide = format!("sha256:{}", "ä".repeat(32));
        for text in ["", "sha256:", &short, &odd, &wide] {
            let error = text.parse::<Digest>().expect_err(text);
            assert!(
                error.to_string().starts_with(&format!("`{text}` is not a module digest")),
                "{error}"
            );
        }
    }
}

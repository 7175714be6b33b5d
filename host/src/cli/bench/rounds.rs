//! What is to be measured, and the rounds of it.

use anyhow::Context;
use tempfile::TempDir;

use crate::cli::args::BenchArgs;
use crate::cli::bench::figures::{self, Figure, Row};
use crate::cli::output;

/// What is to be measured, how often, and where.
pub(super) struct Bench {
    pub(super) args: BenchArgs,
}

impl Bench {
    /// Makes the rounds of a workload.
    pub(super) async fn rounds(
        &self,
        workload: &'static str,
        mut round: impl AsyncFnMut() -> anyhow::Result<Vec<Figure>>,
    ) -> anyhow::Result<Vec<Row>> {
        let mut rounds = Vec::new();
        for number in 1..=self.args.rounds {
            output::note(&format!("{workload}: round {number} of {}", self.args.rounds));
            rounds.push(round().await.with_context(|| format!("{workload} cannot be measured"))?);
        }
        Ok(figures::rows(workload, &rounds))
    }

    /// So many things, or fewer where that is asked for.
    pub(super) fn scaled(&self, count: usize) -> usize {
        ((count as f64 * self.args.scale) as usize).max(1)
    }

    /// A directory on the disk that is measured, removed when it is dropped.
    pub(super) fn directory(&self) -> anyhow::Result<TempDir> {
        let parent = &self.args.directory;
        let made = TempDir::with_prefix_in("segno-bench-", parent);
        made.with_context(|| format!("cannot make a directory in {}", parent.display()))
    }
}

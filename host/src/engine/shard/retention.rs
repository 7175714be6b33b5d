//! What a run forgets with a turn, besides old turns: rows that would otherwise stay as long as the
//! run, and grow with it.

use std::collections::BTreeSet;

use segno_journal::{History, Op, Run, RunId, Turn};

use crate::engine::modules::Modules;
use crate::engine::shard::active::Active;
use crate::engine::shard::waits;
use crate::store::Draft;

/// What is forgotten with a turn.
#[derive(Debug, Default)]
pub(crate) struct Forgotten {
    /// The steps that it ends or gives up, of which an attempt had failed: they fail no more.
    failing: Vec<Op>,
    /// The tokens of the webhooks that it disposes of.
    tokens: BTreeSet<String>,
    /// The same with the number of the last attempt that failed.
    attempts: Vec<(Op, u32)>,
}

/// The steps that are over with a turn, as the run stood before it.
pub(crate) fn steps_over(run: &Run, turn: &Turn) -> BTreeSet<Op> {
    let mut over = turn.steps_over();
    if turn.unwinds() {
        over.extend(run.open().filter(|(_, open)| open.step().is_some()).map(|(op, _)| op));
    }
    over
}

impl Forgotten {
    /// What a run forgets with its next turn. Tokens and attempts stay where its workflow keeps all.
    pub(crate) fn of(active: &Active, turn: &Turn, modules: &Modules) -> Self {
        let tokens = waits::tokens_of_disposed(&active.run, turn);
        let attempts = steps_over(&active.run, turn).into_iter().filter_map(|op| {
            let (_call, last) = active.run.operation(op)?.step()?;
            Some((op, last?.number))
        });
        let attempts: Vec<_> = attempts.collect();
        let failing = attempts.iter().map(|(op, _)| *op).collect();
        let is_empty = tokens.is_empty() && attempts.is_empty();
        if is_empty
            || modules.history(active.record.module, &active.record.workflow) == History::All
        {
            return Self { failing, ..Self::default() };
        }
        Self { failing, tokens, attempts }
    }

    /// A draft that forgets it too.
    pub(crate) fn forget<T>(self, draft: Draft<T>, run: RunId) -> Draft<T> {
        let draft =
            if self.tokens.is_empty() { draft } else { draft.without_webhooks(&self.tokens) };
        let draft =
            self.failing.into_iter().fold(draft, |draft, op| draft.without_failing(run, op));
        self.attempts
            .into_iter()
            .fold(draft, |draft, (op, last)| draft.without_attempts(run, op, last))
    }
}

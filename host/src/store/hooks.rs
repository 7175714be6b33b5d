//! Which hooks have tokens, and asking for one again.

use segno_journal::{Claim, Op, Open, RunId};

use crate::store::codec;
use crate::store::conditions::Condition;
use crate::store::draft::{Draft, Rows};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::ranges::Behind;
use crate::store::records::HookRecord;
use crate::store::tables::Table;
use crate::store::tokens::Claimed;

impl Draft<Claimed> {
    /// A hook asks for its token, again: nobody knows what it was told.
    pub fn claim(run: RunId, claim: &Claim) -> Self {
        let mut rows = Rows::default();
        let thing = rows.want_token(run, claim);
        Self { thing, rows }
    }
}

impl<T> Draft<T> {
    /// Also gives the hooks of a run the tokens that they had before it ended. Nothing of the draft is written
    /// where another one has one of them: [`crate::store::Unmet::TokenTaken`].
    pub fn with_tokens<'a>(
        mut self,
        run: RunId,
        open: impl Iterator<Item = (Op, &'a Open)>,
    ) -> Self {
        for (op, hook) in open.filter_map(|(op, open)| Some((op, open.hook()?))) {
            if hook.claimed && !hook.disposed {
                let record = HookRecord::new(run, op, hook.since, hook.metadata.clone());
                let (token, hook) = (hook.token.clone(), Box::new(record));
                self.rows.only_if(Condition::FreeToken { token, hook });
            }
        }
        self
    }

    /// Also gives back the tokens of these hooks of a run, if they have them.
    pub fn without_tokens<'a>(
        mut self,
        run: RunId,
        open: impl Iterator<Item = (Op, &'a Open)>,
    ) -> Self {
        for (op, hook) in open.filter_map(|(op, open)| Some((op, open.hook()?))) {
            self.rows.free_token(run, op, &hook.token);
        }
        self
    }
}

impl Store {
    /// The hook that has this token.
    ///
    /// # Errors
    ///
    /// The store cannot be read. The same holds for all functions here.
    pub fn hook(&self, token: &str) -> Result<Option<HookRecord>, StoreError> {
        let moment = self.moment()?;
        let Some(row) = moment.get(Table::Hooks, token.as_bytes())? else { return Ok(None) };
        let record: HookRecord = codec::decode(Table::Hooks.name(), &row)?;
        let is_open = moment.get(Table::Unfinished, &record.run().to_bytes())?.is_some();
        Ok(is_open.then_some(record))
    }

    /// Hooks that have a token, in the order of their tokens, behind this one: so many at most.
    pub fn hooks(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, HookRecord)>, StoreError> {
        let mut hooks = Vec::new();
        self.visit_hooks(after, |token, record, is_open| {
            if is_open {
                hooks.push((token, record));
            }
            hooks.len() < limit
        })?;
        Ok(hooks)
    }

    /// Frees the tokens of runs that ended without knowing them: where a host begins.
    pub fn stale_tokens(&self) -> Result<Draft<()>, StoreError> {
        let mut draft = Draft::nothing();
        self.visit_hooks(None, |token, record, is_open| {
            if !is_open {
                draft.rows.free_token(record.run(), record.op, &token);
            }
            true
        })?;
        Ok(draft)
    }

    /// Visits the rows of tokens: each with whether its run has not ended. `visit` says whether to go on.
    fn visit_hooks(
        &self,
        after: Option<&str>,
        mut visit: impl FnMut(String, HookRecord, bool) -> bool,
    ) -> Result<(), StoreError> {
        let moment = self.moment()?;
        for row in moment.range(Table::Hooks, &Behind::new(after.map(str::as_bytes)))? {
            let row = row?;
            let record = codec::decode::<HookRecord>(Table::Hooks.name(), row.value());
            // One that is damaged must not keep the host from starting, nor others from being listed.
            let (Ok(token), Ok(record)) = (str::from_utf8(row.key()), record) else {
                let table = Table::Hooks.name();
                tracing::warn!(table, "a record cannot be read, and is not heeded");
                continue;
            };
            let is_open = moment.get(Table::Unfinished, &record.run().to_bytes())?.is_some();
            if !visit(token.to_owned(), record, is_open) {
                break;
            }
        }
        Ok(())
    }
}

//! What is to be written, and the proof that it was.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, Range};

use segno_journal::retry::Attempt;
use segno_journal::{Claim, Command, Digest, Effect, Event, Losses, Op, RunId, Timestamp, Turn};

use crate::store::codec;
use crate::store::conditions::{Condition, Conditions};
use crate::store::error::{StoreError, Unmet};
use crate::store::found::FoundRow;
use crate::store::keys;
use crate::store::keyspace::Transaction;
use crate::store::payloads::{self, NewPayloads};
use crate::store::records::{
    EndCall, FamilyRow, HeldEvent, ModuleRecord, Note, RunRecord, StartKey, WebhookRecord,
};
use crate::store::tables::{self, Table};
use crate::store::tokens::{Claimed, TokenChange};

/// A thing that is on disk. Only the store makes one, and only what holds one may let the world
/// hear of the thing.
#[derive(Debug)]
pub struct Committed<T>(T);

impl<T> Committed<T> {
    pub(super) const fn new(thing: T) -> Self {
        Self(thing)
    }

    /// The thing itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Committed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A thing that is to be written, and the rows that it needs. The rows are encoded by whoever makes
/// the draft, so that the one thread that writes only writes.
#[derive(Debug)]
#[must_use = "a draft is not on disk; submit it to the committer"]
pub struct Draft<T> {
    pub(super) thing: T,
    pub(super) rows: Rows,
}

/// Rows to write in one transaction, in any order: no two of one draft have the same key. With them
/// the payloads that they refer to.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// What becomes of the tokens of hooks, in order.
    pub(super) tokens: Vec<TokenChange>,
    /// Rows that go if they are as they were found.
    pub(super) found: Vec<FoundRow>,
    pub(super) payloads: NewPayloads,
    /// What has to hold for any of that to be written.
    conditions: Option<Box<Conditions>>,
    /// How much room the thing itself takes while it waits, in bytes.
    pub(super) held: usize,
}

/// A row to write, or to take away.
pub(super) struct Row {
    pub(super) table: Table,
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows, {} bytes", self.rows.len(), self.size())
    }
}

impl Rows {
    /// How much room the rows take while they wait, in bytes, with the thing that they are of. Of
    /// nothing it is 0.
    pub(super) fn size(&self) -> usize {
        let rows = self
            .rows
            .iter()
            .map(|row| size_of::<Row>() + row.key.len() + row.value.as_ref().map_or(0, Vec::len));
        let payloads = self.payloads.values().map(|payload| payload.record.len());
        let tokens = self.tokens.iter().map(TokenChange::size);
        let tokens = tokens.chain(self.found.iter().map(FoundRow::size));
        let conditions = self.conditions.as_ref().map_or(0, |conditions| conditions.size());
        self.held + conditions + rows.chain(payloads).chain(tokens).sum::<usize>()
    }

    /// Whether they change nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.tokens.is_empty()
            && self.found.is_empty()
            && self.conditions.is_none()
    }

    /// They are written only if this holds, too.
    pub(super) fn only_if(&mut self, condition: Condition) {
        self.conditions.get_or_insert_default().add(condition);
    }

    /// Whether all holds that they are written only if, as the transaction is.
    pub(super) fn hold(&self, transaction: &mut Transaction) -> Result<bool, StoreError> {
        self.conditions.as_ref().map_or(Ok(true), |conditions| conditions.hold(transaction))
    }

    /// What did not hold when they were to be written.
    pub(super) fn unmet(&self) -> Option<Unmet> {
        self.conditions.as_ref()?.unmet()
    }

    pub(super) fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.rows.push(Row { table, key: key.into(), value: Some(value.into()) });
    }

    pub(super) fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.rows.push(Row { table, key: key.into(), value: None });
    }

    /// Also asks for the token of a hook.
    pub(super) fn want_token(&mut self, run: RunId, claim: &Claim) -> Claimed {
        let (wanted, claimed) = TokenChange::wanted(run, claim);
        self.tokens.push(wanted);
        claimed
    }

    /// Also gives back the token of a hook, if it has it.
    pub(super) fn free_token(&mut self, run: RunId, op: Op, token: &str) {
        self.tokens.push(TokenChange::Freed { token: token.to_owned(), run, op });
    }
}

/// A turn, and what the world owes the run once it is on disk.
#[derive(Debug)]
pub struct TurnAndEffects {
    /// The turn.
    pub turn: Turn,
    /// What the world owes.
    pub effects: Vec<Effect>,
    /// The hooks that ask for their tokens, and what they were told, once that is on disk.
    pub claims: Vec<Claimed>,
}

impl Draft<TurnAndEffects> {
    /// A turn of a run with its effects, and the tokens of the webhooks and hooks that it opens and closes.
    pub fn turn(run: RunId, mut turn: Turn, effects: Vec<Effect>) -> Self {
        let (record, payloads) = payloads::encode(&mut turn);
        let mut rows = Rows { payloads, held: turn.size(), ..Rows::default() };
        rows.put(Table::Turns, keys::numbered(run, turn.seq), record);
        for (op, command) in turn.operations() {
            if let Command::Webhook { token, .. } = command {
                let record = WebhookRecord::new(run, op);
                rows.put(Table::Webhooks, token.as_bytes(), codec::encode(&record));
            }
        }
        // The last one of each name: no two rows of a draft have the same key.
        let shown = turn.commands.iter().filter_map(|command| match command {
            Command::Publish { name, value } => Some((&**name, value)),
            _ => None,
        });
        for (name, value) in shown.collect::<BTreeMap<_, _>>() {
            rows.put(Table::Published, keys::named(run, name), codec::encode(value));
        }
        rows.change_attributes(run, &turn.commands);
        let mut claims = Vec::new();
        for effect in &effects {
            match effect {
                Effect::Claim(claim) => claims.push(rows.want_token(run, claim)),
                Effect::Release { op, token } => rows.free_token(run, *op, token),
                Effect::End { hooks, .. } => {
                    hooks.iter().for_each(|(op, token)| rows.free_token(run, *op, token));
                }
                Effect::Start { .. }
                | Effect::Wake { .. }
                | Effect::Forget { .. }
                | Effect::Expire { .. }
                | Effect::Stop { .. }
                | Effect::Respond { .. }
                | Effect::Spawn(_)
                | Effect::Tell(_) => {}
                Effect::CancelChild { op, run: child } => {
                    let row = codec::encode(&FamilyRow::Cancels(*child));
                    rows.put(Table::Family, keys::numbered(run, op.0), row);
                }
            }
        }
        Self { thing: TurnAndEffects { turn, effects, claims }, rows }
    }
}

impl Draft<()> {
    /// Nothing of its own: what [`Draft::with_run`] and its like add is all. With nothing added it
    /// only keeps its place in the queue: once it is through, all that came before it is on disk.
    pub fn nothing() -> Self {
        Self { thing: (), rows: Rows::default() }
    }

    /// The same rows, where this is heard of once they are on disk.
    pub fn giving<T>(self, thing: T) -> Draft<T> {
        Draft { thing, rows: self.rows }
    }

    /// The moment of an orderly stop: no attempt began after it.
    pub fn stopped(at: Timestamp) -> Self {
        let mut draft = Self::nothing();
        draft.rows.put(Table::Meta, tables::STOPPED_KEY, at.0.to_le_bytes());
        draft
    }

    /// The host runs: an orderly stop is yet to come.
    pub fn running() -> Self {
        let mut draft = Self::nothing();
        draft.rows.delete(Table::Meta, tables::STOPPED_KEY);
        draft
    }
}

impl<T> Draft<T> {
    /// The same rows, where nobody is to hear of the thing itself.
    pub fn of_nothing(self) -> Draft<()> {
        Draft { thing: (), rows: self.rows }
    }

    /// Also writes all that another draft writes, which is rows and nothing else.
    pub fn and(mut self, other: Draft<()>) -> Self {
        let Rows { rows, tokens, found, payloads, conditions, held: _ } = other.rows;
        debug_assert!(tokens.is_empty() && payloads.is_empty() && conditions.is_none());
        debug_assert!(found.is_empty());
        self.rows.rows.extend(rows);
        self
    }

    /// Also writes the record of the run, and keeps the list of unfinished runs in step with it.
    pub fn with_run(mut self, run: RunId, record: &RunRecord) -> Self {
        self.rows.put(Table::Runs, run.to_bytes(), codec::encode(record));
        if record.standing.ended_at().is_none() {
            self.rows.put(Table::Unfinished, run.to_bytes(), []);
        } else {
            self.rows.delete(Table::Unfinished, run.to_bytes());
            if record.on_end.is_some() {
                let due = record.standing.ended_at();
                let owed = codec::encode(&EndCall { due, ..EndCall::default() });
                self.rows.put(Table::EndCalls, run.to_bytes(), owed);
            }
            // Whether its parent wanted that is of no matter any more.
            if let Some(parent) = &record.parent {
                self = self.without_told(parent.run, parent.op);
            }
        }
        self
    }

    /// Also writes a new run, which waits to be started with this input.
    pub fn with_new_run(self, run: RunId, record: &RunRecord, input: String) -> Self {
        let held = HeldEvent { at: record.started_at, event: Event::Started { input } };
        self.with_run(run, record).with_held(run, 0, &held)
    }

    /// Also remembers that this idempotency key, if there is one, started the run. Nothing of the draft is
    /// written where it leads to another one: [`crate::store::Unmet::Started`].
    pub fn with_key(mut self, workflow: &str, key: Option<StartKey>, run: RunId) -> Self {
        if let Some(key) = key {
            let row = keys::idempotency(workflow, key.text());
            self.rows.only_if(match key {
                StartKey::Once(_) => Condition::NewKey { row, run },
                StartKey::OneAtATime(_) => Condition::FreeKey { row, run },
            });
        }
        self
    }

    /// Also takes turns of a run away, and with them the payloads that no other turn refers to. Where
    /// there is no turn, nothing is taken. Each turn is a row of the draft: the caller bounds how
    /// many.
    pub fn without_turns(mut self, run: RunId, seqs: Range<u64>) -> Self {
        for seq in seqs {
            self.rows.delete(Table::Turns, keys::numbered(run, seq));
        }
        self
    }

    /// Also forgets webhook tokens: from now on nobody can tell one from one that never was.
    pub fn without_webhooks(mut self, tokens: &BTreeSet<String>) -> Self {
        let is_forgotten = |row: &Row| {
            row.table == Table::Webhooks
                && str::from_utf8(&row.key).is_ok_and(|token| tokens.contains(token))
        };
        self.rows.rows.retain(|row| !is_forgotten(row));
        tokens.iter().for_each(|token| self.rows.delete(Table::Webhooks, token.as_bytes()));
        self
    }

    /// Also forgets the failed attempts of a step, of which this was the last one.
    pub fn without_attempts(mut self, run: RunId, op: Op, last: u32) -> Self {
        for number in last.saturating_sub(tables::KEPT_ATTEMPTS)..=last {
            self.rows.delete(Table::Attempts, keys::attempt(run, op, number));
        }
        self
    }

    /// Also writes how often the host went down while a step ran.
    pub fn with_losses(mut self, run: RunId, op: Op, losses: Losses) -> Self {
        self.rows.put(Table::Losses, keys::numbered(run, op.0), codec::encode(&losses));
        self
    }

    /// Also forgets that: the step is over, or its run is.
    pub fn without_losses(mut self, run: RunId, op: Op) -> Self {
        self.rows.delete(Table::Losses, keys::numbered(run, op.0));
        self
    }

    /// Also keeps what a step last said of how far it is, as JSON.
    pub fn with_heartbeat(mut self, run: RunId, op: Op, details: &str) -> Self {
        self.rows.put(Table::Heartbeats, keys::numbered(run, op.0), codec::encode(&details));
        self
    }

    /// Also forgets that: the step is over, or its run is.
    pub fn without_heartbeat(mut self, run: RunId, op: Op) -> Self {
        self.rows.delete(Table::Heartbeats, keys::numbered(run, op.0));
        self
    }

    /// Also takes note that a step is over of which an attempt had failed.
    pub fn without_failing(mut self, run: RunId, op: Op) -> Self {
        self.rows.delete(Table::Failing, keys::numbered(run, op.0));
        self
    }

    /// Also keeps an event for a blocked run, at this position in its line.
    pub fn with_held(mut self, run: RunId, position: u64, held: &HeldEvent) -> Self {
        self.rows.put(Table::HeldEvents, keys::numbered(run, position), codec::encode(held));
        self
    }

    /// Also keeps a note of a run, by this number, and forgets the one that is then too old.
    pub fn with_note(mut self, run: RunId, number: u64, note: &Note) -> Self {
        self.rows.put(Table::Notes, keys::numbered(run, number), codec::encode(note));
        if let Some(oldest) = number.checked_sub(tables::KEPT_NOTES) {
            self.rows.delete(Table::Notes, keys::numbered(run, oldest));
        }
        self
    }

    /// Also forgets the held event at this position, if there is one: it has had its turn.
    pub fn without_held(mut self, run: RunId, position: Option<u64>) -> Self {
        if let Some(position) = position {
            self.rows.delete(Table::HeldEvents, keys::numbered(run, position));
        }
        self
    }
}

impl Draft<Attempt> {
    /// An attempt of a step that failed and is to be tried again.
    pub fn attempt(run: RunId, op: Op, attempt: Attempt) -> Self {
        let mut rows = Rows::default();
        rows.put(Table::Attempts, keys::attempt(run, op, attempt.number), codec::encode(&attempt));
        rows.put(Table::Failing, keys::numbered(run, op.0), []);
        if let Some(oldest) = attempt.number.checked_sub(tables::KEPT_ATTEMPTS) {
            rows.delete(Table::Attempts, keys::attempt(run, op, oldest));
        }
        Self { thing: attempt, rows }
    }
}

impl Draft<Digest> {
    /// A module, and the workflows that it now starts.
    pub fn module(digest: Digest, record: &ModuleRecord, code: &[u8]) -> Self {
        let mut rows = Rows::default();
        rows.put(Table::Modules, digest.to_bytes(), codec::encode(record));
        rows.put(Table::Code, digest.to_bytes(), code);
        for workflow in &record.manifest.workflows {
            rows.put(Table::Workflows, workflow.name.as_bytes(), digest.to_bytes());
        }
        Self { thing: digest, rows }
    }

    /// A module that nothing needs any more.
    pub fn forget_module(digest: Digest) -> Draft<()> {
        let mut draft = Draft::nothing();
        draft.rows.delete(Table::Modules, digest.to_bytes());
        draft.rows.delete(Table::Code, digest.to_bytes());
        draft
    }
}

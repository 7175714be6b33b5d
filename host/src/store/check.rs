//! Reading a whole store, and saying what is wrong with it.
//!
//! The storage below has its own checksums; what is looked at here is what they cannot know: that
//! records can be read, and that tables agree with one another.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use segno_journal::retry::Attempt;
use segno_journal::{Block, Digest, RunId, Stream};
use sha2::{Digest as _, Sha256};

use crate::store::batches::{Posted, read_posted};
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::follow::Journal;
use crate::store::handle::Store;
use crate::store::index;
use crate::store::job_records::JobRecord;
use crate::store::keys;
use crate::store::keyspace::Moment;
use crate::store::payloads::{self, Reference};
use crate::store::records::{
    Attribute, BatchRecord, EndCall, FamilyRow, HeldEvent, HookRecord, ModuleRecord, Note,
    RunRecord, WebhookRecord,
};
use crate::store::tables::Table;

/// How many findings are told: who has seen so many knows that a backup is needed.
const MAX_FINDINGS: u64 = 1_000;

/// What was read of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// How many runs it has.
    pub runs: u64,
    /// How many turns they have.
    pub turns: u64,
    /// How many large payloads it has.
    pub payloads: u64,
    /// How many modules it has.
    pub modules: u64,
    /// How many things are wrong.
    pub findings: u64,
}

impl Store {
    /// Reads everything, and says each thing that is wrong, as a sentence. What is read must not change
    /// meanwhile: a large store may take minutes.
    ///
    /// # Errors
    ///
    /// The storage itself cannot be read.
    pub fn check(&self, say: &mut dyn FnMut(String)) -> Result<Checked, StoreError> {
        let store = self.pinned()?;
        let mut check = Check { moment: store.moment()?, store, say, checked: Checked::default() };
        check.runs()?;
        check.unfinished()?;
        check.rows_of_runs()?;
        check.payloads()?;
        check.images()?;
        check.leads_to_runs()?;
        check.modules()?;
        check.jobs()?;
        check.index()?;
        Ok(check.checked)
    }
}

struct Check<'a> {
    /// All that is read is of this moment.
    store: Store,
    moment: Arc<Moment>,
    say: &'a mut dyn FnMut(String),
    checked: Checked,
}

impl Check<'_> {
    fn found(&mut self, what: String) {
        self.checked.findings += 1;
        match self.checked.findings {
            ..=MAX_FINDINGS => (self.say)(what),
            1_001 => (self.say)("more is wrong, and not told".into()),
            _ => {}
        }
    }

    /// Visits the rows of a table: key and value.
    fn rows(
        &mut self,
        table: Table,
        mut visit: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let moment = Arc::clone(&self.moment);
        for row in moment.rows(table)? {
            let row = row?;
            visit(self, row.key(), row.value())?;
        }
        Ok(())
    }

    fn has(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        self.moment.has(table, key)
    }

    /// What a record says, or that it says nothing.
    fn read<R>(
        &mut self,
        what: &str,
        read: Result<R, StoreError>,
    ) -> Result<Option<R>, StoreError> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(error @ StoreError::Record { .. }) => {
                self.found(format!("{what}: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn runs(&mut self) -> Result<(), StoreError> {
        self.rows(Table::Runs, |check, key, value| {
            check.checked.runs += 1;
            let Ok(bytes) = key.try_into() else {
                check.found("a run has a key that is no name".into());
                return Ok(());
            };
            let run = RunId::from_bytes(bytes);
            let record = codec::decode::<RunRecord>(Table::Runs.name(), value);
            let Some(record) = check.read(&run.to_string(), record)? else { return Ok(()) };
            check.run(run, &record)
        })
    }

    fn run(&mut self, run: RunId, record: &RunRecord) -> Result<(), StoreError> {
        let is_over = record.standing.ended_at().is_some();
        if is_over == self.has(Table::Unfinished, &run.to_bytes())? {
            let listed = if is_over { "has ended, and is" } else { "has not ended, and is not" };
            self.found(format!("{run} {listed} in the list of those that go on"));
        }
        if !is_over && !self.has(Table::Code, &record.module.to_bytes())? {
            self.found(format!(
                "{run} has not ended, and its module {} is not there",
                record.module
            ));
        }
        self.key(record)?;
        let journal = Journal::default();
        let mut turns = 0;
        let mut journal = Ok(journal);
        let visited = self.store.visit_turns(run, 0, |turn| {
            turns += 1;
            journal =
                std::mem::replace(&mut journal, Err(String::new())).and_then(|it| it.follow(&turn));
            if journal.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        self.checked.turns += turns;
        if self.read(&run.to_string(), visited)?.is_none() {
            return Ok(());
        }
        match journal.and_then(|journal| journal.agrees(&record.standing)) {
            Ok(()) => {}
            Err(what) => self.found(format!("{run}: {what}")),
        }
        Ok(())
    }

    /// Whether the key of a run leads to one that is kept. It may lead to a later one, and to none.
    fn key(&mut self, record: &RunRecord) -> Result<(), StoreError> {
        let Some(key) = &record.key else { return Ok(()) };
        let row = keys::idempotency(&record.workflow, key);
        let leads_to = self.moment.get(Table::Keys, &row)?.map(|value| value.to_vec());
        if let Some(run) = leads_to
            && !self.has(Table::Runs, &run)?
        {
            self.found(format!("an idempotency key leads to {}, which is not there", named(&run)));
        }
        Ok(())
    }

    fn unfinished(&mut self) -> Result<(), StoreError> {
        self.rows(Table::Unfinished, |check, key, _| {
            if !check.has(Table::Runs, key)? {
                check.found(format!("{} is to go on, and has no record", named(key)));
            }
            Ok(())
        })
    }

    /// Whether what belongs to runs can be read, and its run is there.
    fn rows_of_runs(&mut self) -> Result<(), StoreError> {
        for table in [
            Table::Turns,
            Table::Attempts,
            Table::Failing,
            Table::HeldEvents,
            Table::Notes,
            Table::Images,
            Table::Heartbeats,
            Table::Published,
            Table::Family,
            Table::Streams,
            Table::Chunks,
            Table::EndCalls,
            Table::Posted,
            Table::Attributes,
            Table::SetAside,
        ] {
            let mut last = Vec::new();
            self.rows(table, |check, key, value| {
                let run = &key[..key.len().min(16)];
                if last != run {
                    last = run.to_vec();
                    if !check.has(Table::Runs, run)? && !check.has(Table::Deleting, run)? {
                        check.found(format!(
                            "table `{}` has rows of {}, which is not there",
                            table.name(),
                            named(run)
                        ));
                    }
                }
                let name = table.name();
                let read = match table {
                    Table::Attempts => codec::decode::<Attempt>(name, value).map(drop),
                    Table::Notes => codec::decode::<Note>(name, value).map(drop),
                    Table::Heartbeats | Table::Published => {
                        codec::decode::<String>(name, value).map(drop)
                    }
                    Table::Family => codec::decode::<FamilyRow>(name, value).map(drop),
                    Table::Attributes => codec::decode::<Attribute>(name, value).map(drop),
                    Table::Streams => codec::decode::<Stream>(name, value).map(drop),
                    Table::EndCalls => codec::decode::<EndCall>(name, value).map(drop),
                    Table::Chunks => codec::decode::<Block>(name, value).map(drop),
                    Table::Posted if Posted::of_key(key).is_none() => Err(codec::bad_key(table)),
                    Table::Posted => read_posted(value).map(drop),
                    Table::HeldEvents => codec::decode::<HeldEvent>(name, value).map(drop),
                    _ => Ok(()),
                };
                check.read(&named(run), read).map(drop)
            })?;
        }
        Ok(())
    }

    /// Whether payloads are what was written, and as often referred to as they say. What turns refer to
    /// and is not there was found with the turns.
    fn payloads(&mut self) -> Result<(), StoreError> {
        let mut references = BTreeMap::<Digest, u64>::new();
        for table in [Table::Turns, Table::SetAside] {
            self.rows(table, |_, _, value| {
                let of_turn = codec::decode_first::<Vec<Reference>>(table.name(), value);
                for reference in of_turn.map(|(of_turn, _)| of_turn).unwrap_or_default() {
                    *references.entry(reference.digest).or_default() += 1;
                }
                Ok(())
            })?;
        }
        self.rows(Table::Payloads, |check, key, value| {
            check.checked.payloads += 1;
            let Ok(digest) = key.try_into().map(Digest::from_bytes) else {
                check.found("a payload has a key that is no digest".into());
                return Ok(());
            };
            check.read("a payload", payloads::decode(digest, value))?;
            let counted = check.count(key)?;
            let expected = references.get(&digest).copied().unwrap_or(0);
            if counted != expected {
                check.found(format!(
                    "payload {digest} is referred to {expected} times, and says {counted}"
                ));
            }
            Ok(())
        })?;
        self.rows(Table::PayloadCounts, |check, key, _| {
            if !check.has(Table::Payloads, key)? {
                check.found("a payload that is not there is counted".into());
            }
            Ok(())
        })
    }

    /// How often turns refer to a payload that is there, as it says.
    fn count(&self, key: &[u8]) -> Result<u64, StoreError> {
        let count = self.moment.get(Table::PayloadCounts, key)?;
        let count = count.map(|count| (*count).try_into().map(u64::from_le_bytes).unwrap_or(0));
        Ok(count.unwrap_or(1))
    }

    /// Whether images are what was written. One that is not costs a replay, and is told all the same.
    fn images(&mut self) -> Result<(), StoreError> {
        self.rows(Table::Blocks, |check, key, _| {
            if !check.has(Table::Images, key)? {
                check.found(format!("{} has the memory of an image that is not there", named(key)));
            }
            Ok(())
        })?;
        let mut last = None;
        self.rows(Table::Images, |check, key, _| {
            let Some((run, _)) = keys::split_numbered(key) else { return Ok(()) };
            if last.replace(run) == Some(run) {
                return Ok(());
            }
            for (position, image) in check.store.images(run)? {
                let image = image.and_then(|image| check.store.image_blocks(run, position, &image));
                check.read(&format!("{run}, image {position}"), image)?;
            }
            Ok(())
        })
    }

    fn leads_to_runs(&mut self) -> Result<(), StoreError> {
        // What leads to a run that was deleted counts for nothing, and goes by and by.
        self.rows(Table::Webhooks, |check, _, value| {
            // Not with the token: whoever knows it can call the webhook.
            let record = codec::decode::<WebhookRecord>(Table::Webhooks.name(), value);
            check.read("a webhook", record).map(drop)
        })?;
        self.rows(Table::Hooks, |check, _, value| {
            let record = codec::decode::<HookRecord>(Table::Hooks.name(), value);
            check.read("a hook", record).map(drop)
        })?;
        self.rows(Table::Keys, |check, _, value| {
            if keys::run(value).is_none() {
                check.found("an idempotency key leads to what is no run".into());
            }
            Ok(())
        })?;
        // Its runs may be deleted before it is forgotten.
        self.rows(Table::Batches, |check, _, value| {
            let record = codec::decode::<BatchRecord>(Table::Batches.name(), value);
            check.read("a batch", record).map(drop)
        })?;
        self.rows(Table::Deleting, |check, key, _| {
            if check.has(Table::Runs, key)? {
                check.found(format!("{} is being deleted, and has a record", named(key)));
            }
            Ok(())
        })
    }

    /// Whether jobs can be read, and what is kept with them belongs to one.
    fn jobs(&mut self) -> Result<(), StoreError> {
        self.rows(Table::Jobs, |check, _, value| {
            let record = codec::decode::<JobRecord>(Table::Jobs.name(), value);
            check.read("a job", record).map(drop)
        })?;
        self.rows(Table::JobRefusals, |check, key, value| {
            if !check.has(Table::Jobs, &key[..key.len().min(16)])? {
                check.found("the runs of a job are kept which is not there".into());
            }
            let reason = codec::decode::<String>(Table::JobRefusals.name(), value);
            check.read("why a job could do nothing with a run", reason).map(drop)
        })
    }

    fn index(&mut self) -> Result<(), StoreError> {
        let moment = Arc::clone(&self.moment);
        index::compare(&moment, &mut |what| self.found(what))
    }

    fn modules(&mut self) -> Result<(), StoreError> {
        self.rows(Table::Modules, |check, key, value| {
            check.checked.modules += 1;
            let module = Digest::from_bytes(key.try_into().unwrap_or_default()).to_string();
            check.read(&module, codec::decode::<ModuleRecord>(Table::Modules.name(), value))?;
            if !check.has(Table::Code, key)? {
                check.found(format!("the code of {module} is not there"));
            }
            Ok(())
        })?;
        self.rows(Table::Code, |check, key, code| {
            let module = Digest::from_bytes(key.try_into().unwrap_or_default());
            if <[u8; 32]>::from(Sha256::digest(code)) != key {
                check.found(format!("the code of {module} is not what was deployed"));
            }
            if !check.has(Table::Modules, key)? {
                check.found(format!("{module} has code and no record"));
            }
            Ok(())
        })?;
        self.rows(Table::Workflows, |check, key, digest| {
            if !check.has(Table::Code, digest)? {
                let workflow = String::from_utf8_lossy(key).escape_debug().to_string();
                check.found(format!(
                    "workflow `{workflow}` is to start on a module that is not there"
                ));
            }
            Ok(())
        })
    }
}

/// The run that a key begins with.
fn named(key: &[u8]) -> String {
    let run = key.first_chunk::<16>().map(|run| RunId::from_bytes(*run).to_string());
    run.unwrap_or_else(|| "a run without a name".into())
}

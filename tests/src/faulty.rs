//! A disk that fails on purpose, below the store.
//!
//! It remembers what was asked of it, so that what a crash may leave can be had for every moment:
//! nothing that was not synced, all of it, or some of it, down to single sectors.

use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segno_host::store::StorageBackend;

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

/// A disk in memory. Clones are the same disk, so its content outlives the store that was opened on
/// it.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What was on it at first.
    base: Vec<u8>,
    /// What it was asked, in order. What it refused stands there too: it may have been done.
    operations: Vec<Operation>,
    /// What whoever reads it finds.
    content: Vec<u8>,
    full: bool,
    /// How many syncs succeed before the disk is full for good.
    syncs_left: Option<u32>,
    /// The operation that is refused.
    fails_at: Option<usize>,
    /// One was refused on purpose.
    has_failed: bool,
    /// What it says when it is to sync, instead of doing it.
    sync_fails: Option<ErrorKind>,
    /// It can be read no more.
    unreadable: bool,
}

/// One thing that a disk was asked.
#[derive(Debug, Clone)]
enum Operation {
    Write { offset: usize, data: Vec<u8> },
    Length(usize),
    Sync,
}

/// What a crash leaves of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Nothing: the power failed.
    Nothing,
    /// All: the process was killed.
    All,
    /// Some sectors, as chance has it: the disk had its own order, and the power failed.
    Some(u64),
}

impl Disk {
    /// From now on nothing more fits, or everything fits again.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// From now on each sync fails in this way.
    pub fn fail_syncs(&self, kind: ErrorKind) {
        self.lock().sync_fails = Some(kind);
    }

    /// From now on nothing can be read.
    pub fn fail_reads(&self) {
        self.lock().unreadable = true;
    }

    /// The disk fails for good after so many syncs.
    pub fn fail_after_syncs(&self, syncs: u32) {
        self.lock().syncs_left = Some(syncs);
    }

    /// The operation with this number, counted from 0, is refused. Those after it are not.
    pub fn fail_at(&self, operation: usize) {
        self.lock().fails_at = Some(operation);
    }

    /// Whether it has refused an operation on purpose.
    pub fn has_failed(&self) -> bool {
        self.lock().has_failed
    }

    /// How many writes, syncs and changes of its length it was asked.
    pub fn operations(&self) -> usize {
        self.lock().operations.len()
    }

    /// What is left after the power fails: another disk, with what was synced to this one.
    pub fn after_power_failure(&self) -> Self {
        self.after_crash(self.operations(), Kept::Nothing)
    }

    /// What is left after a crash that came after so many operations: another disk.
    pub fn after_crash(&self, operations: usize, kept: Kept) -> Self {
        let state = self.lock();
        let done = &state.operations[..operations];
        let synced = done.iter().rposition(|operation| matches!(operation, Operation::Sync));
        let (synced, open) = done.split_at(synced.map_or(0, |sync| sync + 1));
        let mut content = state.base.clone();
        synced.iter().for_each(|operation| apply(&mut content, operation));
        match kept {
            Kept::Nothing => {}
            Kept::All => open.iter().for_each(|operation| apply(&mut content, operation)),
            Kept::Some(seed) => {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                open.iter().for_each(|operation| apply_some(&mut content, operation, &mut random));
            }
        }
        Self(Arc::new(Mutex::new(State { base: content.clone(), content, ..State::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn apply(content: &mut Vec<u8>, operation: &Operation) {
    match operation {
        Operation::Write { offset, data } => write(content, *offset, data),
        Operation::Length(length) => content.resize(*length, 0),
        Operation::Sync => {}
    }
}

/// Does some of it: of a write, any of its sectors.
fn apply_some(content: &mut Vec<u8>, operation: &Operation, random: &mut ChaCha8Rng) {
    match operation {
        Operation::Write { offset, data } => {
            for (number, sector) in data.chunks(SECTOR).enumerate() {
                if random.random_bool(0.5) {
                    write(content, offset + number * SECTOR, sector);
                }
            }
        }
        operation if random.random_bool(0.5) => apply(content, operation),
        _ => {}
    }
}

/// Writes, perhaps beyond the end: the change of the length before may be what a crash took.
fn write(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(data);
}

impl State {
    /// Takes note of an operation, and does it unless the disk fails.
    fn perform(&mut self, operation: Operation) -> Result<()> {
        if matches!(operation, Operation::Sync)
            && let Some(left) = &mut self.syncs_left
        {
            self.full |= *left == 0;
            *left = left.saturating_sub(1);
        }
        let fails = self.fails_at == Some(self.operations.len());
        // A sync that was refused promises nothing, so what came before it stays open.
        if !((self.full || fails) && matches!(operation, Operation::Sync)) {
            self.operations.push(operation);
        }
        if fails {
            (self.fails_at, self.has_failed) = (None, true);
            return Err(Error::other("the disk fails on purpose"));
        }
        if self.full {
            return Err(Error::from(ErrorKind::StorageFull));
        }
        if let Some(operation) = self.operations.last() {
            apply(&mut self.content, operation);
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64> {
        Ok(self.lock().content.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let state = self.lock();
        if state.unreadable {
            return Err(Error::other("the disk cannot be read, on purpose"));
        }
        let offset = usize::try_from(offset).map_err(Error::other)?;
        let from = state.content.get(offset..offset + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(from);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let length = usize::try_from(len).map_err(Error::other)?;
        self.lock().perform(Operation::Length(length))
    }

    fn sync_data(&self) -> Result<()> {
        let mut state = self.lock();
        match state.sync_fails {
            Some(kind) => Err(kind.into()),
            None => state.perform(Operation::Sync),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let offset = usize::try_from(offset).map_err(Error::other)?;
        let mut state = self.lock();
        if offset + data.len() > state.content.len() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        state.perform(Operation::Write { offset, data: data.to_vec() })
    }
}

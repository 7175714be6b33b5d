//! A disk that fails on purpose, below the store.
//!
//! It has the three files of a store, and remembers what was asked of it, in one order for all of them. So
//! what a crash may leave can be had for every moment: nothing that was not synced, all of it, or some of
//! it, down to single sectors. A sync is one of a file, and promises nothing for the others.

use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use segno_host::store::{Checkpoints, Storage, StorageBackend};

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

/// How many files a store has: its pages, and the segments of its log.
const FILES: usize = 3;

/// After how many bytes a segment of the log is full: few, so that checkpoints are made all the time.
const FULL_AT: u64 = 64 << 10;

/// A disk in memory. Clones are the same disk, so its content outlives the store that was opened on
/// it.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What was in its files at first.
    base: [Vec<u8>; FILES],
    /// What it was asked, in order, and for which file. What it refused stands there too: it may have been
    /// done.
    operations: Vec<(usize, Operation)>,
    /// What whoever reads them finds.
    content: [Vec<u8>; FILES],
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
    /// The files whose length it only says that it changes.
    lies_about_length: [bool; FILES],
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

    /// From now on it says that it changes the length of this file, and does not. What is written beyond
    /// its end makes it longer, as in any file.
    pub fn lie_about_length(&self, file: usize) {
        self.lock().lies_about_length[file] = true;
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
        let seed = if let Kept::Some(seed) = kept { seed } else { 0 };
        // Each moment has a chance of its own: most crashes leave one write open, and it is the first.
        let mut random = ChaCha8Rng::seed_from_u64(seed.wrapping_add((operations as u64) << 32));
        let content = std::array::from_fn(|file| {
            let mut content = state.base[file].clone();
            let of_file: Vec<_> = done.iter().filter(|(of, _)| *of == file).collect();
            let synced = of_file.iter().rposition(|(_, asked)| matches!(asked, Operation::Sync));
            let (synced, open) = of_file.split_at(synced.map_or(0, |sync| sync + 1));
            synced.iter().for_each(|(_, operation)| apply(&mut content, operation));
            for (_, operation) in open {
                match kept {
                    Kept::Nothing => {}
                    Kept::All => apply(&mut content, operation),
                    Kept::Some(_) => apply_some(&mut content, operation, &mut random),
                }
            }
            content
        });
        let state = State { base: content.clone(), content, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// One of its files, as a store has it open.
    pub fn file(&self, number: usize) -> DiskFile {
        DiskFile { disk: self.clone(), number }
    }

    /// What is in one of its files, to be changed behind the store's back.
    pub fn change(&self, file: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        change(&mut state.content[file]);
        state.base[file] = state.content[file].clone();
    }

    /// What is left when the process is killed after so many operations: another disk, which has all of them,
    /// and may lose in a power failure what was not synced.
    pub fn after_kill(&self, operations: usize) -> Self {
        let state = self.lock();
        let operations = state.operations[..operations].to_vec();
        let mut content = state.base.clone();
        operations.iter().for_each(|(file, operation)| apply(&mut content[*file], operation));
        let base = state.base.clone();
        Self(Arc::new(Mutex::new(State { base, operations, content, ..State::default() })))
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
    fn perform(&mut self, file: usize, operation: Operation) -> Result<()> {
        if matches!(operation, Operation::Sync)
            && let Some(left) = &mut self.syncs_left
        {
            self.full |= *left == 0;
            *left = left.saturating_sub(1);
        }
        let fails = self.fails_at == Some(self.operations.len());
        // A sync that was refused promises nothing, so what came before it stays open.
        if !((self.full || fails) && matches!(operation, Operation::Sync)) {
            self.operations.push((file, operation));
        }
        if fails {
            (self.fails_at, self.has_failed) = (None, true);
            return Err(Error::other("the disk fails on purpose"));
        }
        if self.full {
            return Err(Error::from(ErrorKind::StorageFull));
        }
        if let Some((_, operation)) = self.operations.last() {
            apply(&mut self.content[file], operation);
        }
        Ok(())
    }
}

/// A file of a disk.
#[derive(Debug, Clone)]
pub struct DiskFile {
    disk: Disk,
    number: usize,
}

impl From<Disk> for Storage {
    fn from(disk: Disk) -> Self {
        let file = |number| Box::new(disk.file(number));
        let storage = Self::new(file(0), [file(1), file(2)]);
        Self { full_at: FULL_AT, checkpoints: Checkpoints::InPlace, ..storage }
    }
}

impl StorageBackend for DiskFile {
    fn len(&self) -> Result<u64> {
        Ok(self.disk.lock().content[self.number].len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let state = self.disk.lock();
        if state.unreadable {
            return Err(Error::other("the disk cannot be read, on purpose"));
        }
        let offset = usize::try_from(offset).map_err(Error::other)?;
        let content = &state.content[self.number];
        let from = content.get(offset..offset + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(from);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let length = usize::try_from(len).map_err(Error::other)?;
        let mut state = self.disk.lock();
        if state.lies_about_length[self.number] {
            return Ok(());
        }
        state.perform(self.number, Operation::Length(length))
    }

    fn sync_data(&self) -> Result<()> {
        let mut state = self.disk.lock();
        match state.sync_fails {
            Some(kind) => Err(kind.into()),
            None => state.perform(self.number, Operation::Sync),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let offset = usize::try_from(offset).map_err(Error::other)?;
        let mut state = self.disk.lock();
        let is_beyond = offset + data.len() > state.content[self.number].len();
        if is_beyond && !state.lies_about_length[self.number] {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        state.perform(self.number, Operation::Write { offset, data: data.to_vec() })
    }
}

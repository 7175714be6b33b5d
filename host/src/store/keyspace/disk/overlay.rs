//! A file that is read and never written: what is written to it stays in memory.
//!
//! To open a store after a crash is to repair it. Whoever only wants to know what is in a file, damaged
//! perhaps, must not change it for that.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, Read, Result, Seek, SeekFrom};

use parking_lot::Mutex;
use redb::StorageBackend;

/// The unit in which changes are kept.
const PAGE: usize = 4 << 10;

/// A file, and what was written over it.
#[derive(Debug)]
pub(super) struct Overlay(Mutex<Layers>);

#[derive(Debug)]
struct Layers {
    file: File,
    /// How much of the file is seen: what was cut off does not come back.
    seen: u64,
    length: u64,
    pages: BTreeMap<u64, Box<[u8]>>,
}

impl Overlay {
    /// A file as it is.
    pub(super) fn new(file: File) -> Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self(Mutex::new(Layers { file, seen: length, length, pages: BTreeMap::new() })))
    }
}

impl Layers {
    /// Reads from the file alone; what lies beyond it is zero.
    fn read_file(&mut self, offset: u64, out: &mut [u8]) -> Result<()> {
        let there =
            usize::try_from(self.seen.saturating_sub(offset)).unwrap_or(usize::MAX).min(out.len());
        let (file, beyond) = out.split_at_mut(there);
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(file)?;
        beyond.fill(0);
        Ok(())
    }

    fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<()> {
        for (number, start, part) in parts(offset, out.len()) {
            let to = &mut out[part.clone()];
            match self.pages.get(&number) {
                Some(page) => to.copy_from_slice(&page[start..start + part.len()]),
                None => self.read_file(offset + part.start as u64, to)?,
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<()> {
        for (number, start, part) in parts(offset, data.len()) {
            if !self.pages.contains_key(&number) {
                let mut page = vec![0; PAGE].into_boxed_slice();
                self.read_file(number * PAGE as u64, &mut page)?;
                self.pages.insert(number, page);
            }
            let page = self.pages.get_mut(&number).expect("it was put there above");
            page[start..start + part.len()].copy_from_slice(&data[part]);
        }
        Ok(())
    }

    fn set_length(&mut self, length: u64) {
        if length < self.length {
            let _cut_off = self.pages.split_off(&length.div_ceil(PAGE as u64));
            if let Some(page) = self.pages.get_mut(&(length / PAGE as u64)) {
                page[(length % PAGE as u64) as usize..].fill(0);
            }
            self.seen = self.seen.min(length);
        }
        self.length = length;
    }
}

/// The pages of a range: the number of each, where in it the range begins, and which part of the range
/// that is.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let start = (at % PAGE as u64) as usize;
        let end = length.min(done + PAGE - start);
        let part = done..end;
        done = end;
        (!part.is_empty()).then_some((at / PAGE as u64, start, part))
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> Result<u64> {
        Ok(self.0.lock().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let mut layers = self.0.lock();
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > layers.length) {
            return Err(Error::from(std::io::ErrorKind::UnexpectedEof));
        }
        layers.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.0.lock().set_length(len);
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.0.lock().write(offset, data)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Change {
        Write(u64, Vec<u8>),
        Length(u64),
    }

    const END: u64 = 5 * PAGE as u64;

    fn change() -> impl Strategy<Value = Change> {
        let write = (0..END, prop::collection::vec(any::<u8>(), 1..2 * PAGE));
        prop_oneof![
            write.prop_map(|(offset, data)| Change::Write(offset, data)),
            (0..END).prop_map(Change::Length)
        ]
    }

    proptest! {
        #[test]
        fn it_reads_as_a_file_that_was_written_and_the_file_is_as_it_was(
            changes in prop::collection::vec(change(), 0..20),
        ) {
            let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
            let before: Vec<u8> = (0..3 * PAGE + 100).map(|at| at as u8).collect();
            std::io::Write::write_all(&mut file, &before).expect("it can be written");
            let overlay = Overlay::new(file.reopen().expect("it is there")).expect("it can be read");
            let mut model = before.clone();
            for change in changes {
                match change {
                    Change::Write(offset, data) => {
                        let end = offset + data.len() as u64;
                        if overlay.len().expect("it has one") < end {
                            overlay.set_len(end).expect("it is in memory");
                            model.resize(end as usize, 0);
                        }
                        overlay.write(offset, &data).expect("it is in memory");
                        model[offset as usize..end as usize].copy_from_slice(&data);
                    }
                    Change::Length(length) => {
                        overlay.set_len(length).expect("it is in memory");
                        model.resize(length as usize, 0);
                    }
                }
                let mut found = vec![0; overlay.len().expect("it has one") as usize];
                overlay.read(0, &mut found).expect("it is there");
                prop_assert!(found == model);
            }
            prop_assert!(std::fs::read(file.path()).expect("it is there") == before);
        }
    }
}

//! Images on disk: what lets a run go on from its memory instead of its history. An image is always
//! disposable, so what cannot be read here is a reason to use another one, never an error.

use segno_journal::{Digest, Run, RunId, Timestamp, grows};
use sha2::{Digest as _, Sha256};

use crate::store::codec;
use crate::store::draft::Draft;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keys;
use crate::store::tables::Table;

/// What an image says of itself and of its run. It stands beside the memory, so that recovery reads
/// the state of a run without its memory.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRecord {
    /// The world between guest and host that its memory was saved through.
    pub abi: String,
    /// Which code it is of.
    pub module: Digest,
    /// When its last turn was.
    pub at: Timestamp,
    /// The state of the run: the fold of all turns before the position of the image.
    pub run: Run,
    /// How large the memory is, in pages of 64 KiB.
    pub pages: u64,
    /// How many bytes of the memory are in the image.
    pub length: u64,
    /// The SHA-256 of the blocks that are stored.
    pub blocks: [u8; 32],
}

grows!(ImageRecord { abi, module, at, run, pages, length, blocks });

/// An image as it was found: its position, and what it says or why it cannot be read.
pub type FoundImage = (u64, Result<ImageRecord, StoreError>);

/// An image record in its envelope, and after it the hash by which damage is seen: the SHA-256 of the key
/// and of the record as it is stored, because an image is of one run at one position.
pub(crate) fn seal(key: &[u8], image: &ImageRecord) -> Vec<u8> {
    let mut record = codec::encode(image);
    let hash = hash(key, &record);
    record.extend(hash);
    record
}

fn hash(key: &[u8], record: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(key).chain_update(record).finalize().into()
}

impl<T> Draft<T> {
    /// Also keeps an image of a run: it stands for all turns before this position. `image` gets the
    /// hash of the blocks.
    pub fn with_image(
        mut self,
        run: RunId,
        position: u64,
        mut image: ImageRecord,
        blocks: Vec<u8>,
    ) -> Self {
        let key = keys::numbered(run, position);
        image.blocks = Sha256::digest(&blocks).into();
        self.rows.put(Table::Images, key, seal(&key, &image));
        self.rows.put(Table::Blocks, key, codec::encode_bytes(&blocks));
        self
    }

    /// Also forgets the image of a run at this position.
    pub fn without_image(mut self, run: RunId, position: u64) -> Self {
        let key = keys::numbered(run, position);
        self.rows.delete(Table::Images, key);
        self.rows.delete(Table::Blocks, key);
        self
    }
}

impl Store {
    /// The images of a run, newest first: the position of each, and what it says or why it cannot
    /// be read.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn images(&self, run: RunId) -> Result<Vec<FoundImage>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.range(Table::Images, &keys::rows_of(run))?;
        rows.rev()
            .map(|row| {
                let row = row?;
                let position = codec::number(Table::Images, row.key())?;
                Ok((position, opened(row.key(), row.value())))
            })
            .collect()
    }

    /// The blocks of an image.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or the blocks are not those of the image.
    pub fn image_blocks(
        &self,
        run: RunId,
        position: u64,
        image: &ImageRecord,
    ) -> Result<Vec<u8>, StoreError> {
        let moment = self.moment()?;
        let value = moment.get(Table::Blocks, &keys::numbered(run, position))?;
        let damaged =
            |detail: &str| StoreError::Record { table: "blocks".into(), detail: detail.into() };
        let value = value.ok_or_else(|| damaged("they are missing"))?;
        let blocks = codec::decode_bytes("blocks", &value)?;
        if <[u8; 32]>::from(Sha256::digest(blocks)) != image.blocks {
            return Err(damaged("they have another hash than their image says"));
        }
        Ok(blocks.to_vec())
    }
}

fn opened(key: &[u8], value: &[u8]) -> Result<ImageRecord, StoreError> {
    let (image, sealed) = codec::decode_first("images", value)?;
    if hash(key, &value[..value.len() - sealed.len()]) == sealed {
        return Ok(image);
    }
    Err(codec::damaged("images", "it has another hash than it says".into()))
}

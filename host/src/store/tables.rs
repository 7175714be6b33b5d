//! The disk, table by table.
//!
//! All keys are bytes that sort as the things they stand for; all values are records in the
//! envelope of [`crate::store::codec`], but where it says otherwise. What is written here is read
//! for ever: a table never changes its meaning, a new meaning gets a new table.

use redb::{ReadTransaction, TableDefinition, TableError, WriteTransaction};
use segno_journal::{Op, RunId};

use crate::store::error::StoreError;

/// A table of bytes to bytes.
pub(crate) type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// The format that this version writes.
pub(crate) const FORMAT: u32 = 1;

/// What the store says of itself.
///
/// Key: a name, as text. Value, without an envelope: of `format` the format, as a little-endian
/// `u32`; of `stopped` the moment of the last orderly stop, as a little-endian `u64`. Lives: as long
/// as the store; `stopped` from an orderly stop to the next start.
pub(crate) const META: Table = Table::new("meta");

/// The runs.
///
/// Key: run (16 bytes). Value: [`crate::store::RunRecord`]. Lives: from the start of the run on;
/// written again when the run ends, is parked or goes on.
pub(crate) const RUNS: Table = Table::new("runs");

/// The runs that have not ended.
///
/// Key: run (16 bytes). Value: empty, without an envelope. Lives: from the start of the run to its
/// end.
pub(crate) const UNFINISHED: Table = Table::new("unfinished");

/// The turns of the runs: the journal.
///
/// Key: run (16 bytes), position (big-endian `u64`). Value: which payloads of the turn are in
/// [`PAYLOADS`], then the [`segno_journal::Turn`] without them. Lives: as long as its run.
pub(crate) const TURNS: Table = Table::new("turns");

/// The large payloads of turns, each once.
///
/// Key: the SHA-256 of the payload (32 bytes). Value: the size of the payload, as an integer of
/// variable length, then the payload as an LZ4 block up to the end of the value. Lives: as long as
/// a turn refers to it.
pub(crate) const PAYLOADS: Table = Table::new("payloads");

/// How often turns refer to a payload: in a table of its own, so that a count does not rewrite the
/// payload.
///
/// Key: as in [`PAYLOADS`]. Value, without an envelope: a little-endian `u64`. Lives: as long as
/// turns refer to the payload more than once. A payload that has no count is referred to once:
/// most are, and this spares them a row.
pub(crate) const PAYLOAD_COUNTS: Table = Table::new("payload_counts");

/// What images say of themselves.
///
/// Key: run (16 bytes), position (big-endian `u64`): how many turns the image stands for. Value:
/// [`crate::store::ImageRecord`] with a hash of it and its key. Lives: until the run ends or there
/// are two newer ones.
pub(crate) const IMAGES: Table = Table::new("images");

/// The memory of images: the blocks that differ from the memory of a fresh guest, compressed.
///
/// Key: as in `images`. Value: bytes in the envelope, as `host/src/sandbox/image.rs` makes them.
/// Lives: as long as its image.
pub(crate) const BLOCKS: Table = Table::new("blocks");

/// Attempts of steps that failed and were tried again.
///
/// Key: run (16 bytes), operation (big-endian `u64`), number of the attempt (big-endian `u32`).
/// Value: [`segno_journal::retry::Attempt`]. Lives: as long as its run, but only the last
/// [`KEPT_ATTEMPTS`] of an operation.
pub(crate) const ATTEMPTS: Table = Table::new("attempts");

/// The steps of which an attempt failed, and that are not over.
///
/// Key: run (16 bytes), operation (big-endian `u64`). Value: empty, without an envelope. Lives: from
/// the first failed attempt of the step to its end; as long as its run, if that ends before it.
pub(crate) const FAILING: Table = Table::new("failing");

/// Steps during which the host went down, or that began after it did, and that are not over.
///
/// Key: run (16 bytes), operation (big-endian `u64`). Value: [`segno_journal::Losses`]. Lives: from
/// the first attempt that begins after a crash of the host to the end of the step or of its run.
pub(crate) const LOSSES: Table = Table::new("losses");

/// What happened to a parked run while it could not be told.
///
/// Key: run (16 bytes), position (big-endian `u64`). Value: [`crate::store::Parked`]. Lives: until
/// the run goes on and the event has had its turn.
pub(crate) const PARKED: Table = Table::new("parked");

/// What was done to a run from outside, and what kept it from going on.
///
/// Key: run (16 bytes), number of the note (big-endian `u64`), from 1. Value:
/// [`crate::store::Note`]. Lives: as long as its run, but only the last [`KEPT_NOTES`] of it.
pub(crate) const NOTES: Table = Table::new("notes");

/// Where a webhook token leads.
///
/// Key: the token, as text. Value: [`crate::store::WebhookRecord`]. Lives: as long as its run, so
/// that a closed webhook can be told from one that never was.
pub(crate) const WEBHOOKS: Table = Table::new("webhooks");

/// Which run an idempotency key started.
///
/// Key: workflow, a zero byte, the key. Value: run (16 bytes), without an envelope. Lives: as long
/// as its run.
pub(crate) const KEYS: Table = Table::new("keys");

/// What is known of a module.
///
/// Key: digest (32 bytes). Value: [`crate::store::ModuleRecord`]. Lives: as long as its code.
pub(crate) const MODULES: Table = Table::new("modules");

/// The code of a module.
///
/// Key: digest (32 bytes). Value: the component, without an envelope. Lives: as long as a workflow
/// points at it or a run that has not ended is on it.
pub(crate) const CODE: Table = Table::new("code");

/// Which module new runs of a workflow are started on.
///
/// Key: the name, as text. Value: digest (32 bytes), without an envelope. Lives: for ever; moved by
/// a deploy.
pub(crate) const WORKFLOWS: Table = Table::new("workflows");

/// All tables but `meta`.
pub(crate) const ALL: [Table; 17] = [
    RUNS,
    UNFINISHED,
    TURNS,
    PAYLOADS,
    PAYLOAD_COUNTS,
    IMAGES,
    BLOCKS,
    ATTEMPTS,
    FAILING,
    LOSSES,
    PARKED,
    NOTES,
    WEBHOOKS,
    KEYS,
    MODULES,
    CODE,
    WORKFLOWS,
];

/// All tables, beginning with what the store says of itself.
pub(crate) fn all() -> impl Iterator<Item = Table> {
    std::iter::once(META).chain(ALL)
}

/// How many attempts of one operation are kept: a step that is tried for years must not fill the
/// disk.
pub(crate) const KEPT_ATTEMPTS: u32 = 100;

/// How many notes of a run are kept: one that a machine resumes and that blocks again, for ever, must
/// not fill the disk.
pub(crate) const KEPT_NOTES: u64 = 1_000;

const FORMAT_KEY: &[u8] = b"format";

/// The key of the moment of the last orderly stop.
pub(crate) const STOPPED_KEY: &[u8] = b"stopped";

/// The format of an existing store, or `None` where it is new.
pub(crate) fn format(transaction: &ReadTransaction) -> Result<Option<u32>, StoreError> {
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(StoreError::io(error)),
    };
    let value = meta.get(FORMAT_KEY).map_err(StoreError::io)?;
    let bytes = value.and_then(|value| <[u8; 4]>::try_from(value.value()).ok());
    let bytes = bytes.ok_or_else(|| StoreError::Record {
        table: "meta".into(),
        detail: "it does not say its format".into(),
    })?;
    Ok(Some(u32::from_le_bytes(bytes)))
}

/// Makes all tables of a new store.
pub(crate) fn create(transaction: &WriteTransaction) -> Result<(), StoreError> {
    let mut meta = transaction.open_table(META).map_err(StoreError::io)?;
    meta.insert(FORMAT_KEY, FORMAT.to_le_bytes().as_slice()).map_err(StoreError::io)?;
    for table in ALL {
        transaction.open_table(table).map_err(StoreError::io)?;
    }
    Ok(())
}

/// The key of something that a run has many of.
pub(crate) fn numbered(run: RunId, number: u64) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&run.to_bytes());
    key[16..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The run and the number of such a key.
pub(crate) fn split_numbered(key: &[u8]) -> Option<(RunId, u64)> {
    let (run, number) = key.split_first_chunk::<16>()?;
    Some((RunId::from_bytes(*run), u64::from_be_bytes(number.try_into().ok()?)))
}

/// The key of an attempt.
pub(crate) fn attempt(run: RunId, op: Op, number: u32) -> [u8; 28] {
    let mut key = [0; 28];
    key[..24].copy_from_slice(&numbered(run, op.0));
    key[24..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The operation of such a key.
pub(crate) fn op_of_attempt(key: &[u8]) -> Option<Op> {
    split_numbered(key.get(..24)?).map(|(_, op)| Op(op))
}

/// The key of an idempotency key. A workflow's name has no zero byte, so no two pairs share one.
pub(crate) fn idempotency(workflow: &str, key: &str) -> Vec<u8> {
    [workflow.as_bytes(), &[0], key.as_bytes()].concat()
}

//! The disk, table by table.
//!
//! All keys are bytes that sort as the things they stand for; all values are records in the
//! envelope of [`crate::store::codec`], but where it says otherwise. What is written here is read
//! for ever: a table never changes its meaning, a new meaning gets a new table.

/// A table of bytes to bytes. The log knows tables by their number here, so a new one comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    /// What the store says of itself.
    ///
    /// Key: a name, as text. Value, without an envelope: of `format` the format, as a little-endian
    /// `u32`; of `indexed` the edition of the indexes that are whole, as a little-endian `u32`; of `stopped`
    /// the moment of the last orderly stop, as a little-endian `u64`; of `paused`, with an envelope, a
    /// [`crate::store::HostPause`]; of `fence` and the number of a shard, as a
    /// big-endian `u32`, the epoch of the shard, as a little-endian `u64`.
    /// Lives: as long as the store; `stopped` from an orderly stop to the next start; `paused` while the host is; the epoch of a
    /// shard from when another host takes it over.
    Meta,

    /// The runs.
    ///
    /// Key: run (16 bytes). Value: [`crate::store::RunRecord`]. Lives: from the start of the run until it is deleted;
    /// written again when the run ends, is blocked or goes on.
    Runs,

    /// The runs that have not ended.
    ///
    /// Key: run (16 bytes). Value: empty, without an envelope. Lives: from the start of the run to its
    /// end.
    Unfinished,

    /// The turns of the runs: the journal.
    ///
    /// Key: run (16 bytes), position (big-endian `u64`). Value: which payloads of the turn are in
    /// [`Table::Payloads`], then the [`segno_journal::Turn`] without them. Lives: as long as its run.
    Turns,

    /// The large payloads of turns, each once.
    ///
    /// Key: the SHA-256 of the payload (32 bytes). Value: the size of the payload, as an integer of
    /// variable length, then the payload as an LZ4 block up to the end of the value. Lives: as long as
    /// a turn refers to it.
    Payloads,

    /// How often turns refer to a payload: in a table of its own, so that a count does not rewrite the
    /// payload.
    ///
    /// Key: as in [`Table::Payloads`]. Value, without an envelope: a little-endian `u64`. Lives: as long as
    /// turns refer to the payload more than once. A payload that has no count is referred to once:
    /// most are, and this spares them a row.
    PayloadCounts,

    /// What images say of themselves.
    ///
    /// Key: run (16 bytes), position (big-endian `u64`): how many turns the image stands for. Value:
    /// [`crate::store::ImageRecord`] with a hash of it and its key. Lives: until the run ends or there
    /// are two newer ones.
    Images,

    /// The memory of images: the blocks that differ from the memory of a fresh guest, compressed.
    ///
    /// Key: as in `images`. Value: bytes in the envelope, as `host/src/sandbox/image.rs` makes them.
    /// Lives: as long as its image.
    Blocks,

    /// Attempts of steps that failed and were tried again.
    ///
    /// Key: run (16 bytes), operation (big-endian `u64`), number of the attempt (big-endian `u32`).
    /// Value: [`segno_journal::retry::Attempt`]. Lives: as long as its run, but only the last
    /// [`KEPT_ATTEMPTS`] of an operation.
    Attempts,

    /// The steps of which an attempt failed, and that are not over.
    ///
    /// Key: run (16 bytes), operation (big-endian `u64`). Value: empty, without an envelope. Lives: from
    /// the first failed attempt of the step to its end; as long as its run, if that ends before it.
    Failing,

    /// Steps during which the host went down, or that began after it did, and that are not over.
    ///
    /// Key: run (16 bytes), operation (big-endian `u64`). Value: [`segno_journal::Losses`]. Lives: from
    /// the first attempt that begins after a crash of the host to the end of the step or of its run.
    Losses,

    /// What happened to a blocked run while it could not be told, and what a run of a batch or a child begins with.
    ///
    /// Key: run (16 bytes), position (big-endian `u64`). Value: [`crate::store::HeldEvent`]. Lives: until
    /// the run goes on and the event has had its turn.
    HeldEvents,

    /// What was done to a run from outside, and what kept it from going on.
    ///
    /// Key: run (16 bytes), number of the note (big-endian `u64`), from 1. Value:
    /// [`crate::store::Note`]. Lives: as long as its run, but only the last [`KEPT_NOTES`] of it.
    Notes,

    /// Where a webhook token leads.
    ///
    /// Key: the token, as text. Value: [`crate::store::WebhookRecord`]. Lives: as long as its run, so
    /// that a closed webhook can be told from one that never was.
    Webhooks,

    /// Which run an idempotency key started.
    ///
    /// Key: workflow, a zero byte, the key. Value: run (16 bytes), without an envelope. Lives: as long
    /// as its run.
    Keys,

    /// What is known of a module.
    ///
    /// Key: digest (32 bytes). Value: [`crate::store::ModuleRecord`]. Lives: as long as its code.
    Modules,

    /// The code of a module.
    ///
    /// Key: digest (32 bytes). Value: the component, without an envelope. Lives: as long as a workflow
    /// points at it or a run that has not ended is on it.
    Code,

    /// Which module new runs of a workflow are started on.
    ///
    /// Key: the name, as text. Value: digest (32 bytes), without an envelope. Lives: for ever; moved by
    /// a deploy.
    Workflows,

    /// Which hook has a token.
    ///
    /// Key: the token, as text. Value: [`crate::store::HookRecord`]. Lives: from the commit in which the hook
    /// gets the token to its end or that of its run; where that was ended without its shard, to the next
    /// start of a host, and it counts for nothing meanwhile.
    Hooks,

    /// What steps that are under way last said of how far they are.
    ///
    /// Key: run (16 bytes), operation (big-endian `u64`). Value: JSON, as text. Lives: from the first
    /// heartbeat of the step to its end or that of its run.
    Heartbeats,

    /// What runs show to those who ask.
    ///
    /// Key: run (16 bytes), name, as text. Value: JSON, as text. Lives: as long as its run.
    Published,

    /// What the family of a run has to know of operations of it.
    ///
    /// Key: run (16 bytes), operation (big-endian `u64`). Value: [`crate::store::FamilyRow`]. Lives: of a
    /// signal to another run, from when that has it until the sender has heard so or has ended; as long as it, where it
    /// has failed; of a child
    /// that is cancelled, from then on to the end of the child. What a crash leaves behind counts for
    /// nothing, and goes at the next start of a host.
    Family,

    /// Where the streams of runs begin and end.
    ///
    /// Key: run (16 bytes), name, as text. Value: [`segno_journal::Stream`]. Lives: from the first chunk of the
    /// stream on, as long as its run.
    Streams,

    /// What is in the streams of runs.
    ///
    /// Key: run (16 bytes), name, as text, a zero byte, the index of the first chunk (big-endian `u64`). Value:
    /// [`segno_journal::Block`]. Lives: as long as its run, or until so much came behind it that it is
    /// forgotten.
    Chunks,

    /// The calls that are owed because runs have ended.
    ///
    /// Key: run (16 bytes). Value: [`crate::store::EndCall`]. Lives: from the end of a run that was started with a URL
    /// to call then, until the call has come; as long as its run, where it was given up.
    EndCalls,

    /// The batches that came with an idempotency key.
    ///
    /// Key: the idempotency key, as text. Value: [`crate::store::BatchRecord`]. Lives: as long as runs are kept that
    /// have ended.
    Batches,

    /// Signals that came in a batch, and that their runs have not taken.
    ///
    /// Key: run (16 bytes), batch (16 bytes), number of the signal in the batch (big-endian `u32`). Value:
    /// [`crate::store::HeldEvent`]. Lives: from the commit of the batch until the signal has had its turn, is
    /// held, or its run has ended.
    Posted,

    /// The runs by workflow and by how they stand.
    ///
    /// Key: workflow, a zero byte, the number of a [`crate::store::Status`] (a byte), run (16 bytes). Value, without
    /// an envelope: of a run that has ended when that was, as a little-endian `u64`; otherwise empty. Lives: as long
    /// as its run, one row for each. It is derived from [`Table::Runs`], in the commit that changes that.
    Standings,

    /// How many runs of a workflow stand in each way.
    ///
    /// Key: workflow, a zero byte, the number of a [`crate::store::Status`] (a byte). A suffix may follow one day, so
    /// that hosts which share a store do not all write one row: who reads adds up what begins so. Value, without an
    /// envelope: a little-endian `u64`, never 0. Lives: while there are such runs. It is derived as
    /// [`Table::Standings`] is.
    Counts,

    /// The attributes of runs.
    ///
    /// Key: run (16 bytes), name, as text. Value: [`crate::store::Attribute`]. Lives: from the start of the run, or
    /// from when its workflow sets it, until its workflow removes it; as long as its run.
    Attributes,

    /// The runs by their attributes.
    ///
    /// Key: name, a zero byte, the number of the kind of the value (a byte), the value, run (16 bytes). Values of a kind
    /// sort as they stand in keys, and none is the beginning of another one: a text ends with two zero bytes, and a zero
    /// byte in it is followed by `ff`; a number is its bits as an `f64`, big-endian, with the sign turned over, and all
    /// bits where it is below zero; a boolean is a byte; a moment is a big-endian `u64`. Value: empty, without an
    /// envelope. Lives: as long as the row in [`Table::Attributes`], from which it is derived in the commit that changes
    /// that.
    AttributeIndex,
    /// The turns that were set aside because their run had failed and was tried again.
    ///
    /// Key: run (16 bytes), number of the retry in the run (big-endian `u32`), from 1, position (big-endian `u64`). Value: as
    /// in [`Table::Turns`]. Lives: as long as its run.
    SetAside,
    /// Runs that are deleted, of which not all is gone yet.
    ///
    /// Key: run (16 bytes). Value: empty, without an envelope. Lives: from the commit that takes the record of the run
    /// away, where that cannot take the rest as well, to the one that takes the last of it.
    Deleting,

    /// The jobs of the host.
    ///
    /// Key: job (16 bytes). Value: [`crate::store::JobRecord`]. Lives: until it has ended and nobody has to know of it
    /// any more.
    Jobs,

    /// The runs with which jobs could do nothing, and why.
    ///
    /// Key: job (16 bytes), run (16 bytes). Value: the reason, as text. Lives: as long as the job, but only
    /// [`crate::store::KEPT_REFUSALS`] of it.
    JobRefusals,
}

impl Table {
    /// All tables, beginning with what the store says of itself.
    pub(crate) const ALL: [Self; 35] = [
        Self::Meta,
        Self::Runs,
        Self::Unfinished,
        Self::Turns,
        Self::Payloads,
        Self::PayloadCounts,
        Self::Images,
        Self::Blocks,
        Self::Attempts,
        Self::Failing,
        Self::Losses,
        Self::HeldEvents,
        Self::Notes,
        Self::Webhooks,
        Self::Keys,
        Self::Modules,
        Self::Code,
        Self::Workflows,
        Self::Hooks,
        Self::Heartbeats,
        Self::Published,
        Self::Family,
        Self::Streams,
        Self::Chunks,
        Self::EndCalls,
        Self::Batches,
        Self::Posted,
        Self::Standings,
        Self::Counts,
        Self::Attributes,
        Self::AttributeIndex,
        Self::SetAside,
        Self::Deleting,
        Self::Jobs,
        Self::JobRefusals,
    ];

    /// The name, as it stands on disk.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Runs => "runs",
            Self::Unfinished => "unfinished",
            Self::Turns => "turns",
            Self::Payloads => "payloads",
            Self::PayloadCounts => "payload_counts",
            Self::Images => "images",
            Self::Blocks => "blocks",
            Self::Attempts => "attempts",
            Self::Failing => "failing",
            Self::Losses => "losses",
            Self::HeldEvents => "held_events",
            Self::Notes => "notes",
            Self::Webhooks => "webhooks",
            Self::Keys => "keys",
            Self::Modules => "modules",
            Self::Code => "code",
            Self::Workflows => "workflows",
            Self::Hooks => "hooks",
            Self::Heartbeats => "heartbeats",
            Self::Published => "published",
            Self::Family => "family",
            Self::Streams => "streams",
            Self::Chunks => "chunks",
            Self::EndCalls => "end_calls",
            Self::Batches => "batches",
            Self::Posted => "posted",
            Self::Standings => "standings",
            Self::Counts => "counts",
            Self::Attributes => "attributes",
            Self::AttributeIndex => "attribute_index",
            Self::SetAside => "set_aside",
            Self::Deleting => "deleting",
            Self::Jobs => "jobs",
            Self::JobRefusals => "job_refusals",
        }
    }

    /// Whether stores were made before there was this table: they get it when they are opened.
    pub(crate) const fn came_later(self) -> bool {
        self as usize > Self::Workflows as usize
    }

    /// The table of this name, if there is one.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name().as_bytes() == name)
    }
}

/// How many attempts of one operation are kept: a step that is tried for years must not fill the
/// disk.
pub(crate) const KEPT_ATTEMPTS: u32 = 100;

/// How many notes of a run are kept: one that a machine resumes and that blocks again, for ever, must
/// not fill the disk.
pub(crate) const KEPT_NOTES: u64 = 1_000;

/// The key in [`Table::Meta`] of the moment of the last orderly stop.
pub(crate) const STOPPED_KEY: &[u8] = b"stopped";

/// The key in [`Table::Meta`] of who has paused the host.
pub(crate) const PAUSED_KEY: &[u8] = b"paused";

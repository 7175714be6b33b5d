//! What the host keeps for one guest: the turn that is being recorded, and the bounds.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use segno_journal::{
    Answer, BlockKind, Blocked, ClosePolicy, Command, Level, LogLine, Op, RunId, Timestamp,
};

use crate::sandbox::given::Moment;
use crate::sandbox::given::{Facts, Quota, Tokens, WebhookAddress};

/// How many bytes of log one turn may write. What goes beyond is counted, not kept.
const LOG_BYTES_PER_TURN: usize = 64 << 10;

/// How many bytes one turn may pass to the host, whatever for: copying costs the guest no fuel, so a
/// guest could keep a thread of the host busy for hours.
const PASSED_PER_TURN: usize = 256 << 20;

/// How many bytes one line of the log may have. Longer ones are cut.
const LOG_LINE_BYTES: usize = 8 << 10;

/// The data of a guest's wasmtime store.
pub(crate) struct State {
    pub(crate) facts: Facts,
    quota: Quota,
    operations: u64,
    turn: Option<Recording>,
    /// Why the guest must stop, if it must. The first reason stands.
    fault: Option<Blocked>,
    /// What the workflow said when it panicked.
    panic: Option<String>,
    /// How many WASI handles the guest holds: they are not in its memory.
    handles: usize,
    linear_memory: usize,
    table_memory: usize,
    /// How many bytes the guest has passed to the host since its turn began.
    passed: usize,
    pub(crate) image: ImageSlot,
}

/// What is on its way between the guest's memory and the host.
pub(crate) enum ImageSlot {
    /// Nothing: `image.save` and `image.load` are refused.
    Closed,
    /// `guest.save` runs, and has not yet saved.
    Saving,
    /// `guest.save` has saved this.
    Saved(Vec<u8>),
    /// `guest.load` runs.
    Loading(Vec<u8>),
}

/// A turn, while it is being recorded.
struct Recording {
    moment: Moment,
    tokens: Tokens,
    random: ChaCha8Rng,
    commands: Vec<Command>,
    bytes: usize,
    log: Vec<LogLine>,
    log_bytes: usize,
    log_dropped: usize,
    printed: [Vec<u8>; 2],
}

/// Which of the two standard streams a guest prints to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    const fn level(self) -> Level {
        match self {
            Self::Stdout => Level::Info,
            Self::Stderr => Level::Error,
        }
    }
}

/// What a turn left behind.
pub(crate) struct Recorded {
    pub(crate) commands: Vec<Command>,
    pub(crate) log: Vec<LogLine>,
}

impl State {
    pub(crate) fn new(facts: Facts, quota: Quota) -> Self {
        Self {
            facts,
            quota,
            operations: 0,
            turn: None,
            fault: None,
            panic: None,
            handles: 0,
            linear_memory: 0,
            table_memory: 0,
            passed: 0,
            image: ImageSlot::Closed,
        }
    }

    /// Opens the record of a turn.
    pub(crate) fn begin_turn(&mut self, moment: Moment, tokens: Tokens) {
        // One stream of the run's generator for each turn: a guest that goes on from an image needs
        // no more than the number of the turn to draw the same numbers.
        let mut random = ChaCha8Rng::from_seed(self.facts.seed);
        random.set_stream(moment.seq);
        self.turn = Some(Recording {
            moment,
            tokens,
            random,
            commands: Vec::new(),
            bytes: 0,
            log: Vec::new(),
            log_bytes: 0,
            log_dropped: 0,
            printed: [Vec::new(), Vec::new()],
        });
    }

    /// Closes the record of the turn.
    pub(crate) fn end_turn(&mut self) -> Recorded {
        let Some(mut turn) = self.turn.take() else {
            return Recorded { commands: Vec::new(), log: Vec::new() };
        };
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(&mut turn.printed[stream as usize]);
            if !rest.is_empty() {
                turn.write_log(stream.level(), String::from_utf8_lossy(&rest).into_owned());
            }
        }
        if turn.log_dropped > 0 {
            let message = format!("{} more lines of this turn were not kept", turn.log_dropped);
            turn.log.push(LogLine { level: Level::Warn, message });
        }
        Recorded { commands: turn.commands, log: turn.log }
    }

    /// Why the guest was stopped, if the host stopped it.
    pub(crate) fn take_fault(&mut self) -> Option<Blocked> {
        self.fault.take()
    }

    /// What the workflow said when it panicked, if it did.
    pub(crate) fn take_panic(&mut self) -> Option<String> {
        self.panic.take()
    }

    /// Remembers what the workflow says as it panics.
    pub(crate) fn panicked(&mut self, mut message: String) {
        message.truncate(message.floor_char_boundary(LOG_LINE_BYTES));
        self.panic.get_or_insert(message);
    }

    /// Takes in the memory that the guest saves: once, while it is asked to.
    pub(crate) fn save(&mut self, memory: Vec<u8>) -> wasmtime::Result<()> {
        match self.image {
            ImageSlot::Saving => {
                self.image = ImageSlot::Saved(memory);
                Ok(())
            }
            ImageSlot::Saved(_) => {
                Err(self.stop(BlockKind::Trap, "the component saved its memory more than once"))
            }
            ImageSlot::Closed | ImageSlot::Loading(_) => {
                Err(self
                    .stop(BlockKind::Trap, "the component saved its memory without being asked to"))
            }
        }
    }

    /// Gives the memory that the guest is to load: once, while it is asked to.
    pub(crate) fn load(&mut self) -> wasmtime::Result<Vec<u8>> {
        match std::mem::replace(&mut self.image, ImageSlot::Closed) {
            ImageSlot::Loading(memory) => Ok(memory),
            ImageSlot::Closed | ImageSlot::Saving | ImageSlot::Saved(_) => Err(self
                .stop(BlockKind::Trap, "the component loaded its memory without being asked to")),
        }
    }

    /// Remembers why the guest must stop, and gives the error that stops it.
    pub(crate) fn stop(&mut self, kind: BlockKind, message: impl Into<String>) -> wasmtime::Error {
        let message = message.into();
        let error = wasmtime::Error::msg(message.clone());
        self.fault.get_or_insert(Blocked { kind, message });
        error
    }

    pub(crate) const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// How much memory the guest has, its tables included, in bytes.
    pub(crate) const fn memory(&self) -> usize {
        self.linear_memory + self.table_memory
    }

    pub(crate) const fn linear_memory(&self) -> usize {
        self.linear_memory
    }

    pub(crate) const fn set_linear_memory(&mut self, bytes: usize) {
        self.linear_memory = bytes;
    }

    pub(crate) const fn table_memory(&self) -> usize {
        self.table_memory
    }

    pub(crate) const fn set_table_memory(&mut self, bytes: usize) {
        self.table_memory = bytes;
    }

    pub(crate) const fn holds_handles(&self) -> bool {
        self.handles > 0
    }

    pub(crate) const fn operations(&self) -> u64 {
        self.operations
    }

    pub(crate) const fn set_operations(&mut self, operations: u64) {
        self.operations = operations;
    }

    pub(crate) const fn open_handle(&mut self) {
        self.handles += 1;
    }

    pub(crate) const fn close_handle(&mut self) {
        self.handles = self.handles.saturating_sub(1);
    }

    /// The guest is called, and has passed nothing to the host yet.
    pub(crate) const fn begin_call(&mut self) {
        self.passed = 0;
    }

    /// Counts what the guest passes to the host, and stops it where it is too much.
    pub(crate) fn charge(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.passed = self.passed.saturating_add(bytes);
        if self.passed <= PASSED_PER_TURN {
            return Ok(());
        }
        let message = format!(
            "the workflow passed more than {PASSED_PER_TURN} bytes to the host in one turn"
        );
        Err(self.stop(BlockKind::Limit, message))
    }

    /// The time that the guest sees: that of the event, or that of the start where no event is
    /// being delivered.
    pub(crate) fn now(&self) -> Timestamp {
        self.turn.as_ref().map_or(self.facts.started_at, |turn| turn.moment.at)
    }

    /// The next random number of the run.
    pub(crate) fn random(&mut self) -> u64 {
        self.turn.as_mut().map_or(0, |turn| turn.random.next_u64())
    }

    /// As many random bytes of the run.
    pub(crate) fn random_bytes(&mut self, length: usize) -> wasmtime::Result<Vec<u8>> {
        self.check_payload("the random bytes that the workflow asked for", length)?;
        let mut bytes = vec![0; length];
        if let Some(turn) = &mut self.turn {
            turn.random.fill_bytes(&mut bytes);
        }
        Ok(bytes)
    }

    /// Records a command that starts an operation, and gives its number.
    pub(crate) fn start_operation(&mut self, command: Command) -> wasmtime::Result<Op> {
        self.record(command)?;
        let op = Op(self.operations);
        self.operations += 1;
        Ok(op)
    }

    /// Records that the guest opens a webhook.
    pub(crate) fn open_webhook(
        &mut self,
        answer: Answer,
    ) -> wasmtime::Result<(Op, WebhookAddress)> {
        let Some(turn) = &mut self.turn else { return Err(self.outside_of_turn()) };
        let address = turn.tokens.next();
        let WebhookAddress { token, url } = address.clone();
        let op = self.start_operation(Command::Webhook { token, url, answer })?;
        Ok((op, address))
    }

    /// Records that the guest opens a hook, with a token that it chose or one that is drawn.
    pub(crate) fn open_hook(
        &mut self,
        token: Option<String>,
        metadata: Option<String>,
    ) -> wasmtime::Result<(Op, String)> {
        let chosen = token.is_some();
        let Some(turn) = &mut self.turn else { return Err(self.outside_of_turn()) };
        let token = token.unwrap_or_else(|| turn.tokens.next().token);
        let command = Command::Hook { token: token.clone(), chosen, metadata };
        Ok((self.start_operation(command)?, token))
    }

    /// Records that the guest starts a child.
    pub(crate) fn spawn(
        &mut self,
        workflow: String,
        input: String,
        policy: ClosePolicy,
    ) -> wasmtime::Result<(Op, RunId)> {
        let run = self.facts.child(Op(self.operations), self.now());
        let command = Command::Child { run, workflow, input, policy };
        Ok((self.start_operation(command)?, run))
    }

    /// Records a command.
    pub(crate) fn record(&mut self, command: Command) -> wasmtime::Result<()> {
        let commands_limit = self.quota.commands_per_turn;
        let bytes_limit = self.quota.bytes_per_turn;
        let size = command.size();
        self.check_payload("what the workflow passes to a step or a webhook", command.payload())?;
        let Some(turn) = &mut self.turn else { return Err(self.outside_of_turn()) };
        turn.bytes += size;
        if turn.commands.len() >= commands_limit {
            let message = format!(
                "the workflow asked for more than {commands_limit} things in one turn, that is without waiting \
                 for any of them; work in batches, for example with `buffer_unordered`"
            );
            return Err(self.stop(BlockKind::Limit, message));
        }
        if turn.bytes > bytes_limit {
            let message = format!(
                "the workflow passed more than {bytes_limit} bytes to its steps in one turn; work in batches, or \
                 pass keys and let the steps fetch the data"
            );
            return Err(self.stop(BlockKind::Limit, message));
        }
        turn.commands.push(command);
        Ok(())
    }

    fn outside_of_turn(&mut self) -> wasmtime::Error {
        self.stop(
            BlockKind::Trap,
            "the component called its host while no event was being delivered",
        )
    }

    /// Writes a line to the log of the run.
    pub(crate) fn write_log(&mut self, level: Level, message: String) {
        if let Some(turn) = &mut self.turn {
            turn.write_log(level, message);
        }
    }

    /// Takes in what the guest prints; each line goes to the log when it is whole.
    pub(crate) fn print(&mut self, stream: Stream, bytes: &[u8]) {
        let Some(turn) = &mut self.turn else { return };
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let pending = &mut turn.printed[stream as usize];
            if pending.len() < LOG_LINE_BYTES {
                pending.extend_from_slice(&line[..line.len().min(LOG_LINE_BYTES)]);
            }
            if line.ends_with(b"\n") {
                let whole = std::mem::take(pending);
                let text = String::from_utf8_lossy(&whole);
                turn.write_log(stream.level(), text.trim_end_matches(['\n', '\r']).to_owned());
            }
        }
    }
}

impl Recording {
    fn write_log(&mut self, level: Level, mut message: String) {
        if message.len() > LOG_LINE_BYTES {
            message.truncate(message.floor_char_boundary(LOG_LINE_BYTES));
            message.push('…');
        }
        self.log_bytes += message.len() + 1;
        if self.log_bytes > LOG_BYTES_PER_TURN {
            self.log_dropped += 1;
        } else {
            self.log.push(LogLine { level, message });
        }
    }
}

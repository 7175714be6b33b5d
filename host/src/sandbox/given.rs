//! What a guest is given: what it may know, what it may use, and where its webhooks can be called.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use segno_journal::{Command, Op, RunId, Timestamp};

/// The first stream of a run's generator that names children.
const CHILDREN: u64 = 1 << 63;

/// What a guest is told of its run. All of it is recorded at the start of the run.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The name of the run.
    pub run: RunId,
    /// The workflow to run.
    pub workflow: String,
    /// When the run was started.
    pub started_at: Timestamp,
    /// What its random numbers grow from: 32 bytes of the operating system's generator.
    pub seed: [u8; 32],
    /// The run that started it, if one did.
    pub parent: Option<RunId>,
}

impl Facts {
    /// The name of the child that is this operation of the run, started at this moment. It follows from them,
    /// so that a replay knows it, and nobody else can guess it.
    pub(crate) fn child(&self, op: Op, at: Timestamp) -> RunId {
        let mut random = ChaCha8Rng::from_seed(self.seed);
        // The streams below are those of the turns.
        random.set_stream(CHILDREN | op.0);
        RunId::from_parts(at, u128::from(random.next_u64()) << 64 | u128::from(random.next_u64()))
    }

    /// What a guest is told that belongs to no run: always the same.
    pub(crate) const fn of_no_run() -> Self {
        Self {
            run: RunId::from_parts(Timestamp(0), 0),
            workflow: String::new(),
            started_at: Timestamp(0),
            seed: [0; 32],
            parent: None,
        }
    }
}

/// When a turn happens: its position in the run, and the time that the guest sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The position of the turn, from 0.
    pub seq: u64,
    /// When its event was delivered.
    pub at: Timestamp,
}

/// What a guest may use.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// Instructions per turn.
    pub fuel_per_turn: u64,
    /// How long a turn may last, in seconds. It stands behind the fuel: see [`Quota::seconds_for`].
    pub seconds: u64,
    /// Linear memory, in bytes.
    pub memory: usize,
    /// Commands in one turn.
    pub commands_per_turn: usize,
    /// Bytes that the commands of one turn carry.
    pub bytes_per_turn: usize,
    /// Bytes of one value that the guest gives.
    pub payload: usize,
}

/// What one call of the host brings at most besides its values: names, numbers, headers.
pub(crate) const BESIDES: usize = 64 << 10;

/// How much fuel even a busy and slow processor burns in a second: a tenth of what a usual one does.
const FUEL_PER_SECOND: u64 = 200_000_000;

/// How many seconds a turn has at least, and at most.
const SECONDS: std::ops::RangeInclusive<u64> = 10..=3_600;

impl Quota {
    /// How long a turn of so much fuel may last, in seconds: so many times as long as the fuel takes
    /// that no guest comes near it which has not found something to do for nothing.
    #[must_use]
    pub fn seconds_for(fuel: u64) -> u64 {
        (fuel / FUEL_PER_SECOND).clamp(*SECONDS.start(), *SECONDS.end())
    }

    /// How many bytes a guest may pass to its host in one call: what all commands of a turn may carry.
    /// Larger values are not copied at all.
    pub(crate) fn passes(&self) -> usize {
        self.bytes_per_turn.max(self.payload).saturating_add(BESIDES)
    }
}

/// Where a webhook can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookAddress {
    /// The secret last segment of the URL.
    pub token: String,
    /// The whole URL.
    pub url: String,
}

/// Where the address of a new webhook, and the token of a hook that chose none, comes from: the one thing that differs between a turn that
/// runs live and one that is replayed.
pub enum Tokens {
    /// From this function: the turn runs live.
    Fresh(Box<dyn FnMut() -> WebhookAddress + Send>),
    /// From the record, in order: the turn is replayed.
    Recorded(std::vec::IntoIter<WebhookAddress>),
}

impl Tokens {
    /// The addresses that the commands of a recorded turn hold.
    #[must_use]
    pub fn recorded(commands: &[Command]) -> Self {
        let address = |command: &Command| match (command.address(), command.drawn_token()) {
            (Some((token, url)), _) => {
                Some(WebhookAddress { token: token.clone(), url: url.clone() })
            }
            (None, Some(token)) => {
                Some(WebhookAddress { token: token.clone(), url: String::new() })
            }
            (None, None) => None,
        };
        let addresses = commands.iter().filter_map(address);
        Self::Recorded(addresses.collect::<Vec<_>>().into_iter())
    }

    /// The next address. A replay that asks for more than is recorded has diverged, which the
    /// comparison of the commands will show; until then it gets an address that nobody can call.
    pub(crate) fn next(&mut self) -> WebhookAddress {
        match self {
            Self::Fresh(make) => make(),
            Self::Recorded(addresses) => addresses.next().unwrap_or_else(|| WebhookAddress {
                token: "unknown".into(),
                url: "unknown".into(),
            }),
        }
    }
}

//! What a guest is given: what it may know, what it may use, and where its webhooks can be called.

use segno_journal::{Command, RunId, Timestamp};

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
}

impl Facts {
    /// What a guest is told that belongs to no run: always the same.
    pub(crate) const fn of_no_run() -> Self {
        Self {
            run: RunId::from_parts(Timestamp(0), 0),
            workflow: String::new(),
            started_at: Timestamp(0),
            seed: [0; 32],
        }
    }
}

/// What a guest may use.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// Instructions per turn.
    pub fuel_per_turn: u64,
    /// Linear memory, in bytes.
    pub memory: usize,
    /// Commands in one turn.
    pub commands_per_turn: usize,
    /// Bytes that the commands of one turn carry.
    pub bytes_per_turn: usize,
    /// Bytes of one value that the guest gives.
    pub payload: usize,
}

/// Where a webhook can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookAddress {
    /// The secret last segment of the URL.
    pub token: String,
    /// The whole URL.
    pub url: String,
}

/// Where the address of a new webhook comes from: the one thing that differs between a turn that
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
        let addresses = commands.iter().filter_map(|command| match command {
            Command::Webhook { token, url, .. } => {
                Some(WebhookAddress { token: token.clone(), url: url.clone() })
            }
            _ => None,
        });
        Self::Recorded(addresses.collect::<Vec<_>>().into_iter())
    }

    /// The next address. A replay that asks for more than is recorded has diverged, which the
    /// comparison of the commands will show; until then it gets an address that nobody can call.
    pub(crate) fn next(&mut self) -> WebhookAddress {
        match self {
            Self::Fresh(make) => make(),
            Self::Recorded(addresses) => addresses
                .next()
                .unwrap_or_else(|| WebhookAddress { token: "unknown".into(), url: "unknown".into() }),
        }
    }
}

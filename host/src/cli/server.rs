//! A whole host in this process: an engine with its two doors.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use segno::Steps;
use segno_journal::RunId;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::cli::{signing, token};
use crate::doors::{
    self, DEFAULT_MAX_WEBHOOK_BODY, Entrance, HalfClose, Keyring, Logins, Reception, Token,
};
use crate::engine::{Clock, Config, Egress, Engine, Limits, Policy, Retention, Supervisor};

/// Of four connections of a listener, those that one peer may have, where nothing else is said: what
/// is left is enough for others until somebody has looked who that is.
const CONNECTIONS_OF_FOUR: usize = 3;

/// Where a host lies, where it listens, and what it may use.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The data directory. Made if it is missing; one host at a time.
    pub data: PathBuf,
    /// Where the management API listens; port 0 is a free one.
    pub listen: SocketAddr,
    /// Where webhooks are received; port 0 is a free one.
    pub webhook_listen: SocketAddr,
    /// What the URLs of webhooks begin with; `http://` and the address of the webhook listener where
    /// none is given. To be given whenever callers come from elsewhere, or the port is a free one and
    /// webhooks are to survive a restart.
    pub public_url: Option<String>,
    /// The one token of the management API, which may do everything. Where none is given and no file,
    /// the file `token` in the data directory counts, and is made if it is missing.
    pub token: Option<Token>,
    /// A file with the tokens of the management API and their rights. It is read again when it
    /// changes, and counts more than `token`.
    pub token_file: Option<PathBuf>,
    /// A file with the key that calls at the ends of runs are signed with; `signing-key` in the data directory where
    /// none is given, which is made if it is missing.
    pub signing_key_file: Option<PathBuf>,
    /// Whether there is a page on the management door.
    pub page: bool,
    /// How many connections one peer may have at each listener; three quarters of all where it is not
    /// said. A proxy in front is one peer.
    pub max_connections_per_peer: Option<usize>,
    /// What the body of a webhook's request may have, in bytes.
    pub max_webhook_body: usize,
    /// How long a caller of a `manual` webhook waits for the workflow's answer before it gets 202.
    pub respond_timeout: Duration,
    /// How much memory live workflows may hold together, in bytes.
    pub memory_budget: usize,
    /// How much of the store is kept in memory, in bytes.
    pub store_cache: usize,
    /// How much all runs together may keep open, in bytes.
    pub open_budget: usize,
    /// How many steps run at once.
    pub max_running_steps: usize,
    /// How long one attempt of a step may take, whatever the step or its workflow says.
    pub max_step_timeout: Duration,
    /// How many times a failed attempt of a step is tried again, whatever the step or its workflow says.
    pub max_step_retries: u32,
    /// Whether each run that comes back from an image is also brought back without it, and the two
    /// are compared.
    pub verify_images: bool,
    /// Where the built-in step `http` may go; none leaves the step out.
    pub http: Option<Egress>,
    /// The program that compiles components in processes of its own, where a hostile one harms nobody: one
    /// whose `main` is [`crate::main`]. Without it they are compiled in this process.
    pub compiler: Option<PathBuf>,
    /// How large a component may be, in bytes.
    pub max_module: usize,
    /// Which steps workflows may call, of those that their modules list.
    pub policy: Policy,
    /// Runs that are left out until somebody resumes them.
    pub park: BTreeSet<RunId>,
    /// How long runs are kept that have ended.
    pub retention: Retention,
    /// What one run may use.
    pub limits: Limits,
}

impl ServeOptions {
    /// What the engine is told, on a host whose API and whose webhooks are at these addresses.
    fn config(&self, (api, webhooks): (SocketAddr, SocketAddr), connections: usize) -> Config {
        let public_url = self.public_url.clone();
        let public_url = public_url.unwrap_or_else(|| default_public_url(webhooks));
        Config {
            api_url: here(api),
            max_waiting: connections / 2,
            respond_timeout: self.respond_timeout,
            memory_budget: self.memory_budget,
            store_cache: self.store_cache,
            open_budget: self.open_budget,
            max_running_steps: self.max_running_steps,
            max_step_timeout: self.max_step_timeout,
            max_step_retries: self.max_step_retries,
            verify_images: self.verify_images,
            http: self.http.clone(),
            compiler: self.compiler.clone(),
            max_module: self.max_module,
            policy: self.policy.clone(),
            park: self.park.clone(),
            retention: self.retention.clone(),
            limits: self.limits,
            ..Config::new(self.data.clone(), public_url)
        }
    }

    /// Where the management API listens if nothing else is said.
    pub const DEFAULT_LISTEN: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7878);

    /// Where webhooks are received if nothing else is said.
    pub const DEFAULT_WEBHOOK_LISTEN: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7879);

    /// A host on this machine's loopback address, with the default ports and limits.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        let config = Config::new(data, String::new());
        Self {
            data: config.data,
            listen: Self::DEFAULT_LISTEN,
            webhook_listen: Self::DEFAULT_WEBHOOK_LISTEN,
            public_url: None,
            token: None,
            token_file: None,
            signing_key_file: None,
            page: true,
            max_connections_per_peer: None,
            max_webhook_body: DEFAULT_MAX_WEBHOOK_BODY,
            respond_timeout: config.respond_timeout,
            memory_budget: config.memory_budget,
            store_cache: config.store_cache,
            open_budget: config.open_budget,
            max_running_steps: config.max_running_steps,
            max_step_timeout: config.max_step_timeout,
            max_step_retries: config.max_step_retries,
            verify_images: config.verify_images,
            http: config.http,
            compiler: config.compiler,
            max_module: config.max_module,
            policy: config.policy,
            park: config.park,
            retention: config.retention,
            limits: config.limits,
        }
    }

    /// The same on free ports, for tests and for several hosts on one machine.
    #[must_use]
    pub const fn on_free_ports(mut self) -> Self {
        self.listen.set_port(0);
        self.webhook_listen.set_port(0);
        self
    }

    fn check(&self) -> anyhow::Result<()> {
        if let Some(url) = &self.public_url {
            let parsed = reqwest::Url::parse(url)
                .with_context(|| format!("the public URL `{url}` is none"))?;
            let usable = matches!(parsed.scheme(), "http" | "https")
                && parsed.query().is_none()
                && parsed.fragment().is_none();
            ensure!(
                usable,
                "the public URL `{url}` must be an http or https URL without `?` and `#`"
            );
        }
        Ok(())
    }

    /// The tokens that open the management API, and the file where they are, if they are in one.
    fn keyring(&self) -> anyhow::Result<(Keyring, Option<PathBuf>)> {
        let file = match (&self.token_file, &self.token) {
            (Some(file), _) => file.clone(),
            (None, Some(token)) => return Ok((Keyring::new(&token.clone().into()), None)),
            (None, None) => {
                let file = token::beside(&self.data);
                token::make(&file)?;
                file
            }
        };
        Ok((Keyring::new(&token::read(&file)?), Some(file)))
    }
}

/// A host that runs in this process. When it is dropped it stops listening; [`Server::stop`] also
/// waits until all is at rest.
pub struct Server {
    current: Supervisor,
    /// What looks after the engine and the tokens; it ends when this is dropped.
    keeper: JoinSet<()>,
    management: SocketAddr,
    webhooks: SocketAddr,
    token_file: Option<PathBuf>,
    /// Those of the page, if there is one.
    logins: Option<Logins>,
    doors: JoinSet<()>,
    stopping: CancellationToken,
}

impl Server {
    /// Opens the data directory, goes on with its runs, and listens.
    ///
    /// # Errors
    ///
    /// The options contradict each other, a port is in use, or the data directory cannot be used.
    pub async fn start(options: ServeOptions, steps: Steps) -> anyhow::Result<Self> {
        options.check()?;
        // The listeners come first: the port of one may be a part of the URLs of webhooks, and no
        // run goes on before it is sure that the host can be asked about it.
        let management = bind(options.listen, "the management API", "--listen").await?;
        let webhooks = bind(options.webhook_listen, "webhooks", "--webhook-listen").await?;
        let management_addr = management.local_addr()?;
        let webhook_addr = webhooks.local_addr()?;
        let (keyring, token_file) = options.keyring()?;
        let connections = doors::connections();
        let mut config = options.config((management_addr, webhook_addr), connections);
        let key = signing::key(options.signing_key_file.as_deref(), &options.data)?;
        let logins = options.page.then(|| Logins::new(key.derive("logins of the page")));
        config.signing_key = Some(key);
        // Whoever comes while the host recovers is told so.
        let stopping = CancellationToken::new();
        let mut doors = JoinSet::new();
        let of_one_peer =
            options.max_connections_per_peer.unwrap_or_else(|| share_of_one_peer(connections));
        let [api, public] = [(management, HalfClose::Gone), (webhooks, HalfClose::Waits)].map(
            |(listener, half_close)| {
                let entrance = Entrance::default();
                let reception = Reception { connections, of_one_peer, half_close };
                let stopped = stopping.clone().cancelled_owned();
                doors.spawn(doors::serve(listener, entrance.clone(), reception, stopped));
                entrance
            },
        );
        let current = Supervisor::new(Engine::open(config.clone(), steps.clone()).await?);
        // Whoever was resumed since is not to be left out again when the store is opened again.
        config.park.clear();
        let open = async move |failed: &Engine| {
            Engine::reopen(failed, config.clone(), steps.clone()).await
        };
        api.open(doors::management(current.clone(), keyring.clone(), logins.clone()));
        public.open(doors::webhooks(current.clone(), options.max_webhook_body));
        let mut keeper = JoinSet::new();
        keeper.spawn(current.clone().look_after(open));
        if let Some(file) = token_file.clone() {
            keeper.spawn(token::follow(file, keyring));
        }
        Ok(Self {
            current,
            keeper,
            management: management_addr,
            webhooks: webhook_addr,
            token_file,
            logins,
            doors,
            stopping,
        })
    }

    /// The engine of the host. After its store has failed there is another one.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.current.engine()
    }

    /// Where the management API listens.
    #[must_use]
    pub const fn management_addr(&self) -> SocketAddr {
        self.management
    }

    /// Where webhooks are received.
    #[must_use]
    pub const fn webhook_addr(&self) -> SocketAddr {
        self.webhooks
    }

    /// Where the tokens of the management API are, unless one was given by itself.
    #[must_use]
    pub fn token_file(&self) -> Option<&Path> {
        self.token_file.as_deref()
    }

    /// Where the page is, if there is one: with a code that opens it once, for some minutes, with the rights of the
    /// first token. The link that was given before is worth nothing then.
    #[must_use]
    pub fn page_link(&self) -> Option<String> {
        let code = self.logins.as_ref()?.link(Clock::System.now());
        Some(format!("{}/login?code={code}", here(self.management)))
    }

    /// Stops: nothing new is accepted, requests under way get an answer, and what is on disk goes on
    /// at the next start.
    pub async fn stop(self) {
        let Self { current, mut keeper, doors, stopping, .. } = self;
        stopping.cancel();
        keeper.shutdown().await;
        let engine = current.engine();
        // Both at once: who waits for the end of a run is answered when the engine stops.
        tokio::join!(engine.shutdown(), doors.join_all());
    }
}

async fn bind(address: SocketAddr, what: &str, option: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "cannot listen on {address} for {what}: the port is in use; stop what uses it, or choose another with \
             {option}"
        ),
        _ => anyhow::Error::from(error).context(format!("cannot listen on {address} for {what}")),
    })
}

/// How many of the connections of a listener one peer may have, where nothing else is said.
const fn share_of_one_peer(connections: usize) -> usize {
    let share = connections / 4 * CONNECTIONS_OF_FOUR;
    if share == 0 { 1 } else { share }
}

fn default_public_url(webhooks: SocketAddr) -> String {
    if webhooks.ip().is_unspecified() {
        let port = webhooks.port();
        warn!(
            "the URLs of webhooks begin with http://localhost:{port}: callers elsewhere need --public-url"
        );
    }
    here(webhooks)
}

/// How a listener is reached from this machine.
fn here(listener: SocketAddr) -> String {
    if listener.ip().is_unspecified() {
        return format!("http://localhost:{}", listener.port());
    }
    format!("http://{listener}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut ServeOptions)) -> Option<String> {
        let mut options = ServeOptions::new("data");
        change(&mut options);
        options.check().err().map(|error| error.to_string())
    }

    #[test]
    fn a_public_url_is_one_that_a_caller_can_use() {
        for url in [
            "hooks.example.org",
            "ftp://example.org",
            "https://example.org?x=1",
            "https://example.org/#x",
        ] {
            let message = refusal(|options| options.public_url = Some(url.into())).expect(url);
            assert!(message.starts_with(&format!("the public URL `{url}`")), "{message}");
        }
        assert_eq!(
            refusal(|options| options.public_url = Some("https://example.org/hooks".into())),
            None
        );
    }

    #[tokio::test]
    async fn a_port_in_use_is_named_with_the_option_that_changes_it() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let message = bind(address, "webhooks", "--webhook-listen").await.unwrap_err().to_string();
        assert_eq!(
            message,
            format!(
                "cannot listen on {address} for webhooks: the port is in use; stop what uses it, or choose another \
                 with --webhook-listen"
            )
        );
    }
}

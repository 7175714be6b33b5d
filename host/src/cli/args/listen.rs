//! What a host is started with: where it listens, who opens it, and what it may use.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::host::TokenArgs;
use crate::cli::args::http::HttpArgs;
use crate::cli::args::limits::LimitArgs;
use crate::cli::args::policy::PolicyArgs;
use crate::cli::logging::LogFormat;
use crate::cli::server::ServeOptions;

/// Where a host listens and what it may use.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListenArgs {
    /// Where the management API listens
    #[arg(long, value_name = "ADDR", default_value_t = ServeOptions::DEFAULT_LISTEN, value_parser = parse_address)]
    pub(in crate::cli) listen: std::net::SocketAddr,

    /// Where webhooks are received
    #[arg(long, value_name = "ADDR", default_value_t = ServeOptions::DEFAULT_WEBHOOK_LISTEN,
        value_parser = parse_address)]
    pub(in crate::cli) webhook_listen: std::net::SocketAddr,

    /// What the URLs of webhooks begin with [default: http:// and the webhook address]
    #[arg(long, value_name = "URL", env = "SEGNO_PUBLIC_URL")]
    pub(in crate::cli) public_url: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) token: TokenArgs,

    /// No page for browsers on the management API
    #[arg(long)]
    pub(in crate::cli) no_page: bool,

    /// How the log on standard error looks; RUST_LOG says how much there is of it
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) log_format: LogFormat,

    /// Brings each run that comes back from an image back without it too, and compares the two
    #[arg(long)]
    pub(in crate::cli) verify_images: bool,

    #[command(flatten)]
    pub(in crate::cli) http: HttpArgs,

    #[command(flatten)]
    policy: PolicyArgs,

    #[command(flatten)]
    pub(in crate::cli) limits: LimitArgs,
}

impl ListenArgs {
    /// The options of a host on this data directory.
    pub(in crate::cli) fn into_options(self, data: PathBuf) -> ServeOptions {
        let Self { listen, webhook_listen, public_url, token, http, policy, limits, .. } = self;
        let mut options = ServeOptions::new(data);
        options.limits.fuel_per_turn = limits.fuel_per_turn;
        options.limits.memory = limits.memory_per_run.0;
        options.retention = limits.retention();
        ServeOptions {
            listen,
            webhook_listen,
            public_url,
            token: token.token,
            token_file: token.token_file,
            signing_key_file: token.signing_key_file,
            page: !self.no_page,
            max_connections_per_peer: limits.max_connections_per_peer,
            max_webhook_body: limits.max_webhook_body.0,
            memory_budget: limits.memory_budget.0,
            store_cache: limits.store_cache.0,
            open_budget: limits.open_budget.0,
            max_running_steps: limits.max_steps,
            max_step_timeout: limits.max_step_timeout,
            max_step_retries: limits.max_step_retries.unwrap_or(options.max_step_retries),
            verify_images: self.verify_images,
            http: http.into_egress(),
            policy: policy.into_policy(),
            // The `main` of this program is ours: it has just read its arguments.
            compiler: this_program(),
            max_module: limits.max_module.0,
            ..options
        }
    }
}

/// Where this very program lies: on Linux also after another one was put in its place.
fn this_program() -> Option<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Some(running) } else { std::env::current_exe().ok() }
}

fn parse_address(text: &str) -> Result<std::net::SocketAddr, String> {
    text.parse().map_err(|_| {
        "write an IP address and a port, as in 127.0.0.1:7878 or [::1]:7878".to_owned()
    })
}

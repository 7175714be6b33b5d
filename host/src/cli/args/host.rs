//! Which running host is meant, and what opens it, on the command line.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};
use reqwest::Url;

use crate::cli::exit::UsageError;
use crate::cli::{local, token};
use crate::doors::{BadToken, Token};

/// Where a host is found if nothing else is said.
const DEFAULT_URL: &str = "http://127.0.0.1:7878";

/// Where a running host is. It may be said before the command and behind it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Host")]
pub(in crate::cli) struct HostArgs {
    /// The management API of the host (SEGNO_URL) [default: http://127.0.0.1:7878]
    #[arg(long, value_parser = parse_url)]
    url: Option<Url>,

    /// A file with a token of the host (SEGNO_TOKEN_FILE) [default: that of a host of yours on this
    /// machine]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// A token of the host (SEGNO_TOKEN); on the command line, all users of this machine see it: prefer a
    /// file or the environment
    #[arg(long, value_parser = parse_token)]
    token: Option<Token>,

    /// The data directory of the host, if it is on this machine: its token is there (SEGNO_DATA)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// What the environment may say of the host, by what stands for it on the command line.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("url", "SEGNO_URL"),
    ("token_file", "SEGNO_TOKEN_FILE"),
    ("token", "SEGNO_TOKEN"),
    ("data", "SEGNO_DATA"),
];

impl HostArgs {
    /// The definition of the whole command line, with what the environment says.
    #[expect(
        clippy::disallowed_methods,
        reason = "an empty variable says nothing, and clap takes it for a value"
    )]
    pub(super) fn from_environment(definition: Command) -> Command {
        let take = |definition: Command, (id, variable): (&'static str, &'static str)| {
            definition.mut_arg(id, |arg| arg.env(variable).hide_env(true))
        };
        let is_set = |variable: &str| std::env::var_os(variable).is_some_and(|set| !set.is_empty());
        ENVIRONMENT.into_iter().filter(|(_, variable)| is_set(variable)).fold(definition, take)
    }

    /// Takes over what was said before the command, where nothing else was said behind it. One token counts
    /// as much as another, so the nearest does.
    pub(super) fn fill_in(&mut self, before: Self) {
        let is_open = self.token_file.is_some() || self.token.is_some() || self.data.is_some();
        let url = self.url.take().or_else(|| before.url.clone());
        *self = if is_open { self.clone() } else { before };
        self.url = url;
    }

    /// Refuses what was said before a command that asks no host.
    pub(super) fn refuse(matches: &ArgMatches) -> Result<(), UsageError> {
        let is_written = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        match ENVIRONMENT.iter().find(|(id, _)| is_written(id)) {
            None => Ok(()),
            Some((id, _)) => Err(UsageError(format!(
                "--{} before a command says which host it asks, and this one asks none: write behind it what it takes",
                id.replace('_', "-")
            ))),
        }
    }

    /// The management API of the host.
    pub(in crate::cli) fn url(&self) -> Url {
        let default = || DEFAULT_URL.parse().expect("it is a URL");
        self.url.clone().unwrap_or_else(default)
    }

    /// The token that the host is shown: what was given first in this order, or what a host on this
    /// machine has left for its user.
    pub(in crate::cli) fn find_token(&self) -> anyhow::Result<Option<Token>> {
        if let Some(file) = &self.token_file {
            return token::read_first(file).map(Some);
        }
        if let Some(token) = &self.token {
            return Ok(Some(token.clone()));
        }
        // The token of a host on this machine is shown to no other.
        let url = self.url();
        match self.data.as_ref().filter(|_| local::is_loopback(&url)) {
            Some(data) => token::read_first(&token::beside(data)).map(Some),
            None => Ok(local::tokens_of(&url).and_then(|file| token::read_first(&file).ok())),
        }
    }
}

/// What opens a host that is to be run.
#[derive(Debug, Args)]
pub(in crate::cli) struct TokenArgs {
    /// A file with the tokens of the management API, a token alone or `NAME RIGHTS TOKEN` in each
    /// line; read again when it changes [default: `token` in the data directory, made if it is missing]
    #[arg(long, value_name = "FILE", env = "SEGNO_TOKEN_FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// A file with the key that calls at the ends of runs are signed with, `whsec_` and base64
    /// [default: `signing-key` in the data directory, made if it is missing]
    #[arg(long, value_name = "FILE", env = "SEGNO_SIGNING_KEY_FILE")]
    pub(super) signing_key_file: Option<PathBuf>,

    /// The one token of the management API; on the command line, all users of this machine see it:
    /// prefer a file or the environment
    #[arg(long, env = "SEGNO_TOKEN", hide_env_values = true, value_parser = parse_token)]
    pub(super) token: Option<Token>,
}

fn parse_token(text: &str) -> Result<Token, BadToken> {
    Token::new(text)
}

fn parse_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}"))?;
    let usable = matches!(url.scheme(), "http" | "https");
    if usable {
        Ok(url)
    } else {
        Err("write an http or https URL, as in http://127.0.0.1:7878".to_owned())
    }
}

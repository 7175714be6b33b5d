//! Which running host is meant, and what opens it, on the command line.

use std::path::PathBuf;

use clap::Args;
use reqwest::Url;

use crate::cli::{local, token};
use crate::doors::{BadToken, Token};

/// Where a running host is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Host")]
pub(in crate::cli) struct HostArgs {
    /// The management API of the host
    #[arg(long, env = "SEGNO_URL", default_value = "http://127.0.0.1:7878", value_parser = parse_url)]
    pub(in crate::cli) url: Url,

    /// A file with a token of the host [default: that of a host of yours on this machine]
    #[arg(long, value_name = "FILE", env = "SEGNO_TOKEN_FILE")]
    token_file: Option<PathBuf>,

    /// A token of the host; on the command line, all users of this machine see it: prefer a file or
    /// the environment
    #[arg(long, env = "SEGNO_TOKEN", hide_env_values = true, value_parser = parse_token)]
    token: Option<Token>,

    /// The data directory of the host, if it is on this machine: its token is there
    #[arg(long, value_name = "DIR", env = "SEGNO_DATA")]
    data: Option<PathBuf>,
}

impl HostArgs {
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
        match self.data.as_ref().filter(|_| local::is_loopback(&self.url)) {
            Some(data) => token::read_first(&token::beside(data)).map(Some),
            None => Ok(local::tokens_of(&self.url).and_then(|file| token::read_first(&file).ok())),
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

//! The two doors of a host, and the only home of axum: the management API for those who run the
//! host, and the public listener for webhooks, each a router of its own on a socket of its own.
//!
//! Handlers extract, call the engine, and wrap its answer. What is wrong with a request is said
//! here, as RFC 9457 problem details; what a request *means* is the engine's. Nothing here knows
//! the sandbox, the store or the steps but for the names of their errors.
//!
//! In reading order: [`management()`] and [`webhooks`] build the routers, [`serve`] puts one on a
//! socket, [`Refusal`] is how both refuse.

mod auth;
mod backup;
mod batches;
mod bodies;
mod body;
mod cookies;
mod deletions;
mod duration;
mod entrance;
mod errors;
mod files;
mod filter;
mod fork;
mod health;
mod hooks;
mod host_pause;
mod jobs;
mod management;
mod metrics;
mod modules;
mod openapi;
mod page;
mod params;
mod peers;
mod queries;
mod refusal;
mod retry;
mod runs;
mod server;
mod signals;
mod streams;
mod tokens;
mod webhook;
mod workflows;

pub use self::duration::{ParseDurationError, parse_duration};
pub use self::entrance::Entrance;
pub use self::files::connections;
pub use self::management::{management, openapi_document};
pub use self::page::Logins;
pub use self::params::MAX_WAIT;
pub use self::queries::MAX_QUERY_INPUT;
pub use self::refusal::Refusal;
pub use self::server::{HalfClose, Reception, serve};
pub use self::tokens::{BadToken, BadTokens, Caller, Keyring, Named, Right, Token, Tokens};
pub use self::webhook::{DEFAULT_MAX_BODY as DEFAULT_MAX_WEBHOOK_BODY, webhooks};

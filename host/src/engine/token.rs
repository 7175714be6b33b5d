//! The secrets of the host: webhook tokens, seeds and names of runs, all from the operating
//! system's generator.

use segno_journal::{RunId, Timestamp};

use crate::sandbox::WebhookAddress;

/// What the path of every webhook begins with.
pub const WEBHOOK_PATH: &str = "/.well-known/workflow/v1/webhook/";

/// How many bytes of randomness a token has: nobody can guess 160 bits.
const TOKEN_BYTES: usize = 20;

/// A new address of a webhook, which nobody can guess.
pub(crate) fn fresh(public_url: &str) -> WebhookAddress {
    let mut token = String::with_capacity(2 * TOKEN_BYTES);
    for byte in random::<TOKEN_BYTES>() {
        // The lower-case hexadecimal digits need no escape in a URL.
        token.extend([byte >> 4, byte & 0xf].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
    }
    let url = format!("{public_url}{WEBHOOK_PATH}{token}");
    WebhookAddress { token, url }
}

/// A new seed for a run.
pub(crate) fn seed() -> [u8; 32] {
    random()
}

/// A new name for a run, after the last one that was given.
pub(crate) fn run_id(now: Timestamp, last: Option<RunId>) -> RunId {
    let fresh = RunId::from_parts(now, u128::from_be_bytes(random()));
    match last {
        // Within a millisecond, or where the clock went back, names go on counting, so that they
        // sort by the order of the starts.
        Some(last) if last.timestamp() >= now => last.successor().unwrap_or(fresh),
        _ => fresh,
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .expect("the operating system's generator works: nothing secret can be made without it");
    bytes
}

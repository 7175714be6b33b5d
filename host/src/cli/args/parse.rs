//! What arguments are parsed with.

use crate::engine::Config;

/// The defaults of the engine, for the help.
pub(super) fn defaults() -> Config {
    Config::new("", "")
}

/// With none, nothing that waits for it would ever begin.
pub(super) fn parse_some(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| "write a number from 1 on".to_owned())
}

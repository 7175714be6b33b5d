//! What steps are told by the environment: a step has no command line of its own.

/// The address of the other systems.
pub const API_URL: &str = "API_URL";

/// A variable of the environment, if it is set and not empty.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

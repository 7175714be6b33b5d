//! Words by which something is known: the names of signals and queries, the tokens of hooks.

/// How long the name of a signal or a query may be, in bytes.
const MAX_NAME: usize = 128;

/// Whether the host takes it as a word.
pub(crate) fn fits(word: &str, limit: usize) -> bool {
    (1..=limit).contains(&word.len()) && !word.chars().any(char::is_control)
}

/// Whether it can be a name.
pub(crate) fn is_name(name: &str) -> bool {
    fits(name, MAX_NAME)
}

/// # Panics
///
/// The name of `what` is none.
pub(crate) fn check(what: &str, name: &str) {
    assert!(
        is_name(name),
        "`{name}` cannot be the name of {what}: it must have from 1 to {MAX_NAME} bytes, and no control characters"
    );
}

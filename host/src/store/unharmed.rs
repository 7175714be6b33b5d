//! Files that are damaged, and may break an assumption which the storage does not check: whatever panics for
//! that becomes an error, on whichever thread of the host it is.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;

thread_local! {
    /// Whether this thread does something with a file that may be damaged.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does something with a file. Nothing where that panics: the file breaks the rules of its format.
#[inline]
pub(super) fn unharmed<T>(with_file: impl FnOnce() -> T) -> Option<T> {
    let before = GUARDED.replace(true);
    let done = std::panic::catch_unwind(AssertUnwindSafe(with_file));
    GUARDED.set(before);
    done.ok()
}

/// Keeps the panics that become errors from being printed, for a whole program.
pub(crate) fn hush() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !GUARDED.get() {
            others(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing_and_the_thread_is_guarded_no_more() {
        assert_eq!(unharmed(|| unharmed(|| GUARDED.get())), Some(Some(true)));
        assert_eq!(unharmed(|| -> u8 { panic!("on purpose") }), None);
        assert!(!GUARDED.get());
    }
}

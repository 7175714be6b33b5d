//! What the macros write. Not part of the API: it changes without notice.

#[cfg(target_family = "wasm")]
pub use segno_guest_runtime::export as export_component;
pub use segno_guest_runtime::task::WorkflowFuture;

pub use crate::call::{StepDef, call};
#[cfg(target_family = "wasm")]
pub use crate::component::{Exported, Exports};
pub use crate::duration::is_valid;
#[cfg(not(target_family = "wasm"))]
pub use crate::native::arguments::{Arguments, written};
#[cfg(not(target_family = "wasm"))]
pub use crate::native::define::define;
#[cfg(feature = "schema")]
pub use crate::schema::{HasNoSchema, HasSchema, Of, Schemas};
pub use crate::step::Input;
pub use crate::workflow::{Listed, Opaque, Outcome, WorkflowDef, with_input, without_input};

/// A step, as this build lists it.
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn step<S: StepDef>() -> crate::native::Step {
    S::step()
}

/// A step, as this build lists it.
#[cfg(target_family = "wasm")]
#[must_use]
pub fn step<S: StepDef>() -> &'static str {
    S::NAME
}

/// A workflow, as `export!` lists it.
#[must_use]
pub const fn workflow<W: WorkflowDef>() -> Listed {
    Listed {
        name: W::NAME,
        keep: W::KEEP,
        start: W::start,
        #[cfg(feature = "schema")]
        schemas: W::schemas,
    }
}

/// Whether all names are different. For lists, at compile time.
#[must_use]
pub const fn all_differ(names: &[&str]) -> bool {
    let mut a = 0;
    while a < names.len() {
        let mut b = 0;
        while b < a {
            if is_same(names[a].as_bytes(), names[b].as_bytes()) {
                return false;
            }
            b += 1;
        }
        a += 1;
    }
    true
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// A duration whose text the compiler has checked.
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn duration(text: &str) -> std::time::Duration {
    use crate::duration::IntoDuration as _;
    // What remains is a number of years that no clock reaches.
    text.into_duration().unwrap_or(std::time::Duration::MAX)
}

/// What a crate that has no `register!` finds in its place.
pub mod defaults {
    #[cfg(target_family = "wasm")]
    use crate::component::Steps;
    #[cfg(not(target_family = "wasm"))]
    use crate::native::Steps;

    /// No steps.
    #[must_use]
    pub fn __segno_steps() -> Steps {
        Steps::new()
    }
}

#[cfg(test)]
mod tests {
    use super::all_differ;

    #[test]
    fn names_are_compared_whole() {
        assert!(all_differ(&[]));
        assert!(all_differ(&["a", "ab", "b", ""]));
        assert!(!all_differ(&["a", "b", "a"]));
        assert!(!all_differ(&["", ""]));
    }
}

//! The component: the exports that a host calls, and the imports as a [`Host`](crate::host::Host).
//!
//! This is the only home of the generated bindings. It converts and calls; what a run does is the
//! runtime's business.

#[doc(hidden)]
pub mod bindings;
mod exports;
mod imports;
mod memory;

#[doc(hidden)]
pub use crate::wasm::bindings::export_guest;
#[doc(hidden)]
pub use crate::wasm::exports::Exported;

/// Writes the exports of a component, from what an SDK says about it as a
/// [`Component`](crate::component::Component). Stands once in a component.
#[macro_export]
macro_rules! export {
    ($component:ty) => {
        const _: () = {
            type Exported = $crate::wasm::Exported<$component>;
    $crate::wasm::export_guest!(Exported with_types_in $crate::wasm::bindings);
        };
    };
}

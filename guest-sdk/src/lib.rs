//! Durable workflows: what their author writes against.
#![doc = ""]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod body;
mod duration;
mod error;
pub mod http;
pub mod log;
#[cfg(not(target_family = "wasm"))]
pub mod native;
mod random;
mod run;
mod runtime;
mod step;
mod time;
#[cfg(target_family = "wasm")]
mod wasm;
mod webhook;
mod workflow;

/// A moment: `jiff::Timestamp`.
#[doc(inline)]
pub use jiff::Timestamp;
pub use segno_macros::{step, steps, workflow};

pub use crate::body::Body;
pub use crate::duration::{IntoDuration, InvalidDuration};
pub use crate::error::Error;
#[cfg(not(target_family = "wasm"))]
#[doc(no_inline)]
pub use crate::native::Steps;
pub use crate::random::{random, random_range};
pub use crate::run::{RunInfo, run};
pub use crate::step::{StepContext, StepError, StepFailure};
pub use crate::time::{Sleep, now, sleep, sleep_until};
#[cfg(target_family = "wasm")]
pub use crate::wasm::Steps;
pub use crate::webhook::{Next, Request, Response, Webhook, WebhookBuilder};

/// Lists the workflows of a component, by their paths. Stands once, in `lib.rs`.
///
/// ```
/// # mod scope {
/// #[segno::workflow]
/// pub async fn hello() -> Result<&'static str, segno::Error> {
///     Ok("hello")
/// }
///
/// segno::export!(hello);
/// # }
/// ```
///
/// On wasm this writes the exports of the component. Natively it only checks the list.
#[macro_export]
macro_rules! export {
    ($($workflow:ty),+ $(,)?) => {
        #[doc(hidden)]
        #[allow(unused_imports, reason = "`register!` shadows what it brings")]
        use $crate::__private::defaults::*;

        $crate::__segno_exports!($($workflow),+);
    };
    () => {
        ::core::compile_error!(
            "segno::export! lists the workflows of this component: \
             segno::export!(my_workflow, other::workflow);"
        );
    };
}

/// Natively the list is only checked.
#[doc(hidden)]
#[cfg(not(target_family = "wasm"))]
#[macro_export]
macro_rules! __segno_exports {
    ($($workflow:ty),+) => {
        const _: &[$crate::__private::Listed] = &[$($crate::__private::workflow::<$workflow>()),+];
    };
}

/// The exports of a component.
#[doc(hidden)]
#[cfg(target_family = "wasm")]
#[macro_export]
macro_rules! __segno_exports {
    ($($workflow:ty),+) => {
        const _: () = {
            struct Component;

            impl $crate::__private::Component for Component {
                const WORKFLOWS: &'static [$crate::__private::Listed] =
                    &[$($crate::__private::workflow::<$workflow>()),+];

                fn steps() -> $crate::Steps {
                    __segno_steps()
                }
            }

            type Exported = $crate::__private::Exported<Component>;
            $crate::__private::export_guest!(Exported with_types_in $crate::__private::bindings);
        };
    };
}

/// Lists the steps of a crate, by their paths, and defines `pub fn steps() -> segno::Steps`.
/// Stands once, in `lib.rs`.
///
/// ```
/// # mod scope {
/// #[segno::steps]
/// mod greetings {
///     #[segno::step]
///     pub async fn greet(name: String) -> Result<String, segno::StepError> {
///         Ok(format!("hello {name}"))
///     }
/// }
///
/// segno::register!(greetings::greet);
///
/// # pub fn test() {
/// assert_eq!(steps().names().collect::<Vec<_>>(), ["greet"]);
/// # }}
/// # scope::test();
/// ```
///
/// Natively these are the steps with their bodies, for a host. On wasm they are the names that
/// the component says it may call, so that a deploy finds out at once if the host lacks one.
#[macro_export]
macro_rules! register {
    ($($step:ty),* $(,)?) => {
        /// The steps of this crate.
        #[must_use]
        pub fn steps() -> $crate::Steps {
            $crate::Steps::new()$(.with($crate::__private::step::<$step>()))*
        }

        #[doc(hidden)]
        pub fn __segno_steps() -> $crate::Steps {
            steps()
        }
    };
}

//! The log of a run: lines that the host keeps with it.
//!
//! ```
//! let contacts = 7;
//! segno::log::info!("{contacts} contacts to write");
//! ```
//!
//! On replay nothing is written again. In the body of a step use `tracing`, or whatever the host
//! binary uses; these lines belong to workflows. Natively, outside a host, they go to standard
//! error.

use std::fmt;

use segno_guest_runtime::context;
#[cfg(not(target_family = "wasm"))]
use segno_guest_runtime::runtime::Runtime;

#[doc(inline)]
pub use segno_guest_runtime::types::Level;

#[doc(inline)]
pub use crate::{
    __segno_debug as debug, __segno_error as error, __segno_info as info, __segno_warn as warn,
};

/// Writes a line to the run's log. The macros of this module are shorter.
pub fn write(level: Level, message: impl fmt::Display) {
    #[cfg(not(target_family = "wasm"))]
    if !Runtime::is_here() {
        #[expect(clippy::print_stderr, reason = "there is no host that keeps a log")]
        {
            eprintln!("{level:?}: {message}");
        }
        return;
    }
    context::log(level, &message.to_string());
}

/// Writes a line to the run's log, for who looks for a fault. Takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __segno_debug {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::Level::Debug, ::core::format_args!($($message)+))
    };
}

/// Writes a line to the run's log: what happened. Takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __segno_info {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::Level::Info, ::core::format_args!($($message)+))
    };
}

/// Writes a line to the run's log: what somebody should look at. Takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __segno_warn {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::Level::Warn, ::core::format_args!($($message)+))
    };
}

/// Writes a line to the run's log: what somebody must look at. Takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __segno_error {
    ($($message:tt)+) => {
        $crate::log::write($crate::log::Level::Error, ::core::format_args!($($message)+))
    };
}

//! Segno's command line with the steps of this crate, and `demo` beside its own commands.

#[cfg(not(target_family = "wasm"))]
fn main() -> std::process::ExitCode {
    segno_host::cli::Cli::new(order_fulfilment::steps())
        .command::<order_fulfilment::demo::DemoArgs, _, _>("demo", order_fulfilment::demo::run)
        .run()
}

/// The component is made of the library; a build for it passes by here as well.
#[cfg(target_family = "wasm")]
fn main() {}

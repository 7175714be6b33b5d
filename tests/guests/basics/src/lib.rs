//! Workflows that behave, for the tests of the host: one for each thing that a workflow can do.

pub mod ambient;
pub mod hooks;
pub mod plain;
pub mod steps;

segno::export!(
    plain::echo,
    plain::add_steps,
    plain::fan_out,
    plain::nap,
    plain::fails,
    plain::step_fails,
    hooks::race,
    hooks::hook,
    hooks::hook_static,
    hooks::hook_manual,
    hooks::hook_manual_in_step,
    ambient::prints,
    ambient::times,
);

segno::register!(
    steps::add,
    steps::note,
    steps::flaky,
    steps::fatal,
    steps::slow,
    steps::panics,
    steps::respond,
);

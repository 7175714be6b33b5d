//! Workflows that behave, for the tests of the host: one for each thing that a workflow can do.

pub mod ambient;
pub mod arrays;
pub mod family;
pub mod hooks;
pub mod long;
pub mod medley;
pub mod plain;
pub mod program;
pub mod steps;
pub mod streams;
pub mod talk;
#[cfg(not(target_family = "wasm"))]
pub mod tried;
pub mod work;

segno::export!(
    plain::echo,
    plain::add_steps,
    plain::fan_out,
    plain::nap,
    plain::fails,
    plain::step_fails,
    plain::long_note,
    plain::abandons,
    plain::nests,
    hooks::race,
    hooks::hook,
    hooks::hook_static,
    hooks::hook_manual,
    hooks::hook_manual_in_step,
    hooks::hook_busy,
    hooks::hook_heavy,
    long::rounds,
    long::crowds_kept,
    long::mishaps_kept,
    long::rounds_kept,
    long::rounds_printed,
    medley::medley,
    medley::medley_kept,
    medley::edition,
    program::program,
    talk::approve,
    talk::drawn,
    talk::busy_hook,
    talk::opens_again,
    talk::deaf_hook,
    talk::closing_hook,
    talk::order,
    talk::mailbox,
    talk::deaf,
    talk::sleeper,
    talk::gives_up,
    talk::gives_up_failing,
    talk::whereabouts,
    talk::counts,
    talk::remembers,
    talk::sums,
    talk::counts_on,
    talk::panics_with_its_token,
    talk::sleeps_and_panics,
    talk::sleeps_often,
    talk::panics_when_told,
    family::childhood,
    family::lingers,
    family::adds,
    family::says_later,
    family::cancels_and_ends,
    family::abandons_children,
    family::parent,
    family::waits_for_child,
    family::listens,
    family::directs,
    family::reports,
    family::hears_children,
    family::keeps,
    family::cancels,
    family::stranger,
    family::multiplies,
    family::races_child,
    streams::narrates,
    streams::dictates,
    streams::is_cut_off,
    streams::floods,
    streams::closes_early,
    streams::pauses,
    ambient::prints,
    ambient::times,
    ambient::clocks,
);

segno::register!(
    steps::add,
    steps::note,
    steps::flaky,
    steps::fatal,
    steps::slow,
    steps::stubborn,
    steps::panics,
    steps::kills,
    steps::respond,
    steps::work,
    steps::nested,
    steps::heeds,
    steps::whereabouts,
    steps::counts,
    steps::remembers,
    steps::writes,
    steps::writes_and_hangs,
    steps::writes_behind_the_end,
);

//! The host of the first workflow: its steps, and the whole command line of Segno.

fn main() -> std::process::ExitCode {
    segno_host::main(hello::steps())
}

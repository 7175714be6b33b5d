//! What is printed: the one place of the command line that writes to the terminal.
//!
//! Answers go to standard output, where a script reads them; whatever is said beside them goes to
//! standard error. A closed pipe is an error that the caller passes on, not a panic.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use clap_complete::Shell;

use crate::cli::text::printable_lines;

/// Prints answers, for people or for programs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// For programs where this is so as well.
    pub(super) const fn or_json(self, json: bool) -> Self {
        Self { json: self.json || json }
    }

    /// True if the answers are for programs.
    pub(super) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints an answer: as the JSON that it came in, or as a text for people.
    pub(super) fn show(self, json: &str, text: impl FnOnce() -> String) -> io::Result<()> {
        if self.json { line(json.trim_end()) } else { line(text().trim_end()) }
    }
}

/// Prints one or more whole lines.
pub(super) fn line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Prints bytes as they are. A terminal gets them as text, and nothing in it does anything to it.
pub(super) fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    if stdout.is_terminal() {
        stdout.write_all(printable_lines(&String::from_utf8_lossy(bytes)).as_bytes())?;
    } else {
        stdout.write_all(bytes)?;
    }
    stdout.flush()
}

/// What is said beside answers goes into the log, because that is read by a program.
static IS_LOGGED: AtomicBool = AtomicBool::new(false);

/// From now on, what is said beside answers goes into the log.
pub(super) fn log_notes() {
    IS_LOGGED.store(true, Ordering::Relaxed);
}

/// Says something beside the answer. That nobody reads it is no error.
pub(super) fn note(text: &str) {
    if IS_LOGGED.load(Ordering::Relaxed) {
        tracing::info!("{text}");
    } else {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

/// The same for what went wrong.
pub(super) fn complain(text: &str) {
    if IS_LOGGED.load(Ordering::Relaxed) {
        tracing::error!("{text}");
    } else {
        let _ = writeln!(io::stderr().lock(), "error: {text}");
    }
}

/// True if a person sees what is said beside the answer, so that progress may be shown.
pub(super) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Prints the completions of a shell.
pub(super) fn completions(shell: Shell, definition: &mut clap::Command) -> io::Result<()> {
    let name = std::env::args_os()
        .next()
        .and_then(|path| {
            Some(std::path::Path::new(&path).file_stem()?.to_string_lossy().into_owned())
        })
        .unwrap_or_else(|| definition.get_name().to_owned());
    // The generator panics where it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, definition, name, &mut script);
    let mut stdout = io::stdout().lock();
    stdout.write_all(&script)?;
    stdout.flush()
}
